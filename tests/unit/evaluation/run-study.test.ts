import { expect, it } from 'vitest';
import { withDemoStore } from '../../../models-manifest/cli/demo/with-demo-store.ts';
import { CellCache } from '../../../models-manifest/evaluation/cell-cache.ts';
import { runStudy } from '../../../models-manifest/evaluation/run-study.ts';
import { type Trials, TRUTH, type Variant } from '../../../models-manifest/evaluation/study.ts';

const VARIANTS: readonly Variant[] = [
  { name: 'kl', request: { rule: 'kl' } },
  { name: 'direct', request: { rule: 'direct' } },
];

it(
  'makes and scores the same pictures in two processes as in one, in the order of the rows, and keeps them',
  { timeout: 300_000 },
  async () => {
    await withDemoStore(async (store) => {
      const { loras } = await store.manifest();
      const of = (id: string) => loras.find((lora) => lora.id === id)!;
      const trials: Trials = { pairs: [{ subject: of('zorp'), style: of('brick') }], seeds: [1, 2], prompts: 2, steps: 3 };
      const cache = await CellCache.open(await store.model(undefined));
      const run = async (processes: number, known?: CellCache) => {
        const progress: string[] = [];
        const onProgress = ({ done, total }: { done: number; total: number }) => progress.push(`${done}/${total}`);
        const results = await runStudy(VARIANTS, { store, cache, known, processes, trials, onProgress });
        return { progress, scored: results.flatMap(({ scored }) => scored), samples: results.map(({ sample }) => sample) };
      };
      const one = await run(1);
      expect(one.scored.map(({ variant, prompt, seed }) => `${variant} ${prompt} ${seed}`)).toEqual(
        [TRUTH, 'kl', 'direct'].flatMap((variant) => [0, 1].flatMap((prompt) => [1, 2].map((seed) => `${variant} ${prompt} ${seed}`))),
      );
      expect(one.progress).toEqual(Array.from({ length: 13 }, (_, done) => `${done}/12`));
      const truth = one.scored.filter(({ variant }) => variant === TRUTH);
      expect(truth.map(({ scores }) => [scores['judge both'], scores['subject share']])).toEqual([1, 2, 3, 4].map(() => [1, 0]));
      const shares = one.scored.filter(({ variant }) => variant === 'kl').map(({ scores }) => scores['subject share']);
      expect(Math.min(...shares)).toBeGreaterThan(0);
      for (const { scores } of one.scored) expect(Object.values(scores).every(Number.isFinite)).toBe(true);

      const two = await run(2);
      expect(two.scored).toEqual(one.scored);
      expect(two.samples).toEqual(one.samples);
      const kept = await run(1, cache);
      expect(kept.progress).toEqual(['12/12']);
      expect(kept.scored).toEqual(one.scored);
    });
  },
);
