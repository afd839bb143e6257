/** Rules of operators that move, repeat or select elements. */
import { elementCount } from '../data-type.ts';
import { type Call, type ShapeRule, type StaticType, broadcast } from './rule.ts';
import { type SliceRange, sliceRange } from './slice-range.ts';

const transpose: ShapeRule = (call) => {
  const type = call.type(0);
  if (!type) return undefined;
  return [{ ...type, dims: permutation(call, type.dims.length).map((axis) => type.dims[axis]!) }];
};

/** The axes of a Transpose's input in the order of its output. */
export function permutation(call: Call, rank: number): number[] {
  const reversed = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const perm = call.axes(call.ints('perm', reversed), rank);
  if (perm.length !== rank || new Set(perm).size !== rank) throw call.invalid(`perm [${perm}] is no permutation`);
  return perm;
}

const reshape: ShapeRule = (call) => {
  const type = call.type(0);
  const shape = call.intsFrom(1, 'shape', []);
  if (!type || !shape) return undefined;
  const keepsZero = call.int('allowzero', 0) === 1;
  const dims = shape.map((size, axis) => (size === 0 && !keepsZero ? (type.dims[axis] ?? 0) : size));
  const free = dims.indexOf(-1);
  if (free >= 0) {
    const rest = elementCount(dims.toSpliced(free, 1));
    dims[free] = rest === 0 ? 0 : elementCount(type.dims) / rest;
  }
  if (elementCount(dims) !== elementCount(type.dims) || !dims.every(Number.isInteger))
    throw call.invalid(`it cannot be reshaped to [${shape}]`);
  return [{ ...type, dims }];
};

const unsqueeze: ShapeRule = (call) => {
  const type = call.type(0);
  const given = call.intsFrom(1, 'axes', []);
  if (!type || !given) return undefined;
  const rank = type.dims.length + given.length;
  const axes = new Set(call.axes(given, rank));
  if (axes.size !== given.length) throw call.invalid(`axes [${given}] repeat`);
  const rest = [...type.dims];
  return [{ ...type, dims: Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!)) }];
};

const squeeze: ShapeRule = (call) => {
  const type = call.type(0);
  if (!type) return undefined;
  const ones = type.dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const given = call.intsFrom(1, 'axes', ones);
  if (!given) return undefined;
  const axes = new Set(call.axes(given, type.dims.length));
  if ([...axes].some((axis) => type.dims[axis] !== 1)) throw call.invalid(`axes [${given}] are not all of size 1`);
  return [{ ...type, dims: type.dims.filter((_, axis) => !axes.has(axis)) }];
};

const flatten: ShapeRule = (call) => {
  const type = call.type(0);
  if (!type) return undefined;
  const given = call.int('axis', 1);
  const axis = given < 0 ? given + type.dims.length : given;
  return [{ ...type, dims: [elementCount(type.dims.slice(0, axis)), elementCount(type.dims.slice(axis))] }];
};

const slice: ShapeRule = (call) => {
  const type = call.type(0);
  const ranges = sliceRanges(call);
  return type && ranges && [{ ...type, dims: ranges.map((range) => range.count) }];
};

/** What a Slice takes of each axis of its input. */
export function sliceRanges(call: Call): SliceRange[] | undefined {
  const dims = call.dims(0);
  const starts = call.intsFrom(1, 'starts', []);
  const ends = call.intsFrom(2, 'ends', []);
  if (!dims || !starts || !ends) return undefined;
  const axes = call.intsFrom(
    3,
    'axes',
    Array.from(starts, (_, axis) => axis),
  );
  const steps = call.has(4) ? call.constantInts(4) : starts.map(() => 1);
  if (!axes || !steps) return undefined;
  if (steps.includes(0)) throw call.invalid('a step is 0');
  const ranges = dims.map((size): SliceRange => ({ start: 0, step: 1, count: size }));
  call.axes(axes, dims.length).forEach((axis, i) => {
    ranges[axis] = sliceRange(starts[i]!, ends[i]!, steps[i]!, dims[axis]!);
  });
  return ranges;
}

