/** Attributes, old operator sets and operators beside the common ones, by section. */
import { type Attribute, float, int, ints, string } from '../../../shared/onnx/ir.ts';
import type { VjpCase } from './check-vjp.ts';

const constant = (values: number[], dims = [values.length]) => ({ values, dims });
const floats = (values: number[], dims = [values.length]) => ({ values, dims, type: 'float32' as const });
const fed = (values: number[], dims = [values.length], type: 'int64' | 'int32' = 'int64') => ({ values, dims, type, fed: true });
const A = (attributes: Record<string, Attribute>) => ({ attributes });
const each = <T>(values: readonly T[], make: (value: T) => VjpCase): VjpCase[] => values.map(make);

const ELEMENTWISE: VjpCase[] = [
  ...each(['Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Atanh'], (op) => ({ op, inputs: [[3, 4]], range: [-0.8, 0.8] })),
  { op: 'Acosh', inputs: [[3, 4]], range: [1.2, 3] },
  ...each(['Sum', 'Mean'], (op) => ({ op, inputs: [[3, 4], [4], [3, 1]] })),
  { op: 'Max', inputs: [[3, 4]] },
  { op: 'Mod', inputs: [[3, 4], floats([1], [])], range: [1.2, 1.8], ...A({ fmod: int(1) }) },
  { op: 'Mod', inputs: [floats([7.3]), [3]], range: [2, 2.3], ...A({ fmod: int(1) }) },
  ...each([2, 3, 0.5, -1], (exponent) => ({ op: 'Pow', inputs: [[3, 4], floats([exponent], [])], range: [0.3, 2] })),
  { op: 'Pow', inputs: [[3, 4], constant([3], [1])], range: [-2, 2] },
  { op: 'Dropout', inputs: [[3, 4]] },
  { op: 'Dropout', inputs: [[3, 4]], opset: 10, ...A({ ratio: float(0.4) }) },
  { op: 'CastLike', inputs: [[3, 4], floats([0])], opset: 15 },
  { op: 'Clip', inputs: [[4, 5]] },
  { op: 'Clip', inputs: [[4, 5]], opset: 9, ...A({ min: float(0) }) },
  { op: 'Where', inputs: [{ values: [1, 0, 0], dims: [3, 1], type: 'bool' }, [], [2, 3, 4]] },
];

const ACTIVATION: VjpCase[] = [
  ...each(['Softsign', 'Selu', 'Celu', 'ThresholdedRelu', 'Shrink'], (op) => ({ op, inputs: [[4, 5]], step: 1e-3 })),
  { op: 'Mish', inputs: [[4, 5]], opset: 18 },
  { op: 'Swish', inputs: [[4, 5]], opset: 24, ...A({ alpha: float(1.3) }) },
  {
    op: 'PRelu',
    inputs: [
      [2, 3, 4, 5],
      [3, 1, 1],
    ],
  },
  { op: 'PRelu', inputs: [[2, 3], [1]] },
  { op: 'Elu', inputs: [[4, 5]], ...A({ alpha: float(0.7) }) },
  { op: 'Celu', inputs: [[4, 5]], ...A({ alpha: float(0.7) }) },
  { op: 'Selu', inputs: [[4, 5]], ...A({ alpha: float(1.2), gamma: float(0.9) }) },
  { op: 'HardSigmoid', inputs: [[4, 5]], ...A({ alpha: float(1 / 6), beta: float(0.5) }), range: [-5, 5] },
  { op: 'ThresholdedRelu', inputs: [[4, 5]], ...A({ alpha: float(0.3) }), step: 1e-3 },
  { op: 'Shrink', inputs: [[4, 5]], ...A({ lambd: float(0.8), bias: float(0.2) }), step: 1e-3 },
  { op: 'Gelu', inputs: [[4, 5]], domain: 'com.microsoft' },
  { op: 'FastGelu', inputs: [[4, 5]], domain: 'com.microsoft' },
  { op: 'FastGelu', inputs: [[4, 5], [5]], domain: 'com.microsoft' },
  { op: 'BiasGelu', inputs: [[4, 5], [5]], domain: 'com.microsoft' },
  { op: 'QuickGelu', inputs: [[4, 5]], domain: 'com.microsoft', ...A({ alpha: float(1) }) },
];

