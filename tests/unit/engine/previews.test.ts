import { expect, test } from 'vitest';
import { Previews } from '../../../client/engine/previews.ts';

/** Which of `steps` steps show a picture, where a step takes `stepMs`, its decoding `decodeMs`, and the network is asked `calls` times a step. */
async function shownSteps(steps: number, stepMs: number, decodeMs: number, calls = 1) {
  let time = 5000;
  const seen: string[] = [];
  const spent: number[] = [];
  const previews = new Previews<string>({
    steps,
    now: () => time,
    show: async (x0) => {
      time += decodeMs;
      seen.push(x0);
    },
  });
  let step = 0;
  const denoise = previews.watch(async () => {
    time += stepMs / calls;
    return `x0 of ${step}`;
  });
  for (; step < steps; step++) {
    for (let call = 0; call < calls; call++) await denoise('x', 1, 0);
    spent.push(previews.endStep());
  }
  return { seen: seen.map((x0) => Number(x0.slice('x0 of '.length))), spent };
}

test.each<[about: string, args: Parameters<typeof shownSteps>, shown: number[]]>([
  ['decoding in a tenth of a step: at every step but the blind ones and the last', [8, 100, 10], [2, 3, 4, 5, 6]],
  ['decoding as long as a step: now and then', [20, 100, 100], [2, 13]],
  ['decoding longer than the run: once', [20, 100, 5000], [2]],
  ['a sampler that asks twice a step: no more than once a step', [8, 100, 1, 2], [2, 3, 4, 5, 6]],
  ['a run of three steps, which ends before there is anything to see', [3, 100, 1], []],
  ['one step', [1, 100, 1], []],
])('%s', async (_, args, shown) => {
  const [steps, , decodeMs] = args;
  const { seen, spent } = await shownSteps(...args);
  expect(seen).toEqual(shown);
  expect(spent).toEqual(Array.from({ length: steps }, (_, step) => (shown.includes(step) ? decodeMs : 0)));
});
