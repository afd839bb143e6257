import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ort from 'onnxruntime-node';
import { signedPlanes } from '../../../shared/guidance/embedding-graph.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';

const FOLDER = path.join(import.meta.dirname, '../judge');

/** What the judge makes of one picture, 1 or 0 each. */
export interface Verdict {
  subject: number;
  style: number;
  both: number;
}

/** A classifier of the demo's world, trained on the truth of every pair and never used to make a picture (`models-manifest/training`). */
export class Judge {
  readonly #session: ort.InferenceSession;
  readonly #labels: { subjects: string[]; styles: string[] };

  private constructor(session: ort.InferenceSession, labels: { subjects: string[]; styles: string[] }) {
    this.#session = session;
    this.#labels = labels;
  }

  static async open(): Promise<Judge> {
    const labels = JSON.parse(await readFile(path.join(FOLDER, 'labels.json'), 'utf8'));
    return new Judge(await ort.InferenceSession.create(path.join(FOLDER, 'model.onnx'), { intraOpNumThreads: 1 }), labels);
  }

  /** Whether it names the subject and the style that a picture of 64 x 64 pixels was to have. */
  async verdict(picture: RgbaImage, { subject, style }: { subject: string; style: string }): Promise<Verdict> {
    const input = new ort.Tensor('float32', signedPlanes(picture), [1, 3, picture.height, picture.width]);
    const outputs = await this.#session.run({ picture: input });
    if (!this.#labels.subjects.includes(subject) || !this.#labels.styles.includes(style))
      throw new Error(`the judge knows no ${subject} in ${style}; models-manifest/evaluation/judge/labels.json has what it knows`);
    const named = (output: string, labels: readonly string[]) => labels[indexOfLargest(outputs[output]!.data as Float32Array)];
    const [rightSubject, rightStyle] = [named('subject', this.#labels.subjects) === subject, named('style', this.#labels.styles) === style];
    return { subject: Number(rightSubject), style: Number(rightStyle), both: Number(rightSubject && rightStyle) };
  }
}

const indexOfLargest = (values: Float32Array): number => values.indexOf(Math.max(...values));
