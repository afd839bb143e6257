import { DiptychError } from '../errors.ts';
import { byteLength, dataTypeOf, describeCode } from './data-type.ts';
import type { DataType, Tensor } from './ir.ts';
import { type TensorProto, TensorProto_DataLocation } from './onnx_pb.js';

/** A tensor of the file; `what` names it in messages ("initializer conv.weight"). Bytes inside the file stay views of it. */
export function readTensor(proto: TensorProto, file: string, what: string): Tensor {
  const dataType = dataTypeOf(proto.dataType);
  if (dataType === undefined || dataType === 'string') {
    throw new DiptychError(
      'graph_unsupported',
      `${file}: ${what} has the data type ${describeCode(proto.dataType)}, which is not supported`,
      { file, what },
    );
  }
  if (proto.segment)
    throw new DiptychError('graph_unsupported', `${file}: ${what} is stored in segments, which is not supported`, { file, what });
  const dims = proto.dims.map((dim) => readDim(dim, file, what));
  const expected = byteLength(dataType, dims);
  if (!Number.isSafeInteger(expected)) throw malformed(file, what, `has the impossible shape [${dims}]`);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) return { dataType, dims, data: readExternal(proto, expected, file, what) };
  const bytes = proto.rawData.length > 0 ? proto.rawData : typedBytes(proto, dataType);
  if (bytes.length !== expected) throw malformed(file, what, `has ${bytes.length} bytes where ${dataType}[${dims}] needs ${expected}`);
  return { dataType, dims, data: { kind: 'inline', bytes } };
}

function readDim(dim: bigint, file: string, what: string): number {
  if (dim < 0n || dim > Number.MAX_SAFE_INTEGER) throw malformed(file, what, `has the impossible dimension ${dim}`);
  return Number(dim);
}

function readExternal(proto: TensorProto, expected: number, file: string, what: string): Tensor['data'] {
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = entries.get('location') ?? '';
  if (!isBeside(location))
    throw malformed(file, what, `points to the external file "${location}", which must be a relative path without ".."`);
  const offset = readCount(entries.get('offset') ?? '0', file, what, 'offset');
  const length = readCount(entries.get('length') ?? String(expected), file, what, 'length');
  if (length !== expected) throw malformed(file, what, `has ${length} external bytes where its shape needs ${expected}`);
  return { kind: 'external', location, offset, length };
}

/** A file beside the model or below it: models come from strangers, and their weights are opened by this path. */
function isBeside(location: string): boolean {
  return location !== '' && !/^[/\\]|^[A-Za-z][\w+.-]*:/.test(location) && !location.split(/[/\\]/).includes('..');
}

function readCount(text: string, file: string, what: string, field: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(count)) throw malformed(file, what, `has the external ${field} "${text}", which is not a byte count`);
  return count;
}

/** The typed fields as little-endian bytes (every engine that runs this is little-endian). */
function typedBytes(proto: TensorProto, dataType: Exclude<DataType, 'string'>): Uint8Array {
  return new Uint8Array(typedArray(proto, dataType).buffer);
}

function typedArray(proto: TensorProto, dataType: Exclude<DataType, 'string'>) {
  switch (dataType) {
    case 'float32':
      return Float32Array.from(proto.floatData);
    case 'float64':
      return Float64Array.from(proto.doubleData);
    case 'int64':
      return BigInt64Array.from(proto.int64Data);
    case 'uint64':
      return BigUint64Array.from(proto.uint64Data);
    case 'uint32':
      return Uint32Array.from(proto.uint64Data, Number);
    case 'int32':
      return Int32Array.from(proto.int32Data);
    case 'int16':
      return Int16Array.from(proto.int32Data);
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return Uint16Array.from(proto.int32Data);
    case 'int8':
      return Int8Array.from(proto.int32Data);
    case 'uint8':
    case 'bool':
    case 'int4':
    case 'uint4':
      return Uint8Array.from(proto.int32Data);
    default:
      return dataType satisfies never;
  }
}

function malformed(file: string, what: string, reason: string): DiptychError {
  return new DiptychError('onnx_malformed', `${file}: ${what} ${reason}; export the model again`, { file, what });
}
