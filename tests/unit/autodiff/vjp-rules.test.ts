import { describe, expect, it } from 'vitest';
import { NON_DIFFERENTIABLE, VJP_RULES } from '../../../shared/autodiff/vjp-rules.ts';
import type { Attribute } from '../../../shared/onnx/ir.ts';
import { float, int, ints, string } from '../../../shared/onnx/ir.ts';
import { ATTRIBUTE_CASES } from './attribute-cases.ts';
import { slopesOf, type VjpCase } from './check-vjp.ts';

const constant = (values: number[], dims = [values.length]) => ({ values, dims });
const floats = (values: number[], dims = [values.length]) => ({ values, dims, type: 'float32' as const });
const POSITIVE: Partial<VjpCase> = { range: [0.3, 2] };
const A = (attributes: Record<string, Attribute>) => ({ attributes });

const unary = [
  'Abs',
  'Neg',
  'Exp',
  'Erf',
  'Tanh',
  'Sigmoid',
  'Relu',
  'LeakyRelu',
  'Elu',
  'Softplus',
  'HardSigmoid',
  'Sin',
  'Cos',
  'Identity',
];
const binary = ['Add', 'Sub', 'Mul', 'Max', 'Min'];
const shapes: [number[], number[]][] = [
  [[3, 4], [3, 4]],
  [[2, 3, 4], [3, 1]],
  [[1, 4], [3, 1]],
  [[3, 4], []],
]; // prettier-ignore

