import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { type Manifest, manifestBlobs } from '../../shared/manifest.ts';
import { createApp } from '../../worker/app.ts';
import type { DownloadsAnswer } from '../../worker/routes/downloads.ts';
import { asAdmin, createSite } from './admin-requests.ts';
import { EDGE, fetchEdge, problemOf } from './fetch-edge.ts';
import { hashOf, MANIFEST, publish } from './store-fixture.ts';

const [tiny] = MANIFEST.models;
const [pip] = MANIFEST.loras;
const PAGE = 'https://page.example';

/** The model of the fixture, whose files are those of `tiny` with `first` as their first digit. */
const twinModel = JSON.parse(
  JSON.stringify({ ...tiny, id: 'twin' }).replace(/"([1-5])\1{63}"/g, (_, digit: string) => `"a${digit.repeat(63)}"`),
) as typeof tiny;
const lora = (id: string, model: string, digit: string) => ({ ...pip!, id, model, file: { sha256: hashOf(digit), bytes: 16 } });
const WIDE: Manifest = { ...MANIFEST, models: [tiny!, twinModel!], loras: [pip!, lora('knit', 'tiny', '7'), lora('far', 'twin', '8')] };
await publish(WIDE);

let sites = 0;
async function siteWith(lists: object) {
  const { id, keys } = await createSite({ id: `lists${sites++}`, name: 'Lists', origins: [PAGE], ...lists });
  return { id, key: keys[0]!.key };
}

const manifestOf = (key: string, headers: Record<string, string> = {}) => fetchEdge(`/v1/manifest?site=${key}`, { headers });
const download = (key: string, hashes: string[]) =>
  fetchEdge(`/v1/downloads?site=${key}`, { method: 'POST', headers: { origin: PAGE }, body: JSON.stringify({ hashes }) });

const LISTS = [
  { lists: {}, models: ['tiny', 'twin'], loras: ['pip', 'knit', 'far'] },
  { lists: { models: ['tiny', 'twin'] }, models: ['tiny', 'twin'], loras: ['pip', 'knit', 'far'] },
  // A LoRA without its model would be offered and fail.
  { lists: { models: ['tiny'] }, models: ['tiny'], loras: ['pip', 'knit'] },
  { lists: { models: ['twin'] }, models: ['twin'], loras: ['far'] },
  { lists: { loras: ['knit', 'far'] }, models: ['tiny', 'twin'], loras: ['knit', 'far'] },
  { lists: { models: ['tiny'], loras: ['far', 'pip'] }, models: ['tiny'], loras: ['pip'] },
  { lists: { loras: [] }, models: ['tiny', 'twin'], loras: [] },
  { lists: { models: [] }, models: [], loras: [] },
];

describe.for(LISTS)('$lists', ({ lists, models, loras }) => {
  test('the manifest shows what is allowed, and nothing of the rest', async () => {
    const { key } = await siteWith(lists);
    const manifest = await (await manifestOf(key)).json<Manifest>();
    expect(manifest).toEqual({
      version: 1,
      models: WIDE.models.filter(({ id }) => models.includes(id)),
      loras: WIDE.loras.filter(({ id }) => loras.includes(id)),
    });
  });

  test('each file of it can be downloaded, and no other', async () => {
    const { key } = await siteWith(lists);
    const allowed = new Set(manifestBlobs(await (await manifestOf(key)).json<Manifest>()).map(({ sha256 }) => sha256));
    for (const { sha256 } of manifestBlobs(WIDE)) {
      const response = await download(key, [sha256]);
      expect([sha256, response.status]).toEqual([sha256, allowed.has(sha256) ? 200 : 400]);
      await response.body?.cancel();
    }
  });
});

test('one forbidden file refuses the whole request, as a file that does not exist', async () => {
  const { key } = await siteWith({ loras: ['pip'] });
  const [forbidden, absent] = [hashOf('7'), hashOf('f')];
  expect((await (await download(key, [hashOf('6')])).json<DownloadsAnswer>()).downloads).toHaveLength(1);
  const details = await Promise.all(
    [forbidden, absent].map(async (hash) => {
      const problem = await problemOf(await download(key, [hashOf('6'), hash]));
      expect(problem).toMatchObject({ status: 400, code: 'not_in_catalogue' });
      return problem.detail.replace(hash, '');
    }),
  );
  expect(details[0]).toBe(details[1]);
});

test('the ETag is of what the site sees: others’ lists give another, and neither is taken for the other', async () => {
  const [all, some, same, none] = await Promise.all([{}, { loras: ['pip'] }, { loras: ['pip'] }, { loras: [] }].map(siteWith));
  const etags = await Promise.all(
    [all, some, same, none].map(async (site) => {
      const response = await manifestOf(site!.key);
      await response.body?.cancel();
      return response.headers.get('etag')!;
    }),
  );
  expect(etags[1]).toBe(etags[2]);
  expect(new Set(etags).size).toBe(3);
  expect((await manifestOf(some!.key, { 'if-none-match': etags[1]! })).status).toBe(304);
  for (const etag of [etags[0]!, etags[3]!]) expect((await manifestOf(some!.key, { 'if-none-match': etag })).status).toBe(200);
});

test('a new catalogue and a new list are seen', async () => {
  let now = Date.now();
  const app = createApp({ now: () => now });
  const { id, key } = await siteWith({ loras: ['pip', 'far'] });
  const read = async () => {
    const response = await app.fetch(new Request(`${EDGE}/v1/manifest?site=${key}`), env, createExecutionContext());
    const { loras } = await response.json<Manifest>();
    return { etag: response.headers.get('etag'), loras: loras.map((entry) => `${entry.id} ${entry.name}`) };
  };
  const first = await read();
  expect(first.loras).toEqual(['pip Pip', 'far Pip']);
  await publish({ ...WIDE, loras: [{ ...pip!, name: 'Pip the second' }, lora('far', 'twin', '8')] });
  const second = await read();
  expect(second.loras).toEqual(['pip Pip the second', 'far Pip']);
  expect(second.etag).not.toBe(first.etag);
  expect((await asAdmin('PATCH', `/v1/sites/${id}`, { loras: ['far'] })).status).toBe(200);
  now += 15_000;
  expect((await read()).loras).toEqual(['far Pip']);
  await publish(WIDE);
});

test('what a later version publishes beside the known fields reaches a site with lists too', async () => {
  const { key } = await siteWith({ models: ['tiny'] });
  await publish({ ...WIDE, season: 'winter', models: [{ ...tiny!, mood: 'calm' }, twinModel!] });
  expect(await (await manifestOf(key)).json()).toMatchObject({ season: 'winter', models: [{ id: 'tiny', mood: 'calm' }] });
  await publish(WIDE);
});
