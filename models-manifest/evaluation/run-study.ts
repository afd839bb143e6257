/** Pictures of every pair and seed by every variant, each scored. */
import { Engine } from '../../client/engine/engine.ts';
import { openNodeRuntime } from '../../client/engine/sessions/node.ts';
import type { LoraEntry, ModelEntry } from '../../shared/manifest.ts';
import type { GenerateRequest, RgbaImage } from '../../shared/protocol.ts';
import { folderBlobs } from '../cli/folder-blobs.ts';
import type { Store } from '../cli/store.ts';
import { Judge } from './judge.ts';
import { Resemblance } from './resemblance.ts';

/** A way of making pictures: what it sets in the request. */
export interface Variant {
  name: string;
  /** The name of the variant that it is compared with, pair by pair and seed by seed. */
  against?: string;
  request: Pick<GenerateRequest, 'rule'> & Partial<Pick<GenerateRequest, 'ruleSettings' | 'guidance'>>;
}

export interface Study {
  variants: readonly Variant[];
  /** The same ones for every pair and variant. */
  seeds: readonly number[];
  steps: number;
}

export const SCORES = ['dino', 'clip', 'judge subject', 'judge style', 'judge both'] as const;
export type Score = (typeof SCORES)[number];

export interface Scored {
  variant: string;
  subject: string;
  style: string;
  seed: number;
  scores: Readonly<Record<Score, number>>;
  picture: RgbaImage;
}

/** Told before each picture, with the seconds that are left of the whole. */
export type OnPicture = (done: number, total: number, secondsLeft: number | undefined) => void;

export async function runStudy(store: Store, { variants, seeds, steps }: Study, onPicture: OnPicture): Promise<Scored[]> {
  const { models, loras } = await store.manifest();
  const of = (kind: LoraEntry['kind']) => loras.filter((lora) => lora.kind === kind);
  const runs = variants.flatMap((variant) =>
    of('subject').flatMap((subject) => of('style').flatMap((style) => seeds.map((seed) => ({ variant, subject, style, seed })))),
  );
  const score = await openScores();
  const engine = new Engine({ openRuntime: openNodeRuntime, openBlobs: async () => folderBlobs(store) });
  await engine.start({ backend: 'cpu' });
  const started = performance.now();
  const scored: Scored[] = [];
  try {
    for (const [done, { variant, subject, style, seed }] of runs.entries()) {
      onPicture(done, runs.length, done === 0 ? undefined : ((performance.now() - started) / done / 1000) * (runs.length - done));
      const request = { ...pairRequest(models[0]!, subject, style), ...variant.request, seed, steps };
      const { image } = await engine.generate(request, () => {});
      const pair = { subject: subject.id, style: style.id };
      scored.push({ variant: variant.name, ...pair, seed, scores: await score(image, pair), picture: image });
    }
  } finally {
    await engine.close();
  }
  return scored;
}

async function openScores(): Promise<(picture: RgbaImage, pair: { subject: string; style: string }) => Promise<Scored['scores']>> {
  const [dino, clip, judge] = await Promise.all([Resemblance.open('dino'), Resemblance.open('clip'), Judge.open()]);
  return async (picture, pair) => {
    const verdict = await judge.verdict(picture, pair);
    return {
      dino: await dino.to(pair.subject, picture),
      clip: await clip.to(pair.style, picture),
      'judge subject': verdict.subject,
      'judge style': verdict.style,
      'judge both': verdict.both,
    };
  };
}

const pairRequest = (model: ModelEntry, subject: LoraEntry, style: LoraEntry) => ({
  model,
  subject,
  style,
  prompt: `${subject.trigger} ${style.trigger}`,
  guidanceScale: model.defaults.guidanceScale,
  strengths: [1, 1] as const,
});
