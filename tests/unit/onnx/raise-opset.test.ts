import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { float32Tensor, int, ints, type Model, string } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { raiseOpset } from '../../../shared/onnx/raise-opset.ts';
import { opModel, type OpCase, opTitle } from './build-model.ts';
import { largestDifference, runModel } from './run-model.ts';

/** Numbers between -1 and 1 that repeat nowhere. */
const wave = (dims: number[]) =>
  float32Tensor(
    dims,
    Array.from({ length: dims.reduce((count, dim) => count * dim, 1) }, (_, i) => Math.sin(12.9898 * (i + 1))),
  );
const reduced = { axes: ints(1), keepdims: int(0) };

/** Operators whose form or meaning changed after operator set 13, the first set in which it is another, and the types they become. */
const CASES: readonly { from: OpCase; target: number; becomes: string[] }[] = [
  ...['L1', 'L2', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((kind) => ({
    from: { op: `Reduce${kind}`, opset: 13, inputs: [wave([2, 3, 4])], attributes: reduced },
    target: 18,
    becomes: [`Reduce${kind}`],
  })),
  {
    from: { op: 'ReduceMean', about: 'over all axes', opset: 17, inputs: [wave([2, 3])], attributes: { keepdims: int(0) } },
    target: 20,
    becomes: ['ReduceMean'],
  },
  {
    from: { op: 'ReduceSum', about: 'from attributes', opset: 12, inputs: [wave([2, 3, 4])], attributes: reduced },
    target: 21,
    becomes: ['ReduceSum'],
  },
  {
    from: { op: 'ReduceMean', about: 'by two steps', opset: 11, inputs: [wave([2, 3, 4])], attributes: reduced },
    target: 21,
    becomes: ['ReduceMean'],
  },
  {
    from: { op: 'Split', about: 'in equal parts', opset: 13, inputs: [wave([2, 6])], attributes: { axis: int(1) }, outputs: 3 },
    target: 18,
    becomes: ['Split'],
  },
  {
    from: {
      op: 'Split',
      about: 'in parts of an attribute',
      opset: 11,
      inputs: [wave([2, 6])],
      attributes: { axis: int(1), split: ints(4, 2) },
      outputs: 2,
    },
    target: 18,
    becomes: ['Split'],
  },
  ...(['bilinear', 'nearest', 'bicubic'] as const).map((mode) => ({
    from: {
      op: 'GridSample',
      about: mode,
      opset: 16,
      inputs: [wave([1, 2, 4, 4]), wave([1, 3, 3, 2])],
      attributes: { mode: string(mode) },
    },
    target: 20,
    becomes: ['GridSample'],
  })),
  {
    from: {
      op: 'GroupNormalization',
      opset: 18,
      inputs: [wave([2, 6, 2, 2]), wave([3]), wave([3])],
      attributes: { num_groups: int(3) },
    },
    target: 21,
    becomes: ['Reshape', 'Expand', 'Reshape', 'Reshape', 'Expand', 'Reshape', 'GroupNormalization'],
  },
  {
    from: { op: 'Relu', about: 'never changed', opset: 13, inputs: [wave([2, 3])] },
    target: 21,
    becomes: ['Relu'],
  },
];

const feedsOf = ({ inputs }: OpCase) =>
  Object.fromEntries(
    inputs.flatMap((tensor, k) =>
      tensor?.data.kind === 'inline'
        ? [[`in${k}`, new Tensor('float32', new Float32Array(tensor.data.bytes.slice().buffer), tensor.dims)]]
        : [],
    ),
  );

describe('a graph of an older operator set computes the same by a newer one:', () => {
  test.each(CASES.map((oneCase) => [opTitle(oneCase.from), oneCase] as const))('%s', async (_, { from, target, becomes }) => {
    const older = normalise(
      opModel(from, () => false),
      {},
    );
    const newer = raiseOpset(older, target);
    expect(newer.opsets.get('')).toBe(target);
    expect(newer.graph.nodes.map(({ opType }) => opType)).toEqual(becomes);
    const [expected, actual] = [await runModel(older, feedsOf(from)), await runModel(newer, feedsOf(from))];
    for (const [name, output] of Object.entries(expected)) {
      expect(actual[name]!.dims).toEqual(output.dims);
      expect(largestDifference(actual[name]!, output), name).toBeLessThan(1e-6);
    }
  });
});

test('a graph of the wanted set or a newer one is left as it is', () => {
  const model: Model = opModel({ op: 'Relu', opset: 18, inputs: [wave([2])] }, () => false);
  expect(raiseOpset(model, 18)).toBe(model);
  expect(raiseOpset(model, 17)).toBe(model);
});
