import type { Store } from '../cli/store.ts';
import type { CellCache } from './cell-cache.ts';
import { makeCells } from './cell-pool.ts';
import { type Cell, type CellResult, type Trials, TRUTH, type Variant } from './study.ts';

export interface Progress {
  done: number;
  total: number;
  /** Undefined until a picture has been made. */
  secondsLeft: number | undefined;
}

interface StudyRun {
  store: Store;
  /** Left out where all is to be made anew; what is made is kept all the same. */
  known: CellCache | undefined;
  cache: CellCache;
  processes: number;
  trials: Trials;
  onProgress: (progress: Progress) => void;
}

/** Every variant on every pair, after the ground truth of each: results in that order, whatever was made when. */
export async function runStudy(variants: readonly Variant[], run: StudyRun): Promise<CellResult[]> {
  const { store, known, cache, processes, trials, onProgress } = run;
  const cells = [TRUTH, ...variants].flatMap((variant) =>
    trials.pairs.map((pair): Cell => ({ variant: variant as Cell['variant'], pair })),
  );
  const results = new Map<Cell, CellResult>();
  for (const cell of cells) {
    const result = await known?.get(cell, trials);
    if (result) results.set(cell, result);
  }
  const left = cells.filter((cell) => !results.has(cell));
  const each = trials.prompts * trials.seeds.length;
  const reused = results.size * each;
  let made = 0;
  const started = performance.now();
  const tell = () => {
    const secondsLeft = made === 0 ? undefined : ((performance.now() - started) / 1000 / made) * (left.length * each - made);
    onProgress({ done: reused + made, total: cells.length * each, secondsLeft });
  };
  tell();
  const count = () => {
    made++;
    tell();
  };
  await makeCells({ root: store.root, trials, processes }, left, count, async (cell, result) => {
    await cache.put(cell, trials, result);
    results.set(cell, result);
  });
  return cells.map((cell) => results.get(cell)!);
}
