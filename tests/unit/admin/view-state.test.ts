import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readViewState, type ViewState, writeViewState } from '../../../client/admin/view-state.ts';
import { METRIC_NAMES } from '../../../client/admin/usage/metrics.ts';
import { PRESETS, type Preset } from '../../../client/admin/usage/period.ts';
import { BREAKDOWNS, INTERVALS } from '../../../shared/analytics.ts';

const read = (query: string): ViewState => readViewState(new URLSearchParams(query));
const DEFAULT = read('');

const days = fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 0, max: 1095 })).map(([first, length]) => {
  const day = (offset: number) => new Date(Date.UTC(2000, 0) + offset * 86_400_000).toISOString().slice(0, 10);
  return { from: day(first), to: day(first + length) };
});
const filter = fc.record({ dimension: fc.constantFrom(...BREAKDOWNS), value: fc.string({ unit: 'binary', maxLength: 30 }) });
const views: fc.Arbitrary<ViewState> = fc
  .record({
    page: fc.constantFrom('usage' as const, 'sites' as const),
    id: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).filter((id) => id !== 'all'),
    named: fc.boolean(),
    period: fc.oneof(fc.constantFrom(...(Object.keys(PRESETS) as Preset[])), days),
    interval: fc.constantFrom(undefined, ...INTERVALS),
    metric: fc.constantFrom(...METRIC_NAMES),
    breakdown: fc.constantFrom(...BREAKDOWNS),
    filters: fc.uniqueArray(filter, { selector: ({ dimension, value }) => `${dimension}=${value}`, maxLength: 20 }),
  })
  .map(({ id, named, ...view }) => ({ ...view, site: named ? id : view.page === 'usage' ? 'all' : undefined }));

test('an address shows what it was made from, whatever that is', () => {
  fc.assert(
    fc.property(views, (view) => {
      expect(read(writeViewState(view))).toEqual(view);
    }),
  );
});

test('what is usual has a short address', () => {
  expect(writeViewState(DEFAULT)).toBe('');
  expect(writeViewState({ ...DEFAULT, period: '7d', filters: [{ dimension: 'pair', value: 'pip/knit' }] })).toBe(
    '?period=7d&filter=pair%3Dpip%2Fknit',
  );
});

test.for([
  'site=../../v1',
  'site=a/b',
  'period=1000d',
  'period=toString',
  'from=2026-02-30&to=2026-03-01',
  'from=2026-03-02&to=2026-03-01',
  'from=2000-01-01&to=2026-03-01',
  'from=2026-03-01',
  'interval=second',
  'metric=constructor',
  'by=event',
  'filter=event=view',
  'filter=nonsense',
  'page=elsewhere',
])('%s is nothing that can be shown, so the usual is', (query) => {
  expect(read(query)).toEqual(DEFAULT);
});

test('a filter is kept once, and no more of them than the edge takes', () => {
  expect(read('filter=rule=kl&filter=rule=kl&filter=rule=').filters).toEqual([
    { dimension: 'rule', value: 'kl' },
    { dimension: 'rule', value: '' },
  ]);
  const many = Array.from({ length: 30 }, (_, i) => `filter=subject=s${i}`).join('&');
  expect(read(many).filters).toHaveLength(20);
});
