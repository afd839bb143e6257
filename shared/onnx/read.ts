import { fromBinary } from '@bufbuild/protobuf';
import { DiptychError } from '../errors.ts';
import { dataTypeOf, describeCode } from './data-type.ts';
import type { Attribute, Dim, Graph, GraphValue, Model, Node, Tensor, ValueType } from './ir.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TypeProto,
  type ValueInfoProto,
} from './onnx_pb.js';
import { readTensor } from './read-tensor.ts';

/**
 * The model in `bytes`; `file` names it in messages. Tensor bytes stay views of `bytes`. Documentation strings and the metadata
 * of graphs, values and tensors are not kept; that of the model and of nodes is.
 *
 * @throws onnx_malformed where the bytes are not a readable model; graph_unsupported where the model holds what the IR cannot carry
 */
export function readModel(bytes: Uint8Array, file: string): Model {
  const proto = parse(bytes, file);
  if (!proto.graph || proto.irVersion <= 0n) throw malformed(file, 'holds no graph or no IR version; is this an ONNX model?');
  const foreign =
    proto.functions.length > 0
      ? `the function ${proto.functions[0]!.domain}.${proto.functions[0]!.name}`
      : proto.trainingInfo.length > 0
        ? 'training information'
        : '';
  if (foreign) throw unsupported(file, `holds ${foreign}`);
  return {
    irVersion: Number(proto.irVersion),
    producer: proto.producerName,
    opsets: uniqueMap(
      proto.opsetImport.map(({ domain, version }) => [domain === 'ai.onnx' ? '' : domain, Number(version)]),
      file,
      'operator set',
    ),
    metadata: uniqueMap(
      proto.metadataProps.map(({ key, value }) => [key, value]),
      file,
      'metadata key',
    ),
    graph: readGraph(proto.graph, file),
  };
}

function parse(bytes: Uint8Array, file: string): ModelProto {
  try {
    // A Node Buffer would hand its own slice(), which shares memory, on to every tensor.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return fromBinary(ModelProtoSchema, plain, { readUnknownFields: false });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiptychError(
      'onnx_malformed',
      `${file} is not an ONNX file or is cut short (${reason}); export or copy it again`,
      { file },
      { cause },
    );
  }
}

function readGraph(proto: GraphProto, file: string): Graph {
  if (proto.sparseInitializer.length > 0) throw unsupported(file, `graph ${proto.name} holds sparse initializers`);
  if (proto.quantizationAnnotation.length > 0) throw unsupported(file, `graph ${proto.name} holds quantization annotations`);
  return {
    name: proto.name,
    nodes: proto.node.map((node) => readNode(node, file)),
    initializers: uniqueMap(
      proto.initializer.map((t): [string, Tensor] => [t.name, readTensor(t, file, `initializer ${t.name}`)]),
      file,
      'initializer',
    ),
    inputs: proto.input.map((value) => readValue(value, file)),
    outputs: proto.output.map((value) => readValue(value, file)),
    valueInfo: uniqueMap(
      proto.valueInfo.flatMap((value): [string, ValueType][] => (value.type ? [[value.name, readType(value.type, file, value.name)]] : [])),
      file,
      'value_info of',
    ),
  };
}

function readNode(proto: NodeProto, file: string): Node {
  const what = `node ${proto.name} (${proto.opType})`;
  if (proto.opType === '') throw malformed(file, `node ${proto.name} has no operator`);
  if (proto.overload !== '') throw unsupported(file, `${what} calls the overload ${proto.overload}`);
  return {
    name: proto.name,
    opType: proto.opType,
    domain: proto.domain === 'ai.onnx' ? '' : proto.domain,
    inputs: proto.input,
    outputs: proto.output,
    attributes: uniqueMap(
      proto.attribute.map((a): [string, Attribute] => [a.name, readAttribute(a, file, `attribute ${a.name} of ${what}`)]),
      file,
      `attribute of ${what},`,
    ),
    metadata: uniqueMap(
      proto.metadataProps.map(({ key, value }) => [key, value]),
      file,
      `metadata key of ${what},`,
    ),
  };
}

function readAttribute(proto: AttributeProto, file: string, what: string): Attribute {
  if (proto.refAttrName !== '') throw unsupported(file, `${what} refers to a function's attribute`);
  switch (proto.type) {
    case Kind.FLOAT:
      return { kind: 'float', value: proto.f };
    case Kind.INT:
      return { kind: 'int', value: readInt(proto.i) };
    case Kind.STRING:
      return { kind: 'string', value: readText(proto.s, file, what) };
    case Kind.TENSOR:
      if (!proto.t) throw malformed(file, `${what} lacks its tensor`);
      return { kind: 'tensor', value: readTensor(proto.t, file, what) };
    case Kind.GRAPH:
      if (!proto.g) throw malformed(file, `${what} lacks its graph`);
      return { kind: 'graph', value: readGraph(proto.g, file) };
    case Kind.FLOATS:
      return { kind: 'floats', value: proto.floats };
    case Kind.INTS:
      return { kind: 'ints', value: proto.ints.map(readInt) };
    case Kind.STRINGS:
      return { kind: 'strings', value: proto.strings.map((s) => readText(s, file, what)) };
    case Kind.UNDEFINED:
      throw malformed(file, `${what} has no type`);
    default:
      throw unsupported(file, `${what} is of the kind ${Kind[proto.type]}`);
  }
}

function readInt(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readText(bytes: Uint8Array, file: string, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, `${what} is not UTF-8 text`);
  }
}

function readValue(proto: ValueInfoProto, file: string): GraphValue {
  if (!proto.type) throw malformed(file, `input or output ${proto.name} has no type`);
  return { name: proto.name, type: readType(proto.type, file, proto.name) };
}

function readType(proto: TypeProto, file: string, name: string): ValueType {
  if (proto.value.case !== 'tensorType')
    throw unsupported(file, `value ${name} is of the kind ${proto.value.case ?? 'unknown'}, not a tensor`);
  const { elemType, shape } = proto.value.value;
  const dataType = dataTypeOf(elemType);
  if (dataType === undefined) throw unsupported(file, `value ${name} has the data type ${describeCode(elemType)}`);
  if (!shape) return { dataType };
  return { dataType, dims: shape.dim.map((dim) => readDim(dim.value)) };
}

/** A negative size is how some old exporters write "unknown". */
function readDim(
  value: { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } | { case: undefined; value?: undefined },
): Dim {
  if (value.case === 'dimParam') return value.value;
  return value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : '';
}

function uniqueMap<T>(entries: [string, T][], file: string, what: string): Map<string, T> {
  const map = new Map<string, T>();
  for (const [key, value] of entries) {
    if (map.has(key)) throw malformed(file, `has the ${what} ${key} twice`);
    map.set(key, value);
  }
  return map;
}

function malformed(file: string, reason: string): DiptychError {
  return new DiptychError('onnx_malformed', `${file}: ${reason}`, { file });
}

function unsupported(file: string, reason: string): DiptychError {
  return new DiptychError('graph_unsupported', `${file}: ${reason}; that is not supported: export plain tensors and operators`, { file });
}
