import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSafetensors, type SafeTensor, toFloat32, writeSafetensors } from '../../../shared/lora/safetensors.ts';

/** A file with this header, as an object or as JSON text, and `dataBytes` zeros behind it. */
function fileOf(header: object | string, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const tensor = (from: number, to: number) => ({ dtype: 'F32', shape: [(to - from) / 4], data_offsets: [from, to] });

describe('readSafetensors', () => {
  it('takes tensors in any order in the header, and empty ones', () => {
    const { tensors } = readSafetensors(fileOf({ second: tensor(8, 12), empty: tensor(8, 8), first: tensor(0, 8) }, 12), 'f');
    expect([...tensors].map(([key, { shape }]) => [key, shape])).toEqual([
      ['second', [1]],
      ['empty', [0]],
      ['first', [2]],
    ]);
  });

  const broken: [string, Uint8Array, string, string][] = [
    ['tensors that overlap', fileOf({ a: tensor(0, 8), b: tensor(4, 12) }, 12), 'lora_header_invalid', 'a and b overlap'],
    ['a gap between two tensors', fileOf({ a: tensor(0, 4), b: tensor(8, 12) }, 12), 'lora_header_invalid', '4 bytes between a and b'],
    ['bytes after the last tensor', fileOf({ a: tensor(0, 4) }, 6), 'lora_header_invalid', 'last 2 bytes'],
    // JSON keeps the last of them: the data of the first would be lost.
    ...['a', '\\u0061'].map((twin): [string, Uint8Array, string, string] => [
      `a key that stands twice, the second time as ${twin}`,
      fileOf(`{"a":${JSON.stringify(tensor(0, 4))} , "${twin}" :${JSON.stringify(tensor(0, 4))}}`, 4),
      'lora_header_invalid',
      'the key a twice',
    ]),
    [
      'a field that stands twice',
      fileOf('{"a":{"dtype":"F32","dtype":"F16","shape":[],"data_offsets":[0,4]}}', 4),
      'lora_header_invalid',
      'the key dtype twice',
    ],
    ['offsets beyond the file', fileOf({ a: tensor(0, 40) }, 8), 'lora_truncated', 'tensor a ends at byte 40 of 8'],
    ['offsets that run backwards', fileOf({ a: { ...tensor(0, 4), data_offsets: [4, 0] } }, 4), 'lora_header_invalid', 'tensor a lacks'],
    ['a negative dim', fileOf({ a: { ...tensor(0, 4), shape: [-1] } }, 4), 'lora_header_invalid', 'tensor a lacks'],
    ['dims as text', fileOf({ a: { ...tensor(0, 4), shape: ['1'] } }, 4), 'lora_header_invalid', 'tensor a lacks'],
    ['an entry that is null', fileOf({ a: null }, 0), 'lora_header_invalid', 'tensor a lacks'],
    // Looked up in a plain object, it would be found on the prototype.
    ['a data type named constructor', fileOf({ a: { ...tensor(0, 4), dtype: 'constructor' } }, 4), 'lora_dtype_unsupported', 'tensor a'],
    ['metadata that is null', fileOf({ __metadata__: null, a: tensor(0, 4) }, 4), 'lora_header_invalid', '__metadata__'],
    ['metadata with a number', fileOf({ __metadata__: { rank: 4 }, a: tensor(0, 4) }, 4), 'lora_header_invalid', '__metadata__'],
  ];
  it.each(broken)('refuses %s', (_, bytes, code, reason) => {
    expect(() => readSafetensors(bytes, 'x.safetensors')).toThrowError(
      expect.objectContaining({ code, message: expect.stringMatching(`^x\\.safetensors: .*${reason}`) }),
    );
  });

  it('takes one name in two objects, and names within text', () => {
    const header = { a: tensor(0, 4), b: tensor(4, 8), __metadata__: { a: '{"a": 1, "a": 2}\\', dtype: 'F32' } };
    expect(readSafetensors(fileOf(header, 8), 'f').metadata).toEqual(header.__metadata__);
  });

  // A regular expression over the header ran out of stack on the tag lists of trainers.
  it('takes metadata of megabytes', () => {
    const tags = '"a\\"'.repeat(2 ** 20);
    expect(readSafetensors(fileOf({ __metadata__: { tags }, a: tensor(0, 4) }, 4), 'f').metadata.tags).toBe(tags);
  });

  it('reads back whatever is written', () => {
    const float32 = fc.array(fc.float({ noNaN: true }), { maxLength: 9 }).map((values): SafeTensor => {
      const bytes = new Uint8Array(Float32Array.from(values).buffer);
      return { dtype: 'F32', shape: [values.length], bytes };
    });
    const text = fc.string({ unit: 'grapheme' });
    const named = fc.dictionary(text, float32, { noNullPrototype: true }).filter((entries) => !('__metadata__' in entries));
    fc.assert(
      fc.property(named, fc.dictionary(text, text, { noNullPrototype: true }), (entries, metadata) => {
        const read = readSafetensors(writeSafetensors(new Map(Object.entries(entries)), metadata), 'f');
        expect(read.metadata).toEqual(metadata);
        const values = [...read.tensors].map(([key, found]) => [key, toFloat32(found, key, 'f')]);
        expect(Object.fromEntries(values)).toEqual(
          Object.fromEntries(Object.entries(entries).map(([key, written]) => [key, toFloat32(written, key, 'f')])),
        );
      }),
      { numRuns: 200 },
    );
  });
});
