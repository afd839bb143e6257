import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ort from 'onnxruntime-node';
import * as v from 'valibot';
import { DEMO } from '../cli/demo/seed-store.ts';
import { requireConfig } from '../cli/pipeline/read-config.ts';
import { signedPlanes } from '../../shared/guidance/embedding-graph.ts';
import type { RgbaImage } from '../../shared/protocol.ts';

const Preprocessor = v.object({
  image_mean: v.array(v.number()),
  image_std: v.array(v.number()),
  references: v.record(v.string(), v.array(v.number())),
});

/**
 * How near a picture comes to a concept in the space of one of the demo's image encoders. Written apart from the guidance that is measured by it:
 * the encoder as exported, and the finished picture's own pixels.
 */
export class Resemblance {
  readonly #session: ort.InferenceSession;
  readonly #config: v.InferOutput<typeof Preprocessor>;

  private constructor(session: ort.InferenceSession, config: v.InferOutput<typeof Preprocessor>) {
    this.#session = session;
    this.#config = config;
  }

  static async open(encoder: 'clip' | 'dino'): Promise<Resemblance> {
    const folder = path.join(DEMO, `image_encoder_${encoder}`);
    const config = await requireConfig(folder, 'preprocessor_config.json', Preprocessor);
    return new Resemblance(await ort.InferenceSession.create(await readFile(path.join(folder, 'model.onnx'))), config);
  }

  /** The cosine of a picture of 64 x 64 pixels with the mean embedding of a concept's reference pictures. */
  async to(concept: string, picture: RgbaImage): Promise<number> {
    const { image_mean: mean, image_std: std, references } = this.#config;
    const plane = picture.width * picture.height;
    const pixels = signedPlanes(picture).map((value, i) => ((value + 1) / 2 - mean[Math.floor(i / plane)]!) / std[Math.floor(i / plane)]!);
    const [name] = this.#session.inputNames as [string];
    const outputs = await this.#session.run({ [name]: new ort.Tensor('float32', pixels, [1, 3, picture.height, picture.width]) });
    return cosine(outputs[this.#session.outputNames[0]!]!.data as Float32Array, references[concept]!);
  }
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
