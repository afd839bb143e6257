import fc from 'fast-check';
import ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { controlFeeds, type Decision } from '../../../shared/fusion/controls.ts';
import { factorFeeds } from '../../../shared/fusion/factors.ts';
import { fuse, type FusedModel } from '../../../shared/fusion/fuse.ts';
import { FUSION } from '../../../shared/fusion/interface.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import type { LoraLayer } from '../../../shared/lora/lora.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { channelsLast, fused as fusedByHand, klDivergence, type Matrix, matrix, patches, timesTransposed } from './reference.ts';
import { numbers, SIZES, tinyModel } from './tiny-graph.ts';

const MODULES = ['block.0.to_q', 'proj', 'conv1'];
const OUTPUTS = ['linear', 'gemm', 'conv'];
const IMAGES = Object.fromEntries(
  Object.entries(SIZES).map(([name, dims], i) => [
    name,
    numbers(
      20 + i,
      dims.reduce((a, b) => a * b),
    ),
  ]),
);

/** A LoRA over the three layers; layers of rank 0 are left out of it. */
function lora(seed: number, ranks: readonly [number, number, number], alpha = 3): LoraLayer[] {
  const shapes = [
    { module: MODULES[0]!, kind: 'linear' as const, in: 6, out: 7 },
    { module: MODULES[1]!, kind: 'linear' as const, in: 6, out: 9 },
    { module: MODULES[2]!, kind: 'conv' as const, in: 4 * 9, out: 5 },
  ];
  return shapes.flatMap((shape, i) => {
    const rank = ranks[i]!;
    if (rank === 0) return [];
    return [
      {
        module: shape.module,
        kind: shape.kind,
        rank,
        alpha,
        downShape: [rank, shape.in],
        down: numbers(seed + i, rank * shape.in),
        up: numbers(seed + 10 + i, shape.out * rank),
      },
    ];
  });
}

let model: FusedModel;
let session: ort.InferenceSession;
let base: Record<string, Matrix>;

beforeAll(async () => {
  model = fuse(tinyModel(), MODULES);
  validateModel(model.model);
  session = await ort.InferenceSession.create(writeModel(model.model));
  const plain = await ort.InferenceSession.create(writeModel(tinyModel()));
  base = asRows(await plain.run(images()));
});

function images(): Record<string, ort.Tensor> {
  return Object.fromEntries(Object.entries(SIZES).map(([name, dims]) => [name, new ort.Tensor('float32', IMAGES[name]!, dims)]));
}

function asRows(outputs: ort.InferenceSession.OnnxValueMapType): Record<string, Matrix> {
  const data = (name: string) => (outputs[name] as ort.Tensor).data as Float32Array;
  return { linear: matrix(data('linear'), 7), gemm: matrix(data('gemm'), 9), conv: channelsLast(data('conv'), 2, 5) };
}

interface Run {
  subject: LoraLayer[];
  style: LoraLayer[];
  strengths?: readonly [number, number];
  decision?: Decision;
}

async function run({ subject, style, strengths = [1, 1], decision = 'kl' }: Run) {
  const { layers } = model;
  const feeds = [
    ...factorFeeds('subject', layers, subject),
    ...factorFeeds('style', layers, style),
    ...controlFeeds({ layers, subject, style, strengths, decision }),
  ];
  const outputs = await session.run({
    ...images(),
    ...Object.fromEntries(feeds.map(({ name, data, dims }) => [name, new ort.Tensor('float32', data, dims)])),
  });
  const table = (name: string) => matrix((outputs[name] as ort.Tensor).data as Float32Array, 2) as [number, number][];
  return { rows: asRows(outputs), kl: table(FUSION.kl), choice: table(FUSION.choice) };
}

/** d of one layer, by hand. */
function delta(layers: LoraLayer[], index: number, strength: number): Matrix {
  const found = layers.find((layer) => layer.module === MODULES[index]);
  const x = [matrix(IMAGES.tokens!, 6), matrix(IMAGES.rows!, 6), patches(IMAGES.image!, SIZES.image, 3, 2, 1)][index]!;
  const out = [7, 9, 5][index]!;
  if (!found) return x.map(() => Array<number>(out).fill(0));
  const h = timesTransposed(x, matrix(found.down, found.down.length / found.rank));
  return timesTransposed(h, matrix(found.up, found.rank)).map((row) => row.map((value) => (value * strength * found.alpha) / found.rank));
}