const MATRIX: VjpCase[] = [
  { op: 'Gemm', inputs: [[3, 4], [4, 5]] }, // prettier-ignore
  { op: 'Gemm', inputs: [[3, 4], [4, 5], []] },
  ...each(
    ['b...ij,b...jk->b...ik', '...ij,...jk', '...ij,...jk->...', 'bhij,bhjk->hibk'],
    (equation) => ({ op: 'Einsum', inputs: [[2, 2, 3, 4], [2, 2, 4, 5]], ...A({ equation: string(equation) }) }), // prettier-ignore
  ),
  { op: 'Einsum', inputs: [[2, 3, 4], [4, 5]], ...A({ equation: string('...j,jk->...k') }) }, // prettier-ignore
  { op: 'Einsum', inputs: [[2, 3], [3, 4], [4, 2]], ...A({ equation: string('ij,jk,kl->il') }) }, // prettier-ignore
  { op: 'Einsum', inputs: [[2, 3], [2, 3]], ...A({ equation: string('ij,ij->') }) }, // prettier-ignore
];

const SPATIAL: VjpCase[] = [
  ...each(['SAME_UPPER', 'SAME_LOWER', 'VALID'], (mode) => ({
    op: 'Conv',
    inputs: [[2, 2, 7, 8], [3, 2, 4, 3]], // prettier-ignore
    ...A({ strides: ints(2, 1), auto_pad: string(mode) }),
  })),
  { op: 'Conv', inputs: [[1, 2, 9], [4, 1, 3], [4]], ...A({ group: int(2), pads: ints(2, 1), dilations: ints(2), strides: ints(2) }) },
  { op: 'Conv', inputs: [[1, 2, 4, 5, 4], [3, 2, 3, 2, 1]], ...A({ pads: ints(1, 0, 1, 0, 1, 0) }) }, // prettier-ignore
  { op: 'Conv', inputs: [[2, 2, 7, 7], [6, 1, 3, 3]], ...A({ group: int(2), strides: ints(2, 2), pads: ints(1, 1, 1, 1) }) }, // prettier-ignore
  { op: 'Conv', inputs: [[1, 2, 5, 5], [3, 2, 1, 1]], ...A({ pads: ints(1, 1, 1, 1) }) }, // prettier-ignore
  { op: 'ConvTranspose', inputs: [[1, 2, 5], [2, 3, 3], [3]], ...A({ strides: ints(2), dilations: ints(2), pads: ints(1, 2) }) },
  {
    op: 'ConvTranspose',
    inputs: [[1, 4, 4, 3], [4, 2, 3, 4]], // prettier-ignore
    ...A({ group: int(2), strides: ints(3, 2), pads: ints(0, 1, 1, 2), output_padding: ints(2, 1) }),
  },
  ...each([0, 1], (include) => ({
    op: 'AveragePool',
    inputs: [[1, 2, 6, 7]],
    ...A({ kernel_shape: ints(3, 2), strides: ints(2, 2), pads: ints(1, 0, 1, 1), ceil_mode: int(1), count_include_pad: int(include) }),
  })),
  ...each(['SAME_UPPER', 'SAME_LOWER'], (mode) => ({
    op: 'AveragePool',
    inputs: [[1, 2, 5, 6]],
    ...A({ kernel_shape: ints(2, 3), strides: ints(2, 1), auto_pad: string(mode) }),
  })),
  { op: 'AveragePool', inputs: [[1, 2, 6]], ...A({ kernel_shape: ints(3), pads: ints(1, 1) }) },
  ...each(['MaxPool', 'AveragePool'], (op) => ({
    op,
    inputs: [[1, 2, 4, 5, 4]],
    ...A({ kernel_shape: ints(2, 3, 2), strides: ints(2, 1, 2) }),
    step: 1e-3,
  })),
  { op: 'AveragePool', inputs: [[1, 2, 7, 7]], opset: 19, ...A({ kernel_shape: ints(2, 2), dilations: ints(2, 3) }) },
  { op: 'MaxPool', inputs: [[1, 2, 7, 6]], ...A({ kernel_shape: ints(3, 3), strides: ints(2, 2), ceil_mode: int(1) }), step: 1e-3 },
  { op: 'MaxPool', inputs: [[1, 2, 7, 7]], ...A({ kernel_shape: ints(3, 2), dilations: ints(2, 1) }), step: 1e-3 },
  { op: 'MaxPool', inputs: [[1, 3, 7]], ...A({ kernel_shape: ints(3), strides: ints(2), auto_pad: string('SAME_UPPER') }), step: 1e-3 },
  { op: 'GlobalMaxPool', inputs: [[2, 3, 4, 5]], step: 1e-3 },
  { op: 'GlobalAveragePool', inputs: [[2, 3, 4]] },
];

