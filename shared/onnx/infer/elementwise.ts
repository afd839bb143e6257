/** Rules of operators that work element by element or leave the shape of their first input as it is. */
import { dataTypeOf } from '../data-type.ts';
import type { DataType } from '../ir.ts';
import { broadcast, type Call, type ShapeRule, type StaticType } from './rule.ts';

/** Same type as the first input. */
const same: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [type];
};

/** Same shape as the first input, booleans. */
const sameBool: ShapeRule = (call) => {
  const dims = call.dims(0);
  return dims && [{ dataType: 'bool', dims }];
};

/** Broadcast over all inputs; of the first input's type. */
const combined: ShapeRule = (call) => broadcastAs(call, call.type(0)?.dataType);

const compared: ShapeRule = (call) => broadcastAs(call, 'bool');

function broadcastAs(call: Call, dataType: DataType | undefined): StaticType[] | undefined {
  const shapes = allDims(call);
  return shapes && dataType && [{ dataType, dims: broadcast(call, shapes) }];
}

function allDims(call: Call): number[][] | undefined {
  const shapes = call.node.inputs.map((_, index) => call.dims(index));
  return shapes.every((shape) => shape !== undefined) ? shapes : undefined;
}

const where: ShapeRule = (call) => broadcastAs(call, call.type(1)?.dataType);

const cast: ShapeRule = (call) => {
  const dataType = dataTypeOf(call.int('to', 0));
  const dims = call.dims(0);
  return dims && dataType && [{ dataType, dims }];
};

const castLike: ShapeRule = (call) => {
  const dims = call.dims(0);
  const target = call.type(1);
  return dims && target && [{ dataType: target.dataType, dims }];
};

const dropout: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [type, { dataType: 'bool', dims: type.dims }];
};

/** Y, then mean and inverse standard deviation with the normalised axes as 1. */
const layerNormalization: ShapeRule = (call) => {
  const type = call.type(0);
  if (!type) return undefined;
  const first = call.axis(call.int('axis', -1), type.dims.length);
  const statistics: StaticType = { dataType: 'float32', dims: type.dims.map((dim, axis) => (axis < first ? dim : 1)) };
  return [type, statistics, statistics];
};

const batchNormalization: ShapeRule = (call) => {
  const type = call.type(0);
  return type && call.int('training_mode', 0) === 0 ? [type] : undefined;
};

/** Y, then twice nothing, then the sum of input and skip. */
const skipNormalization: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [type, { dataType: 'float32', dims: [] }, { dataType: 'float32', dims: [] }, type];
};

export const ELEMENTWISE_RULES = {
  ...Object.fromEntries(
    [
      'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh CumSum Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity',
      'LRN LeakyRelu Log LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Not PRelu Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin',
      'Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu InstanceNormalization GroupNormalization RMSNormalization SimplifiedLayerNormalization',
      'RandomNormalLike RandomUniformLike',
    ]
      .join(' ')
      .split(' ')
      .map((op) => [op, same]),
  ),
  ...Object.fromEntries(
    'Add Sub Mul Div Pow Mod Min Max Sum Mean BitShift BitwiseAnd BitwiseOr BitwiseXor'.split(' ').map((op) => [op, combined]),
  ),
  ...Object.fromEntries('Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor'.split(' ').map((op) => [op, compared])),
  IsNaN: sameBool,
  IsInf: sameBool,
  Where: where,
  Cast: cast,
  CastLike: castLike,
  Dropout: dropout,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
  'com.microsoft.Gelu': same,
  'com.microsoft.FastGelu': same,
  'com.microsoft.QuickGelu': same,
  'com.microsoft.BiasGelu': same,
  'com.microsoft.SkipLayerNormalization': skipNormalization,
} satisfies Record<string, ShapeRule>;
