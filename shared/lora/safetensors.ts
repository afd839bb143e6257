/** The safetensors container: 8 bytes of header length, a JSON header, tensor bytes without gaps (https://huggingface.co/docs/safetensors). */
import { DiptychError, type ErrorCode } from '../errors.ts';
import { fromFloat16 } from '../onnx/float16.ts';

export interface SafeTensor {
  dtype: string;
  shape: number[];
  /** Little-endian, row-major; a view into the file. */
  bytes: Uint8Array;
}

export interface SafetensorsFile {
  tensors: Map<string, SafeTensor>;
  metadata: Record<string, string>;
}

const ITEM_BYTES: Record<string, number> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The format's own bound: a longer header is an attack or a broken file. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * @throws DiptychError `lora_truncated` where the file ends too soon, `lora_header_invalid` for anything that breaks the format, naming
 * the file and the tensor
 */
export function readSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const fail = (code: ErrorCode, reason: string, details = {}): never => {
    throw new DiptychError(code, `${file}: ${reason}`, { file, ...details });
  };
  if (bytes.length < 8) fail('lora_truncated', `${bytes.length} bytes are too few for a safetensors header; download the file again`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    fail(
      'lora_header_invalid',
      `the header claims ${length} bytes, more than the format allows (${MAX_HEADER_BYTES}); this is not a safetensors file`,
    );
  const start = 8 + Number(length);
  if (start > bytes.length)
    fail('lora_truncated', `the header claims ${length} bytes but only ${bytes.length - 8} follow; download the file again`);
  const header = parseHeader(bytes.subarray(8, start), file);
  const data = bytes.subarray(start);
  const tensors = new Map<string, SafeTensor>();
  let metadata: Record<string, string> = {};
  const spans: { key: string; from: number; to: number }[] = [];
  for (const [key, entry] of Object.entries(header)) {
    if (key === '__metadata__') {
      metadata = Object.fromEntries(
        Object.entries(entry as object).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
      );
      continue;
    }
    if (!isEntry(entry)) fail('lora_header_invalid', `tensor ${key} lacks a valid dtype, shape or data_offsets`, { key });
    const { dtype, shape, data_offsets } = entry as HeaderEntry;
    const [from, to] = data_offsets;
    const itemBytes =
      ITEM_BYTES[dtype] ?? fail('lora_dtype_unsupported', `tensor ${key} has the data type ${dtype}, which is not known`, { key, dtype });
    if (to > data.length) fail('lora_truncated', `tensor ${key} ends at byte ${to} of ${data.length}; download the file again`, { key });
    const expected = shape.reduce((product, dim) => product * dim, 1) * itemBytes;
    if (to - from !== expected)
      fail('lora_header_invalid', `tensor ${key} is ${dtype} [${shape.join(', ')}], ${expected} bytes, but spans ${to - from}`, { key });
    spans.push({ key, from, to });
    tensors.set(key, { dtype, shape, bytes: data.subarray(from, to) });
  }
  const ordered = spans.toSorted((a, b) => a.from - b.from || a.to - b.to);
  for (const [i, span] of ordered.entries()) {
    const before = ordered[i - 1];
    if (before && span.from < before.to) fail('lora_header_invalid', `tensors ${before.key} and ${span.key} overlap`, { key: span.key });
  }
  return { tensors, metadata };
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

function isEntry(entry: unknown): entry is HeaderEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { dtype, shape, data_offsets } = entry as Partial<HeaderEntry>;
  const counts = (values: unknown): values is number[] => Array.isArray(values) && values.every((n) => Number.isSafeInteger(n) && n >= 0);
  return (
    typeof dtype === 'string' && counts(shape) && counts(data_offsets) && data_offsets.length === 2 && data_offsets[0]! <= data_offsets[1]!
  );
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new DiptychError('lora_header_invalid', `${file}: the header is not JSON`, { file }, { cause });
  }
  throw new DiptychError('lora_header_invalid', `${file}: the header is not a JSON object`, { file });
}

/**
 * A float tensor as float32.
 *
 * @throws DiptychError `lora_dtype_unsupported` for anything but F32, F16 and BF16
 */
export function toFloat32(tensor: SafeTensor, key: string, file: string): Float32Array {
  const { dtype, bytes } = tensor;
  // A copy by constructor: `slice` of Node's Buffer would be a view of the whole file.
  const aligned = new Uint8Array(bytes).buffer;
  if (dtype === 'F32') return new Float32Array(aligned);
  if (dtype === 'F16') return fromFloat16(new Uint16Array(aligned));
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(new Uint16Array(aligned), (bits) => bits << 16).buffer);
  throw new DiptychError('lora_dtype_unsupported', `${file}: tensor ${key} is ${dtype}; a LoRA is read in F32, F16 or BF16`, {
    file,
    key,
    dtype,
  });
}

/** Writes tensors in the order given, header padded to 8 bytes as the reference does. */
export function writeSafetensors(tensors: ReadonlyMap<string, SafeTensor>, metadata: Record<string, string>): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [key, { dtype, shape, bytes }] of tensors) {
    header[key] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + padded + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.set(json, 8);
  out.fill(0x20, 8 + json.length, 8 + padded);
  let position = 8 + padded;
  for (const { bytes } of tensors.values()) {
    out.set(bytes, position);
    position += bytes.length;
  }
  return out;
}