function expectClose(actual: Matrix, expected: Matrix): void {
  const errors = expected.flatMap((row, n) => row.map((value, c) => Math.abs(value - actual[n]![c]!)));
  expect(Math.max(...errors)).toBeLessThan(2e-5);
}

describe('fuse', () => {
  it('finds the three layers with their sizes', () => {
    expect(findSites(tinyModel().graph).map((site) => site.layer)).toEqual([
      { kind: 'linear', module: 'block.0.to_q', in: 6, out: 7 },
      { kind: 'linear', module: 'proj', in: 6, out: 9 },
      { kind: 'conv', module: 'conv1', in: 4, out: 5, kernel: [3, 3] },
    ]);
  });

  const runs: [string, Run][] = [
    ['both LoRAs in every layer', { subject: lora(30, [2, 3, 2]), style: lora(60, [4, 1, 3]) }],
    ['strengths other than one', { subject: lora(30, [2, 3, 2]), style: lora(60, [4, 1, 3]), strengths: [0.3, 1.7] }],
    ['a layer that only one of them has', { subject: lora(30, [2, 0, 2]), style: lora(60, [4, 1, 0]) }],
    ['no style LoRA at all', { subject: lora(30, [1, 1, 1]), style: [] }],
  ];
  it.each(runs)('chooses the larger KL with %s', async (_, options) => {
    const strengths = options.strengths ?? [1, 1];
    const { rows, kl, choice } = await run(options);
    for (const [index, output] of OUTPUTS.entries()) {
      const y0 = base[output]!;
      const deltas = [delta(options.subject, index, strengths[0]), delta(options.style, index, strengths[1])] as const;
      const expected = deltas.map((d) => klDivergence(y0, d));
      expected.forEach((value, k) => expect(kl[index]![k]).toBeCloseTo(value, 5));
      const gates = expected[0]! >= expected[1]! ? ([1, 0] as const) : ([0, 1] as const);
      expect(choice[index]).toEqual([...gates]);
      expectClose(rows[output]!, fusedByHand(y0, deltas, gates));
    }
  });

  it.each([[[1, 1]], [[1, 0]], [[0, 1]], [[0.25, 0.5]]] as [[number, number]][])('applies the gates %j as given', async (gates) => {
    const [subject, style] = [lora(30, [2, 3, 2]), lora(60, [4, 1, 3])];
    const { rows, choice } = await run({ subject, style, decision: gates });
    for (const [index, output] of OUTPUTS.entries()) {
      expect(choice[index]).toEqual(gates);
      expectClose(rows[output]!, fusedByHand(base[output]!, [delta(subject, index, 1), delta(style, index, 1)], gates));
    }
  });

  it('uses a lone LoRA however small its KL: rounding of the absent one must not win', async () => {
    const faint = lora(60, [1, 1, 1], 1e-6);
    expect((await run({ subject: [], style: faint })).choice).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect((await run({ subject: faint, style: [] })).choice).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
  });

  it('gives a tie to the subject', async () => {
    const same = lora(30, [2, 2, 2]);
    expect((await run({ subject: same, style: same })).choice).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
  });

  it('swaps every choice when subject and style are swapped, and is the base at strength 0', async () => {
    const rank = fc.integer({ min: 0, max: 4 });
    const ranks = fc.tuple(rank, rank, rank);
    await fc.assert(
      fc.asyncProperty(ranks, ranks, fc.integer({ min: 1, max: 1000 }), async (first, second, seed) => {
        const [a, b] = [lora(seed, first), lora(seed + 100, second)];
        const forward = await run({ subject: a, style: b });
        const swapped = await run({ subject: b, style: a });
        const decided = forward.kl.map(
          ([subject, style], row) => first[row] === 0 || second[row] === 0 || Math.abs(subject - style) > 1e-6,
        );
        const expected = forward.choice.map(([subject, style], row) => (decided[row] ? [style, subject] : swapped.choice[row]));
        expect(swapped.choice).toEqual(expected);
        const off = await run({ subject: a, style: b, strengths: [0, 0] });
        for (const output of OUTPUTS) expectClose(off.rows[output]!, base[output]!);
      }),
      { numRuns: 25 },
    );
  });

  it('keeps the model it was given, and refuses a module that the graph does not have', () => {
    const given = tinyModel();
    const before = writeModel(given);
    fuse(given, MODULES);
    expect(writeModel(given)).toEqual(before);
    expect(() => fuse(given, ['proj', 'block.7.to_q'])).toThrowError(
      expect.objectContaining({ code: 'graph_unsupported', details: { missing: ['block.7.to_q'] } }),
    );
  });
});