const RESIZE: VjpCase[] = [
  ...['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'].flatMap((transform) =>
    ['nearest', 'linear', 'cubic'].map((mode) => ({
      op: 'Resize',
      inputs: [[1, 2, 4, 5], undefined, undefined, constant([1, 2, 7, 3])],
      ...A({ mode: string(mode), coordinate_transformation_mode: string(transform) }),
    })),
  ),
  ...each(['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'], (rounding) => ({
    op: 'Resize',
    inputs: [[1, 1, 4, 5], undefined, floats([1, 1, 2, 1.6])],
    ...A({ mode: string('nearest'), nearest_mode: string(rounding) }),
  })),
  ...each([0, 1], (outside) => ({
    op: 'Resize',
    inputs: [[1, 1, 4, 5], undefined, floats([1, 1, 1.7, 0.7])],
    ...A({ mode: string('cubic'), cubic_coeff_a: float(-0.5), exclude_outside: int(outside) }),
  })),
  ...each(['linear', 'cubic'], (mode) => ({
    op: 'Resize',
    inputs: [[1, 1, 9, 8], undefined, undefined, constant([1, 1, 4, 11])],
    opset: 18,
    ...A({ mode: string(mode), antialias: int(1) }),
  })),
  { op: 'Resize', inputs: [[1, 1, 4, 5], undefined, floats([2, 1.5])], opset: 18, ...A({ mode: string('linear'), axes: ints(2, 3) }) },
  {
    op: 'Resize',
    inputs: [[1, 1, 4, 5], undefined, floats([1, 1, 1.7, 0.7])],
    opset: 19,
    ...A({ mode: string('linear'), coordinate_transformation_mode: string('half_pixel_symmetric') }),
  },
  { op: 'Resize', inputs: [[1, 2, 5], undefined, undefined, constant([1, 2, 8])], ...A({ mode: string('linear') }) },
  { op: 'Resize', inputs: [[1, 1, 3, 4], floats([1, 1, 2, 1.6])], opset: 10, ...A({ mode: string('linear') }) },
  ...each(['nearest', 'linear'], (mode) => ({
    op: 'Upsample',
    inputs: [[1, 1, 3, 4], floats([1, 1, 2, 3])],
    opset: 9,
    ...A({ mode: string(mode) }),
  })),
];

