import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { elements } from '../../../shared/onnx/constant-values.ts';
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type TensorProtoSchema,
  TensorProto_DataLocation,
} from '../../../shared/onnx/onnx_pb.js';
import { readModel } from '../../../shared/onnx/read.ts';
import { fixtureBytes } from './fixture-models.ts';

type ModelParts = MessageInitShape<typeof ModelProtoSchema>;
type TensorParts = MessageInitShape<typeof TensorProtoSchema>;

const FLOAT = 1;

function file(parts: ModelParts): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph: {}, ...parts } as ModelParts));
}

const withTensor = (tensor: TensorParts) => file({ graph: { initializer: [{ name: 'w', ...tensor }] } });
const withAttribute = (attribute: object) =>
  file({ graph: { node: [{ name: 'n', opType: 'Op', attribute: [{ name: 'a', ...attribute }] }] } });
const external = (entries: Record<string, string>): TensorParts => ({
  dataType: FLOAT,
  dims: [2n],
  dataLocation: TensorProto_DataLocation.EXTERNAL,
  externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
});

describe('what is refused, and what the message names', () => {
  it.each<[string, Uint8Array, string, RegExp]>([
    ['no bytes', new Uint8Array(), 'onnx_malformed', /f\.onnx: holds no graph/],
    ['text', new TextEncoder().encode('<html>not a model</html>'), 'onnx_malformed', /f\.onnx is not an ONNX file/],
    [
      'a model cut short',
      fixtureBytes('sd15-tiny/tiny_decoder').subarray(0, 40_000),
      'onnx_malformed',
      /f\.onnx is not an ONNX file or is cut short/,
    ],
    ['no IR version', file({ irVersion: 0n }), 'onnx_malformed', /IR version/],
    ['functions', file({ functions: [{ name: 'fn', domain: 'd' }] }), 'graph_unsupported', /f\.onnx: holds the function d\.fn/],
    ['training information', file({ trainingInfo: [{}] }), 'graph_unsupported', /training information/],
    ['sparse initializers', file({ graph: { name: 'g', sparseInitializer: [{}] } }), 'graph_unsupported', /sparse initializers/],
    ['quantization annotations', file({ graph: { quantizationAnnotation: [{}] } }), 'graph_unsupported', /quantization annotations/],
    [
      'an unknown data type',
      withTensor({ dataType: 17, rawData: new Uint8Array(1) }),
      'graph_unsupported',
      /initializer w has the data type float8e4m3fn/,
    ],
    ['a string tensor', withTensor({ dataType: 8 }), 'graph_unsupported', /initializer w has the data type string/],
    [
      'too few bytes',
      withTensor({ dataType: FLOAT, dims: [3n], rawData: new Uint8Array(8) }),
      'onnx_malformed',
      /initializer w has 8 bytes where float32\[3\] needs 12/,
    ],
    ['a negative dimension', withTensor({ dataType: FLOAT, dims: [-1n] }), 'onnx_malformed', /impossible dimension -1/],
    ['an impossible shape', withTensor({ dataType: FLOAT, dims: [2n ** 40n, 2n ** 40n] }), 'onnx_malformed', /impossible shape/],
    ['a tensor in segments', withTensor({ dataType: FLOAT, segment: {} }), 'graph_unsupported', /segments/],
    ['external data without a file', withTensor(external({})), 'onnx_malformed', /external file ""/],
    ['an absolute external path', withTensor(external({ location: '/etc/passwd' })), 'onnx_malformed', /relative path/],
    ['an external path that climbs', withTensor(external({ location: 'a/../../b' })), 'onnx_malformed', /relative path/],
    ['an external address', withTensor(external({ location: 'https://h/w' })), 'onnx_malformed', /relative path/],
    [
      'an external offset that is no number',
      withTensor(external({ location: 'w', offset: '1e3' })),
      'onnx_malformed',
      /external offset "1e3"/,
    ],
    ['external data of the wrong length', withTensor(external({ location: 'w', length: '4' })), 'onnx_malformed', /4 external bytes/],
    [
      'two initializers of one name',
      file({ graph: { initializer: [1, 2].map(() => ({ name: 'w', dataType: FLOAT, dims: [0n] })) } }),
      'onnx_malformed',
      /initializer w twice/,
    ],
    ['a node without operator', file({ graph: { node: [{ name: 'n' }] } }), 'onnx_malformed', /node n has no operator/],
    ['an overload', file({ graph: { node: [{ name: 'n', opType: 'f', overload: 'o' }] } }), 'graph_unsupported', /overload o/],
    ['an attribute without type', withAttribute({}), 'onnx_malformed', /attribute a of node n \(Op\) has no type/],
    ['an attribute that refers to another', withAttribute({ refAttrName: 'b' }), 'graph_unsupported', /refers to a function/],
    ['an attribute of graphs', withAttribute({ type: Kind.GRAPHS }), 'graph_unsupported', /kind GRAPHS/],
    ['a tensor attribute without tensor', withAttribute({ type: Kind.TENSOR }), 'onnx_malformed', /lacks its tensor/],
    ['a graph attribute without graph', withAttribute({ type: Kind.GRAPH }), 'onnx_malformed', /lacks its graph/],
    ['text that is not UTF-8', withAttribute({ type: Kind.STRING, s: Uint8Array.of(0xff) }), 'onnx_malformed', /not UTF-8/],
    ['an input without type', file({ graph: { input: [{ name: 'x' }] } }), 'onnx_malformed', /x has no type/],
    [
      'a sequence',
      file({ graph: { input: [{ name: 'x', type: { value: { case: 'sequenceType', value: {} } } }] } }),
      'graph_unsupported',
      /value x is of the kind sequenceType/,
    ],
    [
      'a value of unknown type',
      file({ graph: { input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 14 } } } }] } }),
      'graph_unsupported',
      /value x has the data type complex64/,
    ],
  ])('%s', (_, bytes, code, message) => {
    expect(() => readModel(bytes, 'f.onnx')).toThrowError(
      expect.objectContaining({ name: 'DiptychError', code, message: expect.stringMatching(message) }),
    );
  });
});

