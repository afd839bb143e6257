import ort from 'onnxruntime-node';
import { gradient, gradientName } from '../../../shared/autodiff/gradient.ts';
import { elements } from '../../../shared/onnx/constant-values.ts';
import {
  type Attribute,
  float32Tensor,
  type Graph,
  int64Tensor,
  makeNode,
  type Model,
  type Node,
  type Tensor,
} from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

/** An input of the operator under test: one that is differentiated, or a constant. */
type Operand = number[] | GivenOperand | undefined;

interface GivenOperand {
  values: readonly number[];
  dims?: number[];
  type?: 'int64' | 'int32' | 'float32' | 'bool';
  /** An input of the graph in place of a constant: what it holds is known only at run time. */
  fed?: boolean;
}

export interface VjpCase {
  op: string;
  /** Dims of differentiated inputs, constants, or undefined for an input left out. */
  inputs: readonly Operand[];
  attributes?: Record<string, Attribute>;
  outputs?: number;
  /** How many of the outputs, from the first, the loss depends on; all where left out. */
  weighted?: number;
  opset?: number;
  domain?: string;
  /** Of the random inputs: uniform in [low, high]. */
  range?: [number, number];
  /** Half the distance of the central difference. */
  step?: number;
}

const TENSORS = {
  int64: int64Tensor,
  int32: (dims: number[], values: readonly number[]): Tensor => ({
    dataType: 'int32',
    dims,
    data: { kind: 'inline', bytes: new Uint8Array(Int32Array.from(values).buffer) },
  }),
  float32: float32Tensor,
  bool: (dims: number[], values: readonly number[]): Tensor => ({
    dataType: 'bool',
    dims,
    data: { kind: 'inline', bytes: Uint8Array.from(values) },
  }),
};

/** The directional derivative along a random direction, by the gradient graph and by a central difference. */
export interface Slopes {
  gradient: number;
  difference: number;
}

/** Deterministic numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** loss = the sum over all outputs of output * (random weights), so that every element of every gradient counts. */
function caseModel({ op, inputs, attributes = {}, outputs = 1, weighted = outputs, opset = 17, domain = '' }: VjpCase): {
  model: Model;
  free: Map<string, number[]>;
  fed: Map<string, Tensor>;
} {
  const initializers = new Map<string, Tensor>();
  const fed = new Map<string, Tensor>();
  const free = new Map<string, number[]>();
  const names = inputs.map((operand, index) => {
    if (operand === undefined) return '';
    const name = `x${index}`;
    if (Array.isArray(operand)) free.set(name, operand);
    else {
      const dims = operand.dims ?? [operand.values.length];
      (operand.fed ? fed : initializers).set(name, TENSORS[operand.type ?? 'int64'](dims, operand.values));
    }
    return name;
  });
  const all = Array.from({ length: outputs }, (_, k) => `y${k}`);
  const made = all.slice(0, weighted);
  const node: Node = { ...makeNode(op, `/test/${op}`, names, all, attributes), domain };
  const nodes = [node, ...made.flatMap((name) => [makeNode('Mul', `/loss/${name}/Mul`, [name, `w${name}`], [`${name}.weighted`]), makeNode('ReduceSum', `/loss/${name}/Sum`, [`${name}.weighted`], [`${name}.sum`], { keepdims: { kind: 'int', value: 0 } })])]; // prettier-ignore
  const total = made.slice(1).reduce((sum, name) => {
    nodes.push(makeNode('Add', `/loss/${name}/Add`, [sum, `${name}.sum`], [`${name}.total`]));
    return `${name}.total`;
  }, `${made[0]!}.sum`);
  nodes.push(makeNode('Identity', '/loss', [total], ['loss']));
  const graph: Graph = {
    name: op,
    nodes,
    initializers,
    inputs: [
      ...[...free].map(([name, dims]) => ({ name, type: { dataType: 'float32' as const, dims } })),
      ...[...fed].map(([name, { dataType, dims }]) => ({ name, type: { dataType, dims } })),
    ],
    outputs: [{ name: 'loss', type: { dataType: 'float32' } }, ...made.map((name) => ({ name, type: { dataType: 'float32' as const } }))],
    valueInfo: new Map(),
  };
  const opsets = new Map([['', opset], ...(domain ? [[domain, 1] as const] : [])]);
  const model: Model = { irVersion: 9, producer: 'test', opsets, metadata: new Map(), graph };
  return { model: withWeights(model, made), free, fed };
}

/** The weights of the loss have the outputs' shapes, which inference tells. */
function withWeights(model: Model, outputs: readonly string[]): Model {
  const bare = { ...model, graph: { ...model.graph, nodes: model.graph.nodes.slice(0, 1), outputs: model.graph.outputs.slice(1) } };
  const known = normalise(bare, {}).graph;
  const next = random(99);
  const initializers = new Map(model.graph.initializers);
  for (const name of outputs) {
    const dims = known.outputs.find((output) => output.name === name)!.type.dims as number[];
    initializers.set(`w${name}`, float32Tensor(dims, Array.from({ length: product(dims) }, () => next() * 2 - 1))); // prettier-ignore
  }
  return { ...model, graph: { ...model.graph, initializers, outputs: model.graph.outputs.slice(0, 1) } };
}

function fedTensor(tensor: Tensor): ort.Tensor {
  const values = elements(tensor)!;
  return values instanceof BigInt64Array
    ? new ort.Tensor('int64', values, tensor.dims)
    : new ort.Tensor('int32', Int32Array.from(values as Int32Array), tensor.dims);
}

/** Both slopes of a case, at a random point, over all differentiated inputs together. */
export async function slopesOf(testCase: VjpCase, seed = 7): Promise<Slopes> {
  const { model, free, fed } = caseModel(testCase);
  const normal = normalise(model, {});
  const differentiated = gradient(normal, { loss: 'loss', inputs: [...free.keys()] });
  validateModel(differentiated);
  const [forward, backward] = [
    await ort.InferenceSession.create(writeModel(normal)),
    await ort.InferenceSession.create(writeModel(differentiated)),
  ];
  const next = random(seed);
  const [low, high] = testCase.range ?? [-2, 2];
  const point = new Map(
    [...free].map(([name, dims]) => [name, Float32Array.from({ length: product(dims) }, () => low + (high - low) * next())]),
  );
  const direction = new Map([...free].map(([name, dims]) => [name, Float32Array.from({ length: product(dims) }, () => next() * 2 - 1)]));
  const given = [...fed].map(([name, tensor]) => [name, fedTensor(tensor)] as const);
  const feeds = (t: number) =>
    Object.fromEntries([...given, ...[...free].map(([name, dims]) => [name, new ort.Tensor('float32', point.get(name)!.map((value, i) => value + t * direction.get(name)![i]!), dims)] as const)]); // prettier-ignore
  const loss = async (t: number) => ((await forward.run(feeds(t)))['loss']!.data as Float32Array)[0]!;
  const step = testCase.step ?? 1e-2;
  const outputs = await backward.run(feeds(0));
  let slope = 0;
  for (const [name, dims] of free) {
    const tensor = outputs[gradientName(name)]!;
    if (tensor.dims.join() !== dims.join()) throw new Error(`the gradient of ${name} is [${tensor.dims.join()}], not [${dims.join()}]`);
    for (const [i, value] of (tensor.data as Float32Array).entries()) slope += value * direction.get(name)![i]!;
  }
  return { gradient: slope, difference: ((await loss(step)) - (await loss(-step))) / (2 * step) };
}
