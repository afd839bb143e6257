import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32Tensor, ints, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { padConvChannels } from '../../../shared/onnx/pad-conv-channels.ts';
import { makeModel } from './build-model.ts';
import { largestDifference, runModel } from './run-model.ts';
import { HAS_WEBGPU, runOnWebGPU } from './spawn-webgpu.ts';

type Shape = readonly [channels: number, out: number, kernel: number];

/** Shapes that onnxruntime 1.29.0 computes wrongly on WebGPU, and the channels they are given. */
const WRONG: [Shape, number][] = [
  [[6, 32, 3], 8],
  [[9, 4, 3], 12],
  [[15, 8, 5], 16],
  [[21, 12, 3], 24],
  [[6, 6, 1], 8],
  [[1, 6, 1], 8],
];
const RIGHT: Shape[] = [
  [3, 32, 3],
  [4, 32, 3],
  [5, 8, 3],
  [6, 6, 3],
  [10, 8, 3],
  [12, 12, 3],
  [6, 8, 1],
  [8, 6, 1],
  [32, 6, 1],
];

const numbers = (count: number, step: number) => Array.from({ length: count }, (_, i) => Math.sin(i * step));
const value = (name: string, dims: number[]) => ({ name, type: { dataType: 'float32' as const, dims } });

/** One Conv with a bias for each shape, side by side. */
function convs(shapes: readonly Shape[]): Model {
  const pads = (kernel: number) => (kernel - 1) / 2;
  return makeModel({
    inputs: shapes.map(([channels], i) => value(`x${i}`, [1, channels, 8, 8])),
    outputs: shapes.map(([, out], i) => value(`y${i}`, [1, out, 8, 8])),
    initializers: new Map(
      shapes.flatMap(([channels, out, kernel], i) => [
        [`w${i}`, float32Tensor([out, channels, kernel, kernel], numbers(out * channels * kernel * kernel, 0.7))],
        [`b${i}`, float32Tensor([out], numbers(out, 1.3))],
      ]),
    ),
    nodes: shapes.map(([, , kernel], i) => {
      const p = pads(kernel);
      return makeNode('Conv', `/conv${i}`, [`x${i}`, `w${i}`, `b${i}`], [`y${i}`], {
        kernel_shape: ints(kernel, kernel),
        pads: ints(p, p, p, p),
      });
    }),
  });
}

function feedsOf(shapes: readonly Shape[]): Record<string, Tensor> {
  return Object.fromEntries(
    shapes.map(([channels], i) => [`x${i}`, new Tensor('float32', Float32Array.from(numbers(channels * 64, 0.37)), [1, channels, 8, 8])]),
  );
}

describe('channels of a Conv', () => {
  it.each(WRONG)('%o become %i', (shape, channels) => {
    const [x, w, conv] = padConvChannels(convs([shape])).graph.nodes;
    expect([x!.opType, w!.opType, conv!.inputs]).toEqual(['Pad', 'Pad', [x!.outputs[0], w!.outputs[0], 'b0']]);
    expect(x!.inputs[1]).toBe(`constant.int64[0,0,0,0,0,${channels - shape[0]},0,0]`);
  });

  it.each(RIGHT)('%i to %i by a kernel of %i stay', (...shape) => {
    const model = convs([shape]);
    expect(padConvChannels(model).graph.nodes).toEqual(model.graph.nodes);
  });

  it('change no result', async () => {
    const shapes = WRONG.map(([shape]) => shape);
    const [before, after] = [
      await runModel(convs(shapes), feedsOf(shapes)),
      await runModel(padConvChannels(convs(shapes)), feedsOf(shapes)),
    ];
    for (const name of Object.keys(before)) expect(largestDifference(after[name]!, before[name]!)).toBeLessThan(1e-5);
  });

  it.skipIf(!HAS_WEBGPU)('make WebGPU right', async () => {
    const shapes = [...WRONG.map(([shape]) => shape), ...RIGHT];
    const [expected, actual] = [
      await runModel(convs(shapes), feedsOf(shapes)),
      await runOnWebGPU(padConvChannels(convs(shapes)), feedsOf(shapes)),
    ];
    for (const name of Object.keys(expected)) expect(largestDifference(actual[name]!, expected[name]!)).toBeLessThan(1e-4);
  });

  it.skipIf(!HAS_WEBGPU).each(WRONG)('are still needed for %o', async (shape) => {
    const [expected, actual] = [await runModel(convs([shape]), feedsOf([shape])), await runOnWebGPU(convs([shape]), feedsOf([shape]))];
    expect(largestDifference(actual.y0!, expected.y0!)).toBeGreaterThan(0.1);
  });
});
