import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { codeOf } from './data-type.ts';
import type { Attribute, Dim, Graph, Model, Node, Tensor, ValueType } from './ir.ts';
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './onnx_pb.js';

/** The model as an ONNX file. The same model always gives the same bytes; external tensors stay references. */
export function writeModel(model: Model): Uint8Array {
  const message = create(ModelProtoSchema, {
    irVersion: BigInt(model.irVersion),
    producerName: model.producer,
    opsetImport: Array.from(model.opsets, ([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: entries(model.metadata),
    graph: writeGraph(model.graph),
  });
  return toBinary(ModelProtoSchema, message);
}

function writeGraph(graph: Graph): MessageInitShape<typeof GraphProtoSchema> {
  return {
    name: graph.name,
    node: graph.nodes.map(writeNode),
    initializer: Array.from(graph.initializers, ([name, tensor]) => ({ name, ...writeTensor(tensor) })),
    input: graph.inputs.map(({ name, type }) => writeValue(name, type)),
    output: graph.outputs.map(({ name, type }) => writeValue(name, type)),
    valueInfo: Array.from(graph.valueInfo, ([name, type]) => writeValue(name, type)),
  };
}

function writeNode(node: Node): MessageInitShape<typeof NodeProtoSchema> {
  return {
    name: node.name,
    opType: node.opType,
    ...(node.domain === '' ? {} : { domain: node.domain }),
    input: node.inputs,
    output: node.outputs,
    attribute: Array.from(node.attributes, ([name, attribute]) => ({ name, ...writeAttribute(attribute) })),
    metadataProps: entries(node.metadata),
  };
}

function writeAttribute(attribute: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  switch (attribute.kind) {
    case 'float':
      return { type: Kind.FLOAT, f: attribute.value };
    case 'int':
      return { type: Kind.INT, i: BigInt(attribute.value) };
    case 'string':
      return { type: Kind.STRING, s: new TextEncoder().encode(attribute.value) };
    case 'tensor':
      return { type: Kind.TENSOR, t: writeTensor(attribute.value) };
    case 'graph':
      return { type: Kind.GRAPH, g: writeGraph(attribute.value) };
    case 'floats':
      return { type: Kind.FLOATS, floats: attribute.value };
    case 'ints':
      return { type: Kind.INTS, ints: attribute.value.map(BigInt) };
    case 'strings':
      return { type: Kind.STRINGS, strings: attribute.value.map((s) => new TextEncoder().encode(s)) };
    default:
      return attribute satisfies never;
  }
}

function writeTensor(tensor: Tensor): MessageInitShape<typeof TensorProtoSchema> {
  const head = { dims: tensor.dims.map(BigInt), dataType: codeOf(tensor.dataType) };
  if (tensor.data.kind === 'inline') return { ...head, rawData: tensor.data.bytes };
  const { location, offset, length } = tensor.data;
  const externalData = entries(new Map<string, string | number>(Object.entries({ location, offset, length })));
  return { ...head, externalData, dataLocation: TensorProto_DataLocation.EXTERNAL };
}

function writeValue(name: string, type: ValueType): MessageInitShape<typeof ValueInfoProtoSchema> {
  const shape = type.dims ? { shape: { dim: type.dims.map(writeDim) } } : {};
  return { name, type: { value: { case: 'tensorType', value: { elemType: codeOf(type.dataType), ...shape } } } };
}

function writeDim(dim: Dim) {
  if (dim === '') return {};
  return { value: typeof dim === 'number' ? { case: 'dimValue' as const, value: BigInt(dim) } : { case: 'dimParam' as const, value: dim } };
}

function entries(map: Map<string, string | number>): { key: string; value: string }[] {
  return Array.from(map, ([key, value]) => ({ key, value: String(value) }));
}
