import { expect, test } from 'vitest';
import { errorTitle, isCounted, uncarried, valueText } from '../../../client/admin/usage/dimensions.ts';

test.for([
  { what: 'no filter', filters: [], view: true, download: true, complete: true },
  { what: 'a site', filters: [{ dimension: 'site', value: 'a' }], view: true, download: true, complete: true },
  { what: 'a GPU', filters: [{ dimension: 'gpu_class', value: 'nvidia/ada' }], view: false, download: false, complete: true },
  { what: 'a model', filters: [{ dimension: 'model', value: 'demo' }], view: false, download: true, complete: true },
  { what: 'an error', filters: [{ dimension: 'code', value: 'internal' }], view: false, download: false, complete: false },
  // An event that lacks the dimension counts as empty there, and passes.
  { what: 'no GPU', filters: [{ dimension: 'gpu_class', value: '/' }], view: true, download: true, complete: true },
  {
    what: 'a GPU or none',
    filters: [
      { dimension: 'backend', value: 'wasm' },
      { dimension: 'backend', value: '' },
    ],
    view: true,
    download: true,
    complete: true,
  },
  {
    what: 'no subject of a model',
    filters: [
      { dimension: 'subject', value: '' },
      { dimension: 'model', value: 'demo' },
    ],
    view: false,
    download: true,
    complete: true,
  },
] as const)('$what: which events can be counted', ({ filters, view, download, complete }) => {
  expect([isCounted('view', filters), isCounted('download', filters), isCounted('generate_complete', filters)]).toEqual([
    view,
    download,
    complete,
  ]);
});

test('says what events do not carry', () => {
  const filters = [
    { dimension: 'pair', value: 'pip/knit' },
    { dimension: 'model', value: 'demo' },
    { dimension: 'pair', value: 'pip/riso' },
  ] as const;
  expect(uncarried('view', filters)).toBe('Pair and Model');
  expect(uncarried('download', filters)).toBe('Pair');
});

test.for([
  ['gpu_class', 'nvidia/ampere', 'nvidia ampere'],
  ['gpu_class', 'apple/', 'apple'],
  ['gpu_class', '/', 'No GPU told'],
  ['pair', 'pip/', 'pip × no style'],
  ['backend', 'wasm', 'WebAssembly'],
  ['subject', '', 'No subject'],
  ['site', 'shop', 'The shop'],
] as const)('%s %s is %s', ([dimension, value, text]) => expect(valueText(dimension, value, () => 'The shop')).toBe(text));

test('codes of the edge have titles; others are only codes', () => {
  expect(errorTitle('download_failed')).toBe('A download failed');
  expect(errorTitle('toString')).toBe('');
});
