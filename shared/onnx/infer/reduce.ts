/** Rules of reductions, and of quantisation, which keeps shapes. */
import type { DataType } from '../ir.ts';
import type { Call, ShapeRule, StaticType } from './rule.ts';

const reduce: ShapeRule = (call) => {
  const type = call.type(0);
  const axes = type && reducedAxes(call, type.dims.length);
  return axes && [withoutAxes(type, axes, call.int('keepdims', 1) === 1)];
};

/** All axes where none are given, unless the node says that none means none. */
export function reducedAxes(call: Call, rank: number): number[] | undefined {
  const given = call.intsFrom(1, 'axes', []);
  if (!given) return undefined;
  if (given.length > 0) return call.axes(given, rank);
  return call.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

function withoutAxes(type: StaticType, axes: readonly number[], keep: boolean): StaticType {
  const dims = type.dims.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  return { dataType: type.dataType, dims };
}

const argReduce: ShapeRule = (call) => {
  const type = call.type(0);
  if (!type) return undefined;
  const axis = call.axis(call.int('axis', 0), type.dims.length);
  return [{ ...withoutAxes(type, [axis], call.int('keepdims', 1) === 1), dataType: 'int64' }];
};

const topK: ShapeRule = (call) => {
  const type = call.type(0);
  const k = call.has(1) ? call.constantInts(1)?.[0] : call.int('k', 0);
  if (!type || k === undefined) return undefined;
  const dims = type.dims.with(call.axis(call.int('axis', -1), type.dims.length), k);
  return [
    { ...type, dims },
    { dataType: 'int64', dims },
  ];
};

/** A loss over classes, one an element of the labels or one in all; then logarithms of probabilities. */
const classLoss: ShapeRule = (call) => {
  const [scores, labels] = [call.type(0), call.dims(1)];
  if (!scores || !labels) return undefined;
  return [{ dataType: scores.dataType, dims: call.string('reduction', 'mean') === 'none' ? labels : [] }, scores];
};

/** Of the scale's type. */
const dequantize: ShapeRule = (call) => {
  const [dims, scale] = [call.dims(0), call.type(1)];
  return dims && scale && [{ dataType: scale.dataType, dims }];
};

/** Of the zero point's type; unsigned bytes without one. */
const quantize: ShapeRule = (call) => {
  const dims = call.dims(0);
  const dataType: DataType | undefined = call.has(2) ? call.type(2)?.dataType : 'uint8';
  return dims && dataType && [{ dataType, dims }];
};

export const REDUCE_RULES = {
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ArgMax: argReduce,
  ArgMin: argReduce,
  TopK: topK,
  NegativeLogLikelihoodLoss: classLoss,
  SoftmaxCrossEntropyLoss: classLoss,
  DequantizeLinear: dequantize,
  QuantizeLinear: quantize,
} satisfies Record<string, ShapeRule>;
