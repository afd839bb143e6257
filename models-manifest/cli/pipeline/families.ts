/** The model families that `prepare` knows: the one place that says what each family's denoiser reads. */
import { DiptychError } from '../../../shared/errors.ts';
import { type SchedulerConfig, TEXT_ENCODERS, type TextEncoderName } from '../../../shared/manifest.ts';

/**
 * What a text encoder gives: the normalised output of its last layer, the raw output of the one before, or the pooled projection. (The
 * public SD 2.x folders hold an encoder that lacks the last layer: their last is OpenCLIP's penultimate.)
 */
export type Role = 'last' | 'penultimate' | 'pooled';

type Piece = readonly [encoder: TextEncoderName, role: Role];

/** What fills an input: pieces side by side on the channels, such rows one after another on the tokens; or the sizes of the picture. */
export type Filling = readonly (readonly Piece[])[] | 'sizes';

export interface Family {
  name: string;
  /** The denoiser's folder, and its input that takes the latent. */
  folder: 'unet' | 'transformer';
  latent: 'sample' | 'hidden_states';
  /** Its inputs beside latent and timestep. */
  conditioning: Readonly<Record<string, Filling>>;
  /** Where text is padded with zeros to the width that the denoiser declares: the field of its config that says the width too. */
  paddedTo?: string;
  /** The text encoder that a folder may lack. */
  optional?: TextEncoderName;
  /** Where model_index.json does not say: an absent negative prompt is a row of zeros, not an empty text. */
  zeroWithoutNegative: boolean;
  defaults: { steps: number; guidanceScale: number };
}

const FAMILIES: readonly Family[] = [
  {
    name: 'SD 1.x and 2.x',
    folder: 'unet',
    latent: 'sample',
    conditioning: { encoder_hidden_states: [[['textEncoder', 'last']]] },
    zeroWithoutNegative: false,
    defaults: { steps: 20, guidanceScale: 7.5 },
  },
  {
    // Podell et al. 2023, arXiv 2307.01952, sections 2.1 and 2.2.
    name: 'SDXL',
    folder: 'unet',
    latent: 'sample',
    conditioning: {
      encoder_hidden_states: [
        [
          ['textEncoder', 'penultimate'],
          ['textEncoder2', 'penultimate'],
        ],
      ],
      text_embeds: [[['textEncoder2', 'pooled']]],
      time_ids: 'sizes',
    },
    zeroWithoutNegative: true,
    defaults: { steps: 20, guidanceScale: 5 },
  },
  {
    // Esser et al. 2024, arXiv 2403.03206, section 4: T5's tokens follow those of the two CLIPs.
    name: 'SD3',
    folder: 'transformer',
    latent: 'hidden_states',
    conditioning: {
      encoder_hidden_states: [
        [
          ['textEncoder', 'penultimate'],
          ['textEncoder2', 'penultimate'],
        ],
        [['textEncoder3', 'last']],
      ],
      pooled_projections: [
        [
          ['textEncoder', 'pooled'],
          ['textEncoder2', 'pooled'],
        ],
      ],
    },
    paddedTo: 'joint_attention_dim',
    optional: 'textEncoder3',
    zeroWithoutNegative: false,
    defaults: { steps: 28, guidanceScale: 7 },
  },
];

const inputsOf = ({ latent, conditioning }: Family): string[] => [latent, 'timestep', ...Object.keys(conditioning)];

/**
 * The family of a denoiser with these inputs.
 *
 * @throws DiptychError `graph_unsupported` listing what each family reads
 */
export function familyOf(inputs: readonly string[], file: string): Family {
  const found = FAMILIES.find((family) => inputsOf(family).toSorted().join() === inputs.toSorted().join());
  if (found) return found;
  const known = FAMILIES.map((family) => `${family.name} (${inputsOf(family).join(', ')})`).join('; ');
  throw new DiptychError(
    'graph_unsupported',
    `${file} has the inputs ${inputs.join(', ')}; the families that can be prepared are ${known}`,
    {
      inputs,
    },
  );
}

/** The text encoders that a family reads, in the order of their folders, and what it takes of each. */
export function encodersOf({ conditioning }: Family): [encoder: TextEncoderName, roles: Role[]][] {
  const pieces = Object.values(conditioning).flatMap((filling) => (filling === 'sizes' ? [] : filling.flat()));
  return TEXT_ENCODERS.map((encoder): [TextEncoderName, Role[]] => [
    encoder,
    pieces.filter((piece) => piece[0] === encoder).map((piece) => piece[1]),
  ]).filter(([, roles]) => roles.length > 0);
}

/**
 * Default number of steps and guidance scale. Distilled models want few steps and no guidance, and their schedulers tell them: LCM, and the
 * trailing Euler of the Turbo models (Sauer et al. 2023, arXiv 2311.17042).
 */
export function samplingDefaults(family: Family, scheduler: SchedulerConfig): Family['defaults'] {
  const { _class_name: name = '', timestep_spacing, prediction_type, rescale_betas_zero_snr } = scheduler;
  if (name === 'LCMScheduler') return { steps: 4, guidanceScale: 1 };
  const euler = name === 'EulerDiscreteScheduler' || name === 'EulerAncestralDiscreteScheduler';
  const turbo = euler && timestep_spacing === 'trailing' && prediction_type === 'epsilon' && !rescale_betas_zero_snr;
  return turbo ? { steps: 1, guidanceScale: 1 } : family.defaults;
}