const CASES: VjpCase[] = [
  ...unary.map((op) => ({ op, inputs: [[3, 4]] })),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op) => ({ op, inputs: [[3, 4]], ...POSITIVE })),
  ...binary.flatMap((op) => shapes.map(([a, b]) => ({ op, inputs: [a, b] }))),
  ...shapes.map(([a, b]) => ({ op: 'Div', inputs: [a, b], ...POSITIVE })),
  ...shapes.map(([a, b]) => ({ op: 'Pow', inputs: [a, b], ...POSITIVE })),
  { op: 'Pow', inputs: [[3, 4], floats([2], [])] },
  { op: 'Max', inputs: [[3, 4], [4], [3, 1]] },
  { op: 'LeakyRelu', inputs: [[5]], ...A({ alpha: float(0.3) }) },
  { op: 'HardSwish', inputs: [[4, 5]], range: [-5, 5] },
  { op: 'Gelu', inputs: [[4, 5]], opset: 20 },
  { op: 'Gelu', inputs: [[4, 5]], opset: 20, ...A({ approximate: string('tanh') }) },
  { op: 'QuickGelu', inputs: [[4, 5]], domain: 'com.microsoft' },
  { op: 'Clip', inputs: [[4, 5], floats([-0.5], []), floats([0.8], [])] },
  { op: 'Clip', inputs: [[4, 5], undefined, floats([0.8], [])] },
  { op: 'Clip', inputs: [[4, 5]], opset: 10, ...A({ min: float(-1), max: float(0.5) }) },
  { op: 'Where', inputs: [{ values: [1, 0, 0, 1], dims: [4], type: 'bool' }, [3, 4], [3, 1]] },
  { op: 'Cast', inputs: [[3]], ...A({ to: int(1) }) },

  {
    op: 'MatMul',
    inputs: [
      [3, 4],
      [4, 5],
    ],
  },
  {
    op: 'MatMul',
    inputs: [
      [2, 3, 4],
      [4, 5],
    ],
  },
  {
    op: 'MatMul',
    inputs: [
      [2, 1, 3, 4],
      [3, 4, 5],
    ],
  },
  { op: 'MatMul', inputs: [[4], [4, 5]] },
  { op: 'MatMul', inputs: [[2, 3, 4], [4]] },
  { op: 'MatMul', inputs: [[4], [2, 4, 5]] },
  { op: 'MatMul', inputs: [[4], [4]] },
  ...[0, 1].flatMap((transA) => [0, 1].map((transB) => ({
    op: 'Gemm',
    inputs: [transA ? [4, 3] : [3, 4], transB ? [5, 4] : [4, 5], [5]],
    ...A({ transA: int(transA), transB: int(transB), alpha: float(0.5), beta: float(2) }),
  }))), // prettier-ignore
  {
    op: 'Gemm',
    inputs: [
      [3, 4],
      [4, 5],
      [3, 1],
    ],
  },
  {
    op: 'Einsum',
    inputs: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    ...A({ equation: string('bij,bjk->bik') }),
  },
  {
    op: 'Einsum',
    inputs: [
      [2, 3, 4],
      [5, 4],
    ],
    ...A({ equation: string('bij, kj -> bk') }),
  },
  { op: 'Einsum', inputs: [[2, 3], [4]], ...A({ equation: string('ij,k->ikj') }) },
  { op: 'Einsum', inputs: [[2, 3]], ...A({ equation: string('ij->j') }) },
  {
    op: 'Einsum',
    inputs: [
      [2, 3],
      [3, 4],
    ],
    ...A({ equation: string('ij,jk') }),
  },

  { op: 'Conv', inputs: [[2, 3, 6, 7], [4, 3, 3, 3], [4]], ...A({ pads: ints(1, 1, 1, 1) }) },
  {
    op: 'Conv',
    inputs: [
      [2, 3, 8, 7],
      [4, 3, 3, 3],
    ],
    ...A({ strides: ints(2, 2), pads: ints(1, 0, 1, 1) }),
  },
  { op: 'Conv', inputs: [[1, 4, 7, 9], [6, 2, 3, 2], [6]], ...A({ group: int(2), dilations: ints(2, 1) }) },
  {
    op: 'Conv',
    inputs: [
      [1, 4, 8, 8],
      [4, 1, 3, 3],
    ],
    ...A({ group: int(4), strides: ints(2, 3), auto_pad: string('SAME_UPPER') }),
  },
  {
    op: 'Conv',
    inputs: [
      [2, 3, 8, 8],
      [5, 3, 4, 4],
    ],
    ...A({ strides: ints(4, 4) }),
  },
  {
    op: 'Conv',
    inputs: [
      [2, 3, 9],
      [5, 3, 2],
    ],
    ...A({ strides: ints(4) }),
  },
  {
    op: 'ConvTranspose',
    inputs: [[1, 3, 4, 5], [3, 2, 3, 3], [2]],
    ...A({ strides: ints(2, 2), pads: ints(1, 1, 1, 1), output_padding: ints(1, 1) }),
  },
  {
    op: 'ConvTranspose',
    inputs: [
      [2, 4, 3, 3],
      [4, 1, 2, 2],
    ],
    ...A({ strides: ints(2, 2), group: int(2) }),
  },
  { op: 'AveragePool', inputs: [[1, 2, 6, 7]], ...A({ kernel_shape: ints(2, 3), strides: ints(2, 2) }) },
  { op: 'AveragePool', inputs: [[1, 2, 5, 5]], ...A({ kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1) }) },
  { op: 'AveragePool', inputs: [[1, 2, 5, 5]], ...A({ kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1), count_include_pad: int(1) }) },
  { op: 'GlobalAveragePool', inputs: [[2, 3, 4, 5]] },
  { op: 'MaxPool', inputs: [[1, 2, 6, 8]], ...A({ kernel_shape: ints(2, 2), strides: ints(2, 2) }), step: 1e-3 },
  { op: 'MaxPool', inputs: [[2, 2, 7, 7]], ...A({ kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) }), step: 1e-3 },
  {
    op: 'Resize',
    inputs: [[1, 2, 3, 4], undefined, floats([1, 1, 2, 2])],
    ...A({ mode: string('nearest'), coordinate_transformation_mode: string('asymmetric'), nearest_mode: string('floor') }),
  },
  { op: 'Resize', inputs: [[1, 2, 6, 5], undefined, undefined, constant([1, 2, 4, 7])], ...A({ mode: string('nearest') }) },
  { op: 'Resize', inputs: [[1, 2, 3, 4], undefined, floats([1, 1, 2, 2])], ...A({ mode: string('linear') }) },
  {
    op: 'Resize',
    inputs: [[1, 2, 8, 6], undefined, undefined, constant([1, 2, 5, 3])],
    ...A({ mode: string('linear'), coordinate_transformation_mode: string('pytorch_half_pixel') }),
  },
  {
    op: 'Resize',
    inputs: [[1, 2, 3, 4], undefined, undefined, constant([1, 2, 5, 7])],
    ...A({ mode: string('linear'), coordinate_transformation_mode: string('align_corners') }),
  },

  { op: 'LayerNormalization', inputs: [[2, 3, 5], [5], [5]] },
  {
    op: 'LayerNormalization',
    inputs: [
      [2, 3, 5],
      [3, 5],
    ],
    ...A({ axis: int(1), epsilon: float(1e-3) }),
  },
  { op: 'InstanceNormalization', inputs: [[2, 3, 4, 5], [3], [3]] },
  { op: 'GroupNormalization', inputs: [[2, 6, 3, 4], [6], [6]], opset: 21, ...A({ num_groups: int(3) }) },
  { op: 'GroupNormalization', inputs: [[2, 6, 3, 4], [3], [3]], opset: 18, ...A({ num_groups: int(3) }) },
  { op: 'BatchNormalization', inputs: [[2, 3, 4, 5], [3], [3], floats([0.1, -0.2, 0.3]), floats([1, 0.5, 2])] },
  ...[-1, 1].flatMap((axis) => ['Softmax', 'LogSoftmax'].map((op) => ({ op, inputs: [[2, 3, 4]], ...A({ axis: int(axis) }) }))),
  { op: 'Softmax', inputs: [[2, 3, 4]], opset: 11 },
  ...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp'].flatMap((op) => [
    { op, inputs: [[2, 3, 4], constant([1])], opset: 18, step: 1e-3 },
    { op, inputs: [[2, 3, 4], constant([0, -1])], opset: 18, step: 1e-3, ...A({ keepdims: int(0) }) },
    { op, inputs: [[2, 3, 4]], opset: 18, step: 1e-3 },
  ]),
  { op: 'ReduceMean', inputs: [[2, 3, 4]], opset: 13, ...A({ axes: ints(-1), keepdims: int(0) }) },
  ...[0, 1].flatMap((exclusive) => [0, 1].map((reverse) => ({ op: 'CumSum', inputs: [[3, 4], constant([1], [])], ...A({ exclusive: int(exclusive), reverse: int(reverse) }) }))), // prettier-ignore

  { op: 'Reshape', inputs: [[2, 6], constant([3, -1])] },
  { op: 'Transpose', inputs: [[2, 3, 4]], ...A({ perm: ints(2, 0, 1) }) },
  { op: 'Transpose', inputs: [[2, 3, 4]] },
  { op: 'Squeeze', inputs: [[2, 1, 3], constant([1])] },
  { op: 'Unsqueeze', inputs: [[2, 3], constant([0, 2])] },
  { op: 'Flatten', inputs: [[2, 3, 4]], ...A({ axis: int(2) }) },
  {
    op: 'Concat',
    inputs: [
      [2, 3],
      [2, 1],
      [2, 4],
    ],
    ...A({ axis: int(-1) }),
  },
  { op: 'Split', inputs: [[2, 7], constant([3, 4])], outputs: 2, ...A({ axis: int(1) }) },
  { op: 'Slice', inputs: [[5, 6], constant([1, -2]), constant([4, 100]), constant([0, 1])] },
  { op: 'Slice', inputs: [[5, 7], constant([4, 1]), constant([-100, 6]), constant([0, 1]), constant([-2, 3])] },
  { op: 'Gather', inputs: [[5, 3], constant([4, 0, -1, 0], [2, 2])], ...A({ axis: int(0) }) },
  { op: 'Gather', inputs: [[2, 5, 3], constant([1], [])], ...A({ axis: int(1) }) },
  { op: 'Expand', inputs: [[3, 1], constant([2, 1, 4])] },
  { op: 'Tile', inputs: [[2, 3], constant([3, 2])] },
  { op: 'Pad', inputs: [[3, 4], constant([1, 0, 2, 3])] },
  { op: 'Pad', inputs: [[4, 4], constant([-1, 1, 0, -2])] },
  { op: 'Pad', inputs: [[4, 5], constant([2, 1, 1, 3])], ...A({ mode: string('reflect') }) },
  { op: 'Pad', inputs: [[4, 5], constant([2, 1, 1, 3])], ...A({ mode: string('edge') }) },
  { op: 'DepthToSpace', inputs: [[1, 8, 2, 3]], ...A({ blocksize: int(2) }) },
  { op: 'DepthToSpace', inputs: [[1, 8, 2, 3]], ...A({ blocksize: int(2), mode: string('CRD') }) },
  { op: 'SpaceToDepth', inputs: [[1, 2, 4, 6]], ...A({ blocksize: int(2) }) },
  ...ATTRIBUTE_CASES,
];

