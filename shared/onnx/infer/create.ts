/** Rules of operators that make tensors from shapes and scalars, or reduce tensors to their shape. */
import { dataTypeOf } from '../data-type.ts';
import type { ShapeRule } from './rule.ts';
import { sliceRange } from './slice-range.ts';

const shape: ShapeRule = (call) => {
  const dims = call.dims(0);
  if (!dims) return undefined;
  return [{ dataType: 'int64', dims: [sliceRange(call.int('start', 0), call.int('end', dims.length), 1, dims.length).count] }];
};

const size: ShapeRule = () => [{ dataType: 'int64', dims: [] }];

const constantOfShape: ShapeRule = (call) => {
  const dims = call.constantInts(0);
  const value = call.node.attributes.get('value');
  return dims && [{ dataType: value?.kind === 'tensor' ? value.value.dataType : 'float32', dims }];
};

const range: ShapeRule = (call) => {
  const type = call.type(0);
  const [start, limit, delta] = [0, 1, 2].map((index) => call.constantNumbers(index)?.[0]);
  if (!type || start === undefined || limit === undefined || delta === undefined) return undefined;
  if (delta === 0) throw call.invalid('its delta is 0');
  return [{ dataType: type.dataType, dims: [Math.max(0, Math.ceil((limit - start) / delta))] }];
};

const eyeLike: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [{ dataType: dataTypeOf(call.int('dtype', 0)) ?? type.dataType, dims: type.dims }];
};

const oneHot: ShapeRule = (call) => {
  const indices = call.dims(0);
  const depth = call.constantInts(1)?.[0];
  const values = call.type(2);
  if (!indices || depth === undefined || !values) return undefined;
  const axis = call.axis(call.int('axis', -1), indices.length + 1);
  return [{ dataType: values.dataType, dims: indices.toSpliced(axis, 0, depth) }];
};

const random: ShapeRule = (call) => [{ dataType: dataTypeOf(call.int('dtype', 1)) ?? 'float32', dims: call.ints('shape', []) }];

export const CREATE_RULES = {
  Shape: shape,
  Size: size,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  OneHot: oneHot,
  RandomNormal: random,
  RandomUniform: random,
} satisfies Record<string, ShapeRule>;
