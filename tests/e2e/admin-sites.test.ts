/** The dashboard's page of sites, against a real edge: what is done there is what the admin API and its audit say. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditPage, SiteRecord } from '../../shared/site-settings.ts';
import { type AdminEdge, lookAt, openAdminEdge } from './admin-edge.ts';

let edge: AdminEdge;
beforeAll(async () => {
  edge = await openAdminEdge(10, async () => undefined);
}, 120_000);
afterAll(() => edge?.close());

const read = async (id: string): Promise<SiteRecord> => (await edge.ask('GET', `/v1/sites/${id}`)).json() as Promise<SiteRecord>;
const audit = async (id: string): Promise<string[]> =>
  ((await (await edge.ask('GET', `/v1/sites/${id}/audit`)).json()) as AuditPage).entries.map(({ action }) => action);

async function openSite(id: string): Promise<Page> {
  const { page } = await lookAt(edge, `?page=sites&site=${id}`);
  await page.getByRole('heading', { name: 'Audit' }).waitFor();
  return page;
}

const said = (page: Page, text: string): Promise<void> => page.getByRole('status').filter({ hasText: text }).waitFor();

test('makes a site, which is shown at once and known everywhere', async () => {
  const { page } = await lookAt(edge, '?page=sites');
  await page.getByRole('button', { name: 'New site' }).click();
  await page.getByRole('button', { name: 'Create the site' }).click();
  await page.getByRole('alert').filter({ hasText: 'name: must not be empty' }).waitFor();
  await page.getByLabel('Name').fill('A new shop');
  await page.getByLabel('Id').fill('new-shop');
  await page.getByLabel('Allowed origins').fill('https://shop.example\nhttps://*.Shop.example:443');
  await page.getByRole('button', { name: 'Create the site' }).click();
  await page.getByRole('heading', { name: 'A new shop', level: 1 }).waitFor();
  const site = await read('new-shop');
  expect(site).toMatchObject({ name: 'A new shop', origins: ['https://shop.example', 'https://*.shop.example'], disabled: false });
  await page.locator('code', { hasText: site.keys[0]!.key }).waitFor();
  await page.getByRole('link', { name: 'See its usage' }).click();
  await page.getByRole('heading', { name: 'A new shop', level: 1 }).waitFor();
  expect(page.url()).toBe(`${edge.origin}/admin?site=new-shop`);
  await page.getByText('Nothing was counted in this period.').first().waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await page.context().close();
});

test('changes what was changed, and nothing else', async () => {
  await edge.ask('POST', '/v1/sites', { id: 'quota', name: 'Quota', dailyGenerations: 12 });
  const page = await openSite('quota');
  await page.getByText('0 of 12').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'Nothing is changed.' }).waitFor();
  await page.getByLabel('Weights a day, GB').fill('lots');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'must be a number' }).waitFor();
  await page.getByLabel('Weights a day, GB').fill('1.5');
  await page.getByLabel('Disabled').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await said(page, 'Saved.');
  expect(await read('quota')).toMatchObject({ name: 'Quota', dailyBytes: 1_500_000_000, dailyGenerations: 12, disabled: true });
  await page.getByText('0 bytes of 1.5 GB').waitFor();
  await page.getByText('disabled: false → true').waitFor();
  await page.getByLabel('Allowed origins').fill('shop.example/path');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'is no origin' }).waitFor();
  // What was typed is still there to be put right.
  expect(await page.getByLabel('Allowed origins').inputValue()).toBe('shop.example/path');
  expect(await audit('quota')).toEqual(['site.change', 'site.create']);
  await page.context().close();
});

test('does not undo what somebody else changed in the meantime', async () => {
  await edge.ask('POST', '/v1/sites', { id: 'raced', name: 'Raced' });
  const page = await openSite('raced');
  await edge.ask('PATCH', '/v1/sites/raced', { name: 'By somebody else' });
  await page.getByLabel('Name').fill('By me');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'The site was changed in the meantime' }).waitFor();
  expect((await read('raced')).name).toBe('By somebody else');
  await page.getByRole('button', { name: 'Read it again' }).click();
  await page.getByRole('heading', { name: 'By somebody else', level: 1 }).waitFor();
  await page.context().close();
});

test('rotates a key with overlap, and revokes one after asking twice', async () => {
  await edge.ask('POST', '/v1/sites', { id: 'keys', name: 'Keys' });
  const [first] = (await read('keys')).keys;
  const page = await openSite('keys');
  await page.getByLabel('New key').getByRole('combobox').selectOption('Accept the others for a day');
  await page.getByRole('button', { name: 'Rotate' }).click();
  await said(page, 'A new key is there.');
  const rotated = (await read('keys')).keys;
  expect(rotated.map(({ key }) => key === first!.key)).toEqual([true, false]);
  const overlap = Date.parse(rotated[0]!.expires!) - Date.now();
  expect(overlap / 3_600_000).toBeGreaterThan(23.9);
  expect(overlap / 3_600_000).toBeLessThanOrEqual(24);
  await page.getByRole('button', { name: `Revoke ${first!.key}` }).click();
  await page.getByRole('button', { name: 'Keep' }).click();
  expect((await read('keys')).keys).toHaveLength(2);
  await page.getByRole('button', { name: `Revoke ${first!.key}` }).click();
  await page.getByRole('button', { name: 'Revoke now' }).click();
  await said(page, `${first!.key} is not accepted any more.`);
  expect((await read('keys')).keys).toEqual([rotated[1]]);
  expect(await page.locator('admin-audit tbody tr').evaluateAll((rows) => rows.map((row) => row.children[1]!.textContent))).toEqual([
    'Key revoked',
    'Key rotated',
    'Created',
  ]);
  await page.context().close();
});
