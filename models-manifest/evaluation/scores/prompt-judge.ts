import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { signedPlanes } from '../../../shared/guidance/embedding-graph.ts';
import type { TextEntry } from '../../../shared/manifest.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';
import { makeTokenizer, type Tokenizer } from '../../../shared/text/tokenizer.ts';
import { cosine } from './cosine.ts';

const FOLDER = path.join(import.meta.dirname, '../judge');

/**
 * How well a picture fits a prompt: the cosine of a CLIP-like pair of towers that was trained on the truth of every pair and its caption, and that no
 * guidance sees. The demo's own CLIP cannot tell: it has never read the names of the LoRAs.
 */
export class PromptJudge {
  readonly #pictures: ort.InferenceSession;
  readonly #texts: ort.InferenceSession;
  readonly #tokenizer: Tokenizer;
  readonly #known = new Map<string, Float32Array>();

  private constructor(pictures: ort.InferenceSession, texts: ort.InferenceSession, tokenizer: Tokenizer) {
    this.#pictures = pictures;
    this.#texts = texts;
    this.#tokenizer = tokenizer;
  }

  /** @param tokenizer the demo's tokenizer.json, which the towers share */
  static async open(tokenizer: Uint8Array, text: TextEntry): Promise<PromptJudge> {
    const tower = async (file: string) =>
      ort.InferenceSession.create(await readFile(path.join(FOLDER, file)), { intraOpNumThreads: 1, logSeverityLevel: 3 });
    return new PromptJudge(
      await tower('prompt_picture.onnx'),
      await tower('prompt_text.onnx'),
      makeTokenizer(new TextDecoder().decode(tokenizer), text),
    );
  }

  async score(picture: RgbaImage, prompt: string): Promise<number> {
    const input = new ort.Tensor('float32', signedPlanes(picture), [1, 3, picture.height, picture.width]);
    const { embedding } = await this.#pictures.run({ picture: input });
    return cosine(embedding!.data as Float32Array, await this.#embed(prompt));
  }

  async #embed(prompt: string): Promise<Float32Array> {
    const known = this.#known.get(prompt);
    if (known) return known;
    const { ids } = this.#tokenizer.encode(prompt);
    const { embedding } = await this.#texts.run({ input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]) });
    const vector = embedding!.data as Float32Array;
    this.#known.set(prompt, vector);
    return vector;
  }
}