const NORMALISE: VjpCase[] = [
  { op: 'LayerNormalization', inputs: [[2, 3, 5], [5], [5]], outputs: 3 },
  { op: 'LayerNormalization', inputs: [[2, 3, 5], [3, 5], [3, 5]], ...A({ axis: int(-2) }), outputs: 2 }, // prettier-ignore
  { op: 'LayerNormalization', inputs: [[2, 3, 5], floats([1, 2, 3, 4, 5])] },
  { op: 'SimplifiedLayerNormalization', inputs: [[2, 3, 5], [5]] },
  { op: 'RMSNormalization', inputs: [[2, 3, 5], [5]], opset: 23, ...A({ epsilon: float(1e-3) }) },
  ...each([1, 2], (p) => ({ op: 'LpNormalization', inputs: [[2, 3, 4]], ...A({ p: int(p), axis: int(1) }), step: 1e-3 })),
  { op: 'BatchNormalization', inputs: [[4, 3], [3], [3], floats([0.1, -0.2, 0.3]), floats([1, 0.5, 2])] },
  { op: 'InstanceNormalization', inputs: [[2, 3, 7], [3], [3]] },
  ...[-2, 0, 1, 2].flatMap((axis) =>
    ['Softmax', 'LogSoftmax'].map((op) => ({ op, inputs: [[2, 3, 4]], opset: 11, ...A({ axis: int(axis) }) })),
  ),
];

const REDUCE: VjpCase[] = [
  ...['ReduceSum', 'ReduceMean', 'ReduceL2', 'ReduceProd', 'ReduceMax'].map((op) => ({ op, inputs: [[2, 3, 4]], opset: 11, ...A({ axes: ints(0, 2), keepdims: int(0) }), step: 1e-3 })), // prettier-ignore
  { op: 'ReduceProd', inputs: [[3, 4], constant([1])], opset: 18 },
  { op: 'ReduceProd', inputs: [[5]], ...A({ keepdims: int(0) }) },
  { op: 'ReduceLogSum', inputs: [[3, 4]], ...A({ axes: ints(1) }), range: [0.3, 2] },
  { op: 'ReduceSum', inputs: [[3, 4]], ...A({ noop_with_empty_axes: int(1) }) },
  { op: 'CumSum', inputs: [[2, 3, 4], constant([-2], [])] },
];

const MOVEMENT: VjpCase[] = [
  { op: 'Reshape', inputs: [[2, 6, 1], constant([0, 3, -1])] },
  { op: 'Squeeze', inputs: [[1, 3, 1]] },
  { op: 'Squeeze', inputs: [[1, 3, 1]], opset: 11, ...A({ axes: ints(-1) }) },
  { op: 'Unsqueeze', inputs: [[2, 3]], opset: 11, ...A({ axes: ints(0, 2) }) },
  { op: 'Flatten', inputs: [[2, 3, 4]], ...A({ axis: int(0) }) },
  { op: 'Flatten', inputs: [[2, 3, 4]], ...A({ axis: int(-1) }) },
  { op: 'Split', inputs: [[7, 2]], outputs: 2, opset: 11, ...A({ split: ints(3, 4) }) },
  { op: 'Split', inputs: [[2, 7]], outputs: 3, opset: 18, ...A({ axis: int(-1), num_outputs: int(3) }) },
  { op: 'Slice', inputs: [[5, 6]], opset: 9, ...A({ starts: ints(1, -3), ends: ints(4, -1), axes: ints(0, 1) }) },
  {
    op: 'Slice',
    inputs: [[3, 6]],
    opset: 9,
    ...A({ starts: ints(-2), ends: { kind: 'ints', value: [9223372036854775807n] }, axes: ints(1) }),
  },
  { op: 'Slice', inputs: [[9, 8], constant([-2, 1]), constant([-100, 8]), constant([0, 1]), constant([-3, 2])] },
  { op: 'Slice', inputs: [[5, 6], constant([-1]), constant([-100]), constant([-1]), constant([-1])] },
  { op: 'Expand', inputs: [[], constant([2, 3])] },
  { op: 'Tile', inputs: [[2, 1, 3], constant([1, 4, 2])] },
  { op: 'Pad', inputs: [[3, 4]], opset: 9, ...A({ pads: ints(1, 0, 0, 2), value: float(0.5) }) },
  { op: 'Pad', inputs: [[3, 4], constant([1, 2]), floats([3], []), constant([-1])], opset: 18 },
  { op: 'Pad', inputs: [[4, 5], constant([2, 1, 1, 3])], opset: 19, ...A({ mode: string('wrap') }) },
  { op: 'Trilu', inputs: [[2, 4, 4]] },
  { op: 'Trilu', inputs: [[4, 5], constant([-1], [])], ...A({ upper: int(0) }) },
];