const concat: ShapeRule = (call) => {
  const types = call.node.inputs.map((_, index) => call.type(index));
  const [first] = types;
  if (!first || !types.every((type) => type !== undefined)) return undefined;
  const axis = call.axis(call.int('axis', 0), first.dims.length);
  const fits = types.every(({ dims }) => dims.length === first.dims.length && dims.every((dim, i) => i === axis || dim === first.dims[i]));
  if (!fits) throw call.invalid(`the shapes differ outside axis ${axis}`);
  return [
    {
      ...first,
      dims: first.dims.with(
        axis,
        types.reduce((sum, { dims }) => sum + dims[axis]!, 0),
      ),
    },
  ];
};

const split: ShapeRule = (call) => {
  const type = call.type(0);
  const sizes = type && splitSizes(call, type);
  if (!sizes) return undefined;
  const axis = call.axis(call.int('axis', 0), type.dims.length);
  return sizes.map((size) => ({ ...type, dims: type.dims.with(axis, size) }));
};

/** The sizes of a Split's outputs: given, or equal parts of which the last may be smaller. */
export function splitSizes(call: Call, type: StaticType): number[] | undefined {
  const size = type.dims[call.axis(call.int('axis', 0), type.dims.length)]!;
  const parts = call.int('num_outputs', call.node.outputs.length);
  const even = Math.ceil(size / parts);
  const equal = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(even, size - i * even)));
  const sizes = call.intsFrom(1, 'split', equal);
  if (sizes && sizes.reduce((a, b) => a + b, 0) !== size) throw call.invalid(`parts of [${sizes}] do not make up ${size}`);
  return sizes;
}

const gather: ShapeRule = (call) => {
  const type = call.type(0);
  const indices = call.dims(1);
  if (!type || !indices) return undefined;
  const axis = call.axis(call.int('axis', 0), type.dims.length);
  return [{ ...type, dims: type.dims.toSpliced(axis, 1, ...indices) }];
};

const gatherElements: ShapeRule = (call) => {
  const type = call.type(0);
  const indices = call.dims(1);
  return type && indices && [{ ...type, dims: indices }];
};

const gatherND: ShapeRule = (call) => {
  const type = call.type(0);
  const indices = call.dims(1);
  if (!type || !indices) return undefined;
  const taken = call.int('batch_dims', 0) + indices.at(-1)!;
  return [{ ...type, dims: [...indices.slice(0, -1), ...type.dims.slice(taken)] }];
};

const scatter: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [type];
};

const expand: ShapeRule = (call) => {
  const type = call.type(0);
  const shape = call.constantInts(1);
  return type && shape && [{ ...type, dims: broadcast(call, [type.dims, shape]) }];
};

const tile: ShapeRule = (call) => {
  const type = call.type(0);
  const repeats = call.constantInts(1);
  return type && repeats && [{ ...type, dims: type.dims.map((dim, axis) => dim * repeats[axis]!) }];
};

const pad: ShapeRule = (call) => {
  const type = call.type(0);
  const pads = call.intsFrom(1, 'pads', []);
  if (!type || !pads) return undefined;
  const rank = type.dims.length;
  const given = call.has(3) ? call.constantInts(3) : Array.from({ length: rank }, (_, axis) => axis);
  if (!given) return undefined;
  const dims = [...type.dims];
  call.axes(given, rank).forEach((axis, i) => {
    dims[axis]! += pads[i]! + pads[i + given.length]!;
  });
  return [{ ...type, dims }];
};

const depthToSpace: ShapeRule = (call) => blocks(call, (dims, b) => [dims[0]!, dims[1]! / (b * b), dims[2]! * b, dims[3]! * b]);
const spaceToDepth: ShapeRule = (call) => blocks(call, (dims, b) => [dims[0]!, dims[1]! * b * b, dims[2]! / b, dims[3]! / b]);

function blocks(call: Call, dimsOf: (dims: number[], blockSize: number) => number[]): StaticType[] | undefined {
  const type = call.type(0);
  return type && [{ ...type, dims: dimsOf(type.dims, call.int('blocksize', 1)) }];
}

export const MOVEMENT_RULES = {
  Transpose: transpose,
  Reshape: reshape,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Flatten: flatten,
  Slice: slice,
  Concat: concat,
  Split: split,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Scatter: scatter,
  ScatterND: scatter,
  ScatterElements: scatter,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
} satisfies Record<string, ShapeRule>;
