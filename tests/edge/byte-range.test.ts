import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseByteRange, rangeHeader, spanOf } from '../../worker/byte-range.ts';

const position = fc.oneof(fc.nat(30), fc.maxSafeNat());
const header = fc.oneof(
  fc.tuple(position, position).map(([first, last]) => `bytes=${first}-${last}`),
  position.map((first) => `bytes=${first}-`),
  position.map((suffix) => `bytes=-${suffix}`),
);

test('a range means the bytes that RFC 9110 says, of a file of any size', () => {
  fc.assert(
    fc.property(header, fc.nat(40), (text, size) => {
      const range = parseByteRange(text);
      const [first, last] = text.slice('bytes='.length).split('-') as [string, string];
      const backwards = first !== '' && last !== '' && Number(last) < Number(first);
      expect(range === undefined).toBe(backwards);
      if (!range) return;
      const all = Array.from({ length: size }, (_, index) => index);
      const asked =
        first === ''
          ? all.filter((at) => at >= size - Number(last))
          : all.filter((at) => at >= Number(first) && (last === '' || at <= Number(last)));
      const span = spanOf(range, size);
      expect(span && all.slice(span.start, span.end + 1)).toEqual(asked.length > 0 ? asked : undefined);
    }),
  );
});

test('asks the cache for what it was asked for', () => {
  fc.assert(
    fc.property(header, (text) => {
      const range = parseByteRange(text);
      fc.pre(range !== undefined);
      expect(parseByteRange(rangeHeader(range!))).toEqual(range);
    }),
  );
});

test('no header throws, or means bytes that no file has', () => {
  const any = fc.oneof(fc.string(), fc.stringMatching(/^bytes=[0-9, -]{0,30}$/));
  fc.assert(
    fc.property(any, fc.nat(40), (text, size) => {
      const range = parseByteRange(text);
      const span = range && spanOf(range, size);
      if (!span) return;
      expect(span.start).toBeGreaterThanOrEqual(0);
      expect(span.end).toBeGreaterThanOrEqual(span.start);
      expect(span.end).toBeLessThan(size);
    }),
  );
});