describe('typed data fields become little-endian bytes', () => {
  it.each<[string, TensorParts, (number | bigint)[]]>([
    ['float32', { dataType: 1, floatData: [1.5, -2] }, [1.5, -2]],
    ['float64', { dataType: 11, doubleData: [0.1, -2] }, [0.1, -2]],
    ['int64', { dataType: 7, int64Data: [2n ** 62n, -1n] }, [2n ** 62n, -1n]],
    ['uint64', { dataType: 13, uint64Data: [2n ** 63n, 1n] }, [2n ** 63n, 1n]],
    ['uint32', { dataType: 12, uint64Data: [4294967295n, 1n] }, [4294967295, 1]],
    ['int32', { dataType: 6, int32Data: [-5, 7] }, [-5, 7]],
    ['int16', { dataType: 5, int32Data: [-5, 7] }, [-5, 7]],
    ['int8', { dataType: 3, int32Data: [-5, 7] }, [-5, 7]],
    ['uint8', { dataType: 2, int32Data: [200, 7] }, [200, 7]],
    ['bool', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
    ['float16 bit patterns', { dataType: 10, int32Data: [0x3c00, 0xc000] }, [1, -2]],
  ])('%s', (_, parts, values) => {
    const tensor = readModel(withTensor({ dims: [2n], ...parts }), 'f.onnx').graph.initializers.get('w')!;
    expect([...elements(tensor)!]).toEqual(values);
  });

  it('packs two 4-bit integers into a byte', () => {
    const tensor = readModel(withTensor({ dataType: 22, dims: [3n], int32Data: [0x21, 0x03] }), 'f.onnx').graph.initializers.get('w')!;
    expect(tensor).toMatchObject({ dataType: 'int4', data: { bytes: Uint8Array.of(0x21, 0x03) } });
  });
});
