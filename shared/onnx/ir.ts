/**
 * The graph as the passes see it: plain data with the names of the ONNX specification (https://onnx.ai/onnx/repo-docs/IR.html).
 * `read.ts` and `write.ts` translate from and to protobuf; everything else works on this.
 */
export type DataType =
  | 'float32' | 'float16' | 'bfloat16' | 'float64'
  | 'int64' | 'int32' | 'int16' | 'int8' | 'int4'
  | 'uint64' | 'uint32' | 'uint16' | 'uint8' | 'uint4'
  | 'bool' | 'string';

/** A dimension: a size, or the name of a symbolic one (empty when the file gives none). */
export type Dim = number | string;

/** Element type and shape of a value; `dims` undefined where not even the rank is known. */
export interface ValueType {
  dataType: DataType;
  dims?: Dim[];
}

export interface GraphValue {
  name: string;
  type: ValueType;
}

/** Where a tensor's bytes are: here (little-endian, row-major), or in a file beside the model. */
type TensorData =
  | { kind: 'inline'; bytes: Uint8Array }
  | { kind: 'external'; location: string; offset: number; length: number };

export interface Tensor {
  dataType: DataType;
  dims: number[];
  data: TensorData;
}

/** An attribute. Integers are numbers where they are safe, bigints beyond 2^53. */
export type Attribute =
  | { kind: 'float'; value: number }
  | { kind: 'int'; value: number | bigint }
  | { kind: 'string'; value: string }
  | { kind: 'tensor'; value: Tensor }
  | { kind: 'graph'; value: Graph }
  | { kind: 'floats'; value: number[] }
  | { kind: 'ints'; value: (number | bigint)[] }
  | { kind: 'strings'; value: string[] };

export interface Node {
  name: string;
  opType: string;
  /** Empty for the ONNX standard operators. */
  domain: string;
  /** Value names; an empty string is an input left out. */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, Attribute>;
  /** `metadata_props`: the dynamo exporter keeps module paths here. */
  metadata: Map<string, string>;
}

/** Nodes stand in topological order. Value names are unique within a graph and its subgraphs. */
export interface Graph {
  name: string;
  nodes: Node[];
  initializers: Map<string, Tensor>;
  inputs: GraphValue[];
  outputs: GraphValue[];
  /** Types of inner values, as far as known. */
  valueInfo: Map<string, ValueType>;
}

export interface Model {
  irVersion: number;
  producer: string;
  /** Operator-set version by domain; the standard one is ''. */
  opsets: Map<string, number>;
  metadata: Map<string, string>;
  graph: Graph;
}

/** Who makes and who reads each value of a graph (subgraphs' captures count as reads by the node that holds them). */
export interface GraphIndex {
  producer: Map<string, Node>;
  consumers: Map<string, Node[]>;
}

export function indexGraph(graph: Graph): GraphIndex {
  const producer = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output) producer.set(output, node);
    for (const input of new Set(reads(node))) {
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  }
  return { producer, consumers };
}

/** The values that a node reads, those that its subgraphs capture included. */
export function reads(node: Node): string[] {
  const captured = [...node.attributes.values()].flatMap((a) => (a.kind === 'graph' ? captures(a.value) : []));
  return [...node.inputs.filter((name) => name !== ''), ...captured];
}

function captures(graph: Graph): string[] {
  const own = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys(), ...graph.nodes.flatMap((n) => n.outputs)]);
  return [...graph.nodes.flatMap(reads), ...graph.outputs.map((o) => o.name)].filter((name) => !own.has(name));
}

/** A new node; `attributes` maps a name to a tagged attribute (see `int`, `ints`, `float`, `string`, `tensor`). */
export function makeNode(opType: string, name: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute> = {}): Node {
  return { name, opType, domain: '', inputs, outputs, attributes: new Map(Object.entries(attributes)), metadata: new Map() };
}

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const string = (value: string): Attribute => ({ kind: 'string', value });
export const tensor = (value: Tensor): Attribute => ({ kind: 'tensor', value });

/** An integer attribute as a number, `fallback` where the node has none. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'int' ? Number(attribute.value) : fallback;
}

/** An attribute of integers as numbers, `fallback` where the node has none. */
export function intsAttribute(node: Node, name: string, fallback: number[]): number[] {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : fallback;
}

/** A float32 tensor from numbers. */
export function float32Tensor(dims: number[], values: ArrayLike<number>): Tensor {
  return { dataType: 'float32', dims, data: { kind: 'inline', bytes: new Uint8Array(Float32Array.from(values).buffer) } };
}

/** An int64 tensor from numbers. */
export function int64Tensor(dims: number[], values: readonly number[]): Tensor {
  return { dataType: 'int64', dims, data: { kind: 'inline', bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) } };
}