const INDEXED: VjpCase[] = [
  { op: 'Gather', inputs: [[4, 5, 3], constant([4, -1, 0], [3, 1])], ...A({ axis: int(-2) }) },
  { op: 'Gather', inputs: [[4, 5, 3], fed([4, -1, 0, 4], [2, 2])], ...A({ axis: int(-2) }) },
  { op: 'Gather', inputs: [[5, 3], fed([2], [], 'int32')] },
  { op: 'GatherElements', inputs: [[3, 4], fed([0, 2, -1, 1, 1, 1], [2, 3])] },
  { op: 'GatherElements', inputs: [[3, 4], fed([3, 0, -1, 0, 1, 1], [3, 2])], ...A({ axis: int(1) }) },
  { op: 'GatherND', inputs: [[3, 4, 2], fed([0, 1, -1, 3, 0, 1], [3, 2])] },
  { op: 'GatherND', inputs: [[2, 3, 4], fed([1, 1, -1, 0], [2, 2, 1])], ...A({ batch_dims: int(1) }) },
  { op: 'GatherND', inputs: [[3, 4], fed([2], [1])] },
  ...each([0, 1], (largest) => ({
    op: 'TopK',
    inputs: [[3, 5], constant([2])],
    outputs: 2,
    weighted: 1,
    ...A({ axis: int(-1), largest: int(largest) }),
    step: 1e-3,
  })),
  { op: 'TopK', inputs: [[4, 3]], outputs: 2, weighted: 1, opset: 9, ...A({ axis: int(0), k: int(2) }), step: 1e-3 },
  { op: 'ScatterElements', inputs: [[3, 4], fed([0, 2, 1, 3], [2, 2]), [2, 2]], ...A({ axis: int(1) }) }, // prettier-ignore
  { op: 'ScatterElements', inputs: [[3, 4], fed([1, 1], [1, 2]), [1, 2]], opset: 16, ...A({ reduction: string('add') }) }, // prettier-ignore
  { op: 'ScatterElements', inputs: [[3, 4], fed([0, 2], [1, 2]), [1, 2]], opset: 13 }, // prettier-ignore
  { op: 'Scatter', inputs: [[3, 4], fed([0, 2], [1, 2]), [1, 2]], opset: 9 }, // prettier-ignore
  { op: 'ScatterND', inputs: [[3, 4], fed([2, 0], [2, 1]), [2, 4]] }, // prettier-ignore
  { op: 'ScatterND', inputs: [[3, 4], fed([2, 2], [2, 1]), [2, 4]], opset: 16, ...A({ reduction: string('add') }) }, // prettier-ignore
];

const LOSS: VjpCase[] = [
  ...['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'].flatMap((op): VjpCase[] => [
    ...each(['none', 'sum', 'mean'], (reduction) => ({ op, inputs: [[3, 4], fed([2, 0, 3])], ...A({ reduction: string(reduction) }) })),
    { op, inputs: [[3, 4], fed([2, 0, 3], [3], 'int32'), floats([0.5, 1, 2, 0.1])] },
    { op, inputs: [[2, 3, 2], fed([2, 0, 1, 2], [2, 2])], ...A({ ignore_index: int(2) }) },
    { op, inputs: [[3, 4], fed([2, -100, 3])], ...A({ ignore_index: int(-100), reduction: string('sum') }) },
  ]),
  { op: 'SoftmaxCrossEntropyLoss', inputs: [[2, 3, 2], fed([2, 0, 1, 2], [2, 2])], outputs: 2 },
];

export const ATTRIBUTE_CASES: readonly VjpCase[] = [
  ELEMENTWISE,
  ACTIVATION,
  MATRIX,
  SPATIAL,
  RESIZE,
  NORMALISE,
  REDUCE,
  MOVEMENT,
  INDEXED,
  LOSS,
].flat();
