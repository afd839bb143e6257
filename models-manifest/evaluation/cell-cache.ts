import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ModelEntry } from '../../shared/manifest.ts';
import { type Cell, type CellResult, type Trials, TRUTH } from './study.ts';

const FOLDER = path.join(import.meta.dirname, 'run');
const ROOT = path.join(import.meta.dirname, '../..');

/** What a cell's numbers come from, beside model and LoRAs: any change of it makes them anew. */
const SOURCES = ['shared', 'client/engine', 'client/sampler', 'package-lock.json'].concat(
  ['cell-maker.ts', 'study.ts', 'scores', 'judge', 'truth'].map((part) => `models-manifest/evaluation/${part}`),
);

/** Cells that were made already, by what they were made of: an interrupted study goes on, and studies share what is the same in them. */
export class CellCache {
  readonly #sources: string;
  readonly #model: ModelEntry;

  private constructor(sources: string, model: ModelEntry) {
    this.#sources = sources;
    this.#model = model;
  }

  /** Reads the sources as they are now. */
  static async open(model: ModelEntry): Promise<CellCache> {
    const hash = createHash('sha256');
    for (const source of SOURCES)
      for (const file of await filesIn(path.join(ROOT, source))) hash.update(path.relative(ROOT, file)).update(await readFile(file));
    await mkdir(FOLDER, { recursive: true });
    return new CellCache(hash.digest('hex'), model);
  }

  async get(cell: Cell, trials: Trials): Promise<CellResult | undefined> {
    const text = await readFile(this.#file(cell, trials), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const result: CellResult = JSON.parse(text);
    // The same cell may have another name in another study.
    const variant = cell.variant === TRUTH ? TRUTH : cell.variant.name;
    return { ...result, scored: result.scored.map((one) => ({ ...one, variant })) };
  }

  /** Whole or not at all. */
  async put(cell: Cell, trials: Trials, result: CellResult): Promise<void> {
    const file = this.#file(cell, trials);
    await writeFile(`${file}.part`, JSON.stringify(result));
    await rename(`${file}.part`, file);
  }

  #file({ variant, pair }: Cell, { seeds, prompts, steps }: Trials): string {
    const made = { request: variant === TRUTH ? TRUTH : variant.request, model: this.#model, pair, seeds, prompts, steps };
    const key = createHash('sha256').update(this.#sources).update(JSON.stringify(made)).digest('hex');
    return path.join(FOLDER, `${key}.json`);
  }
}

/** A file itself, or all files below a folder, in order. */
async function filesIn(source: string): Promise<string[]> {
  const entries = await readdir(source, { withFileTypes: true, recursive: true }).catch(() => undefined);
  if (!entries) return [source];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}
