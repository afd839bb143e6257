import { DiptychError } from '../../../shared/errors.ts';
import type { Conditioning, ConditioningInput, TextEncoderName } from '../../../shared/manifest.ts';
import type { GraphValue } from '../../../shared/onnx/ir.ts';
import type { EncoderOutput } from './encoder-output.ts';
import type { Family, Filling, Role } from './families.ts';

/** What each text encoder of a folder gives. */
export type Outputs = ReadonlyMap<TextEncoderName, ReadonlyMap<Role, EncoderOutput>>;

/** Original height and width, crop at the top and left, target height and width (Podell et al. 2023, section 2.2). */
const SIZES = 6;

export interface ConditioningPlan {
  /** Dims of the denoiser's inputs beside latent and timestep. */
  dims: Record<string, number[]>;
  /** The inputs as the catalogue describes them, for pictures of this size in pixels. */
  inputs(image: { height: number; width: number }): Conditioning['inputs'];
}

export interface ConditioningRequest {
  outputs: Outputs;
  /** The denoiser's inputs as exported. */
  declared: readonly GraphValue[];
  /** Rows of the denoiser. */
  batch: number;
  /** The width that the denoiser's config gives for a padded input. */
  configWidth: number | undefined;
}

/**
 * Where the outputs of the text encoders go in the denoiser's inputs.
 *
 * @throws DiptychError `graph_unsupported`
 */
export function planConditioning(family: Family, { outputs, declared, batch, configWidth }: ConditioningRequest): ConditioningPlan {
  const laid = new Map(Object.entries(family.conditioning).map(([input, filling]) => [input, layOut(input, filling, outputs)]));
  const dims = Array.from(laid, ([input, plan]) => {
    const known = declared.find(({ name }) => name === input)?.type.dims ?? [];
    const dims = plan && family.paddedTo !== undefined ? padded(input, plan.dims, known, configWidth) : (plan?.dims ?? [SIZES]);
    return [input, [batch, ...dims]];
  });
  return {
    dims: Object.fromEntries(dims),
    inputs: ({ height, width }) =>
      Array.from(laid, ([input, plan]) =>
        plan ? { input, blocks: plan.blocks } : { input, values: [height, width, 0, 0, height, width] },
      ),
  };
}

interface Layout {
  blocks: Extract<ConditioningInput, { blocks: unknown }>['blocks'];
  /** Without the batch. */
  dims: number[];
}

/** `undefined` for an input that is no text. */
function layOut(input: string, filling: Filling, outputs: Outputs): Layout | undefined {
  if (filling === 'sizes') return undefined;
  const blocks: Layout['blocks'] = [];
  let [rank, top, width, height] = [3, 0, 0, 0];
  for (const row of filling) {
    let left = 0;
    for (const [encoder, role] of row) {
      const output = outputs.get(encoder)?.get(role);
      // A row whose encoder was left out stays zero, and as long as the row before: so the public pipelines do without T5.
      if (!output) continue;
      const { name, dims } = output;
      const tokens = dims.length === 3 ? dims[1]! : 1;
      if (left > 0 && tokens !== height) {
        throw new DiptychError('graph_unsupported', `${encoder} gives ${tokens} tokens for ${input}, the encoder before it ${height}`, {
          input,
        });
      }
      [rank, height] = [dims.length, tokens];
      blocks.push({ encoder, output: name, at: rank === 3 ? [top, left] : [left] });
      left += dims.at(-1)!;
    }
    top += height;
    width = Math.max(width, left);
  }
  return { blocks, dims: rank === 3 ? [top, width] : [width] };
}

/** As many tokens and channels as the denoiser declares. A pooled input is as wide as its pieces. */
function padded(input: string, dims: number[], declared: readonly (number | string)[], configWidth: number | undefined): number[] {
  if (dims.length === 1) return dims;
  const [tokens, channels] = dims as [number, number];
  const width = typeof declared[2] === 'number' ? declared[2] : configWidth;
  if (width === undefined) {
    throw new DiptychError(
      'pipeline_incomplete',
      `the transformer's input ${input} has no fixed width, and transformer/config.json no joint_attention_dim, which would say it`,
      { field: 'joint_attention_dim' },
    );
  }
  if (channels > width) {
    throw new DiptychError('graph_unsupported', `the text encoders give ${channels} channels for ${input}, which takes ${width}`, {
      input,
    });
  }
  return [typeof declared[1] === 'number' ? declared[1] : tokens, width];
}
