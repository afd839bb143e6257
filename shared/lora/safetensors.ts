/** The safetensors container: 8 bytes of header length, a JSON header, tensor bytes without gaps (https://huggingface.co/docs/safetensors). */
import { DiptychError, type ErrorCode, type ErrorDetails } from '../errors.ts';
import { fromFloat16 } from '../onnx/float16.ts';
import { duplicateKey } from './duplicate-key.ts';

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

const ITEM_BYTES = new Map<string, number>([
  ['F64', 8],
  ['I64', 8],
  ['U64', 8],
  ['F32', 4],
  ['I32', 4],
  ['U32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['I16', 2],
  ['U16', 2],
  ['I8', 1],
  ['U8', 1],
  ['BOOL', 1],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
]);

/** The format's own bound: a longer header is an attack or a broken file. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * @throws DiptychError `lora_truncated` where the file ends too soon, `lora_dtype_unsupported` for a data type that the format does not
 * have, `lora_header_invalid` for anything else that breaks the format, naming the file and the tensor
 */
export function readSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const { header, data } = split(bytes, file);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isTextMap(metadata)) throw refusal('lora_header_invalid', file, 'the __metadata__ is not a map from text to text');
  const spans = Object.entries(entries).map(([key, entry]) => readSpan(key, entry, data.length, file));
  expectEveryByteOnce(spans, data.length, file);
  const tensors = new Map(spans.map(({ key, dtype, shape, from, to }) => [key, { dtype, shape, bytes: data.subarray(from, to) }]));
  return { tensors, metadata };
}

function refusal(code: ErrorCode, file: string, reason: string, details: ErrorDetails = {}): DiptychError {
  return new DiptychError(code, `${file}: ${reason}`, { file, ...details });
}

function split(bytes: Uint8Array, file: string): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < 8)
    throw refusal('lora_truncated', file, `${bytes.length} bytes are too few for a safetensors header; download the file again`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const reason = `the header claims ${length} bytes, more than the format allows (${MAX_HEADER_BYTES}); this is not a safetensors file`;
    throw refusal('lora_header_invalid', file, reason);
  }
  const start = 8 + Number(length);
  if (start > bytes.length)
    throw refusal('lora_truncated', file, `the header claims ${length} bytes but only ${bytes.length - 8} follow; download the file again`);
  return { header: parseHeader(bytes.subarray(8, start), file), data: bytes.subarray(start) };
}

/** A tensor of the header, and which bytes of the data are its own. */
interface Span {
  key: string;
  dtype: string;
  shape: number[];
  from: number;
  to: number;
}

function readSpan(key: string, entry: unknown, dataBytes: number, file: string): Span {
  if (!isEntry(entry)) throw refusal('lora_header_invalid', file, `tensor ${key} lacks a valid dtype, shape or data_offsets`, { key });
  const { dtype, shape, data_offsets } = entry;
  const [from, to] = data_offsets;
  const itemBytes = ITEM_BYTES.get(dtype);
  if (itemBytes === undefined)
    throw refusal('lora_dtype_unsupported', file, `tensor ${key} has the data type ${dtype}, which is not known`, { key, dtype });
  if (to > dataBytes)
    throw refusal('lora_truncated', file, `tensor ${key} ends at byte ${to} of ${dataBytes}; download the file again`, { key });
  const expected = shape.reduce((product, dim) => product * dim, 1) * itemBytes;
  if (to - from !== expected) {
    const reason = `tensor ${key} is ${dtype} [${shape.join(', ')}], ${expected} bytes, but spans ${to - from}`;
    throw refusal('lora_header_invalid', file, reason, { key });
  }
  return { key, dtype, shape, from, to };
}

/** Bytes of no tensor are refused too: nothing of a file is left out in silence. */
function expectEveryByteOnce(spans: readonly Span[], dataBytes: number, file: string): void {
  let end = 0;
  let before = 'the header';
  for (const { key, from, to } of spans.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from < end) throw refusal('lora_header_invalid', file, `tensors ${before} and ${key} overlap`, { key });
    if (from > end)
      throw refusal('lora_header_invalid', file, `the ${from - end} bytes between ${before} and ${key} belong to no tensor`, { key });
    end = to;
    before = key;
  }
  if (end < dataBytes)
    throw refusal('lora_header_invalid', file, `the last ${dataBytes - end} bytes belong to no tensor; download the file again`);
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

function isTextMap(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new DiptychError('lora_header_invalid', `${file}: the header is not JSON`, { file }, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refusal('lora_header_invalid', file, 'the header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) throw refusal('lora_header_invalid', file, `the header has the key ${twice} twice; remove one`, { key: twice });
  return value as Record<string, unknown>;
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
  if (dtype === 'BF16') return fromBfloat16(new Uint16Array(aligned));
  throw new DiptychError('lora_dtype_unsupported', `${file}: tensor ${key} is ${dtype}; a LoRA is read in F32, F16 or BF16`, {
    file,
    key,
    dtype,
  });
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}

/** Writes tensors in the order given, header padded to 8 bytes as the reference does. */
export function writeSafetensors(tensors: ReadonlyMap<string, SafeTensor>, metadata: Record<string, string>): Uint8Array {
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let offset = 0;
  for (const [key, { dtype, shape, bytes }] of tensors) {
    header.push([key, { dtype, shape, data_offsets: [offset, offset + bytes.length] }]);
    offset += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
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
