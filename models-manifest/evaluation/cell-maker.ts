import { Engine } from '../../client/engine/engine.ts';
import { openNodeRuntime } from '../../client/engine/sessions/node.ts';
import type { Runtime } from '../../client/engine/sessions/runtime.ts';
import type { BlobSource } from '../../client/engine/weights/blob-source.ts';
import type { ModelEntry } from '../../shared/manifest.ts';
import type { GenerateResult, RgbaImage } from '../../shared/protocol.ts';
import { folderBlobs } from '../cli/folder-blobs.ts';
import { encodePng } from '../cli/image/encode-png.ts';
import type { Store } from '../cli/store.ts';
import { type Resemblance, resemblances } from './scores/embeddings.ts';
import { Judge } from './scores/judge.ts';
import { PromptJudge } from './scores/prompt-judge.ts';
import { distanceToNearest, readTruth } from './scores/truth.ts';
import {
  type Cell,
  type CellResult,
  type Pair,
  PROMPTS,
  type Scored,
  type Scores,
  type Trials,
  TRUTH,
  type Variant,
  variantName,
} from './study.ts';

interface Made {
  picture: RgbaImage;
  prompt: number;
  seed: number;
  milliseconds: number;
  subjectShare: number;
}

interface Parts {
  engine: Engine;
  runtime: Runtime;
  blobs: BlobSource;
  model: ModelEntry;
  judge: Judge;
  promptJudge: PromptJudge;
}

/** Makes the pictures of a cell and scores them, on one core: the same numbers on however many cores a study runs. */
export class CellMaker {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async open(store: Store): Promise<CellMaker> {
    const model = await store.model(undefined);
    const blobs = folderBlobs(store);
    const engine = new Engine({ openRuntime: (backend) => openNodeRuntime(backend, 1), openBlobs: async () => blobs });
    await engine.start({ backend: 'cpu' });
    const tokenizer = await blobs.fetch([model.text.tokenizer]);
    const promptJudge = await PromptJudge.open(tokenizer.get(model.text.tokenizer.sha256)!, model.text);
    return new CellMaker({ engine, runtime: await openNodeRuntime('cpu', 1), blobs, model, judge: await Judge.open(), promptJudge });
  }

  async close(): Promise<void> {
    await this.#parts.engine.close();
    await this.#parts.runtime.close();
  }

  /** @param onPicture after each picture */
  async make(cell: Cell, trials: Trials, onPicture: () => void): Promise<CellResult> {
    const { subject, style } = cell.pair;
    const truth = await readTruth(subject.id, style.id);
    const made =
      cell.variant === TRUTH ? drawn(truth, trials, onPicture) : await this.#generate(cell.variant, cell.pair, trials, onPicture);
    const pictures = made.map(({ picture }) => picture);
    const alike = await resemblances(this.#parts, cell.pair, pictures);
    const scored: Scored[] = [];
    for (const [i, one] of made.entries()) {
      const scores = { ...(await this.#verdicts(one, cell.pair, truth)), ...alike[i]! };
      scored.push({ variant: variantName(cell), subject: subject.id, style: style.id, prompt: one.prompt, seed: one.seed, scores });
    }
    const sample = Buffer.from(encodePng(pictures[0]!)).toString('base64');
    return { scored, sample, milliseconds: made.map(({ milliseconds }) => milliseconds) };
  }

  async #verdicts(
    { picture, prompt, subjectShare }: Made,
    pair: Pair,
    truth: readonly RgbaImage[],
  ): Promise<Omit<Scores, keyof Resemblance>> {
    const verdict = await this.#parts.judge.verdict(picture, { subject: pair.subject.id, style: pair.style.id });
    // A pose of the truth is compared with the others.
    const poses = truth.filter((pose) => pose !== picture);
    return {
      'judge subject': verdict.subject,
      'judge style': verdict.style,
      'judge both': verdict.both,
      prompt: await this.#parts.promptJudge.score(picture, PROMPTS[prompt]!(pair)),
      distance: distanceToNearest(picture, poses),
      'subject share': subjectShare,
    };
  }

  async #generate({ request }: Variant, pair: Pair, { prompts, seeds, steps }: Trials, onPicture: () => void): Promise<Made[]> {
    const made: Made[] = [];
    const { engine, model } = this.#parts;
    const { guidanceScale } = model.defaults;
    for (let prompt = 0; prompt < prompts; prompt++)
      for (const seed of seeds) {
        const asked = { model, ...pair, prompt: PROMPTS[prompt]!(pair), guidanceScale, strengths: [1, 1] as const, seed, steps };
        const { image, timings, fusionMap } = await engine.generate({ ...asked, ...request }, () => {});
        const milliseconds = timings.textMs + timings.stepMs.reduce((sum, ms) => sum + ms, 0) + timings.decodeMs;
        made.push({ picture: image, prompt, seed, milliseconds, subjectShare: shareOfSubject(fusionMap) });
        onPicture();
      }
    return made;
  }
}

/** A pose for each seed. */
function drawn(truth: readonly RgbaImage[], { prompts, seeds }: Trials, onPicture: () => void): Made[] {
  return Array.from({ length: prompts }, (_, prompt) => prompt).flatMap((prompt) =>
    seeds.map((seed, k) => {
      onPicture();
      return { picture: truth[k % truth.length]!, prompt, seed, milliseconds: 0, subjectShare: 0 };
    }),
  );
}

/** Of all layers and steps, those that used the subject's LoRA alone. */
const shareOfSubject = ({ choice }: GenerateResult['fusionMap']): number => choice.filter((branch) => branch === 0).length / choice.length;
