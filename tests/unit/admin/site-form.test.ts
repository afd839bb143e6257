import { expect, test } from 'vitest';
import { changesOf, fieldsOf, settingsOf } from '../../../client/admin/sites/site-form.ts';
import type { SiteRecord } from '../../../shared/site-settings.ts';

const SITE: SiteRecord = {
  id: 'shop',
  name: 'Shop',
  origins: ['https://shop.example', 'https://*.shop.example'],
  models: null,
  loras: ['pip'],
  dailyBytes: 50_000_000_001,
  dailyGenerations: null,
  disabled: false,
  created: '2026-11-01T00:00:00.000Z',
  keys: [],
};

test.for([
  SITE,
  { ...SITE, models: [], loras: null, dailyBytes: 0, dailyGenerations: 0, disabled: true },
  { ...SITE, dailyBytes: Number.MAX_SAFE_INTEGER, dailyGenerations: 12_345 },
])('a form that nobody touched changes nothing', (site) => {
  expect(changesOf(site, settingsOf(fieldsOf(site)))).toEqual({});
});

test.for([
  { typed: { name: 'Other' }, changes: { name: 'Other' } },
  { typed: { origins: ' https://a.example \n\nhttps://b.example' }, changes: { origins: ['https://a.example', 'https://b.example'] } },
  { typed: { allLoras: true }, changes: { loras: null } },
  { typed: { allModels: false }, changes: { models: [] } },
  { typed: { dailyGigabytes: '0.5' }, changes: { dailyBytes: 500_000_000 } },
  { typed: { dailyGigabytes: '' }, changes: { dailyBytes: null } },
  { typed: { dailyGenerations: '0' }, changes: { dailyGenerations: 0 } },
  { typed: { disabled: true }, changes: { disabled: true } },
])('$typed changes $changes', ({ typed, changes }) => {
  expect(changesOf(SITE, settingsOf({ ...fieldsOf(SITE), ...typed }))).toEqual(changes);
});

test('what is no number is none', () => {
  expect(settingsOf({ ...fieldsOf(SITE), dailyGenerations: 'many' }).dailyGenerations).toBeNaN();
});
