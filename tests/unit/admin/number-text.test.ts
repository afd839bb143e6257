import { expect, test } from 'vitest';
import { bytesText, countText, durationText, percentText, shortCountText } from '../../../client/admin/number-text.ts';

test.for([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1 kB'],
  [13_600_000, '13.6 MB'],
  // Three digits of it are a thousand of the smaller unit.
  [999_600, '1 MB'],
  [2_500_000_000_000, '2.5 TB'],
  [12_000_000_000_000_000_000, '12,000 PB'],
] as const)('%d bytes are %s', ([bytes, text]) => expect(bytesText(bytes)).toBe(text));

test.for([
  [null, '–'],
  [0, '0 ms'],
  [0.37, '0.37 ms'],
  [21.44, '21.4 ms'],
  [999.7, '1 s'],
  [59_990, '1 min'],
  [90_000, '1.5 min'],
  [7_200_000, '2 h'],
] as const)('%s ms are %s', ([ms, text]) => expect(durationText(ms)).toBe(text.replace(' ', '\u00A0')));

test('counts and shares', () => {
  expect(countText(1_234_567)).toBe('1,234,567');
  expect(shortCountText(12_345)).toBe('12.3k');
  expect(percentText(0.92441)).toBe('92.4%');
  expect(percentText(null)).toBe('–');
});