const label = ({ op, inputs, attributes = {}, opset }: VjpCase) => {
  const operands = inputs.map((operand) => (operand === undefined ? '-' : Array.isArray(operand) ? `[${operand.join(',')}]` : 'constant'));
  const settings = Object.entries(attributes).map(([name, { value }]) => `${name}=${String(value)}`);
  return `${op} ${operands.join(' ')} ${settings.join(' ')}${opset ? ` (opset ${opset})` : ''}`;
};

describe('every rule agrees with a central difference along a random direction', () => {
  it.each(CASES.map((testCase) => [label(testCase), testCase] as const))('%s', async (name, testCase) => {
    const { gradient, difference } = await slopesOf(testCase);
    const message = `${name}: gradient ${gradient}, central difference ${difference}`;
    expect(Math.abs(gradient - difference), message).toBeLessThan(4e-3 * Math.max(1, Math.abs(difference)));
  });
});

describe('the formula sheet', () => {
  it('has a case for every rule, and no operator both ways', () => {
    const tested = new Set(CASES.map(({ op }) => op));
    expect(Object.keys(VJP_RULES).filter((op) => !tested.has(op))).toEqual([]);
    expect(Object.keys(VJP_RULES).filter((op) => NON_DIFFERENTIABLE.has(op))).toEqual([]);
  });
});
