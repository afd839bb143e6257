import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromFloat16, toFloat16 } from '../../../shared/onnx/float16.ts';

/** The engine's own Float16Array (ES2026), absent from the type library in use, is the oracle. */
type Halves = Float32Array & { buffer: ArrayBuffer };
const Float16 = (globalThis as unknown as { Float16Array: new (source: ArrayLike<number> | ArrayBufferLike) => Halves }).Float16Array;

/** A NaN's payload is not kept. */
const oneNaN = (bits: number) => ((bits & 0x7fff) > 0x7c00 ? 0x7e00 : bits);

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);

it('decodes all 65536 bit patterns', () => {
  expect(fromFloat16(ALL)).toEqual(Float32Array.from(new Float16(ALL.buffer)));
});

it('encodes every float16 value back to its bit pattern', () => {
  expect(toFloat16(fromFloat16(ALL)).map(oneNaN)).toEqual(ALL.map(oneNaN));
});

it.each([
  ['tie below one goes to even', 1 + 2 ** -11, 0x3c00],
  ['tie above an odd mantissa goes up', 1 + 3 * 2 ** -11, 0x3c02],
  ['just above a tie goes up', 1 + 2 ** -11 + 2 ** -23, 0x3c01],
  ['half the smallest subnormal goes to zero', 2 ** -25, 0],
  ['more than half the smallest subnormal', 2 ** -25 * (1 + 2 ** -20), 1],
  ['the largest below the rounding limit', 65519, 0x7bff],
  ['the rounding limit', 65520, 0x7c00],
  ['minus zero', -0, 0x8000],
  ['a subnormal that rounds up to the smallest normal', 2 ** -14 - 2 ** -26, 0x0400],
])('rounds: %s', (_, value, bits) => {
  expect(toFloat16([value])).toEqual(Uint16Array.of(bits));
});

it('rounds as the engine does', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      expect(toFloat16([value])[0]).toBe(new Uint16Array(new Float16([value]).buffer)[0]);
    }),
    { numRuns: 20_000 },
  );
});
