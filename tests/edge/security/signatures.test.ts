/** Download addresses in the hands of somebody who was not given them, against the running Worker with the file in its cache. */
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../../worker/app.ts';
import { readKeyRing } from '../../../worker/key-ring.ts';
import { signedPath } from '../../../worker/signing.ts';
import { EDGE, fetchEdge, problemOf } from '../fetch-edge.ts';
import { insertBlob, insertSite, publishShards } from '../store-fixture.ts';
import { expectNoLeak } from './expect-no-leak.ts';

const ORIGIN = 'https://viewer.example';
await insertSite('pk_viewer', [ORIGIN]);
await insertSite('pk_other', ['https://other.example']);
await insertSite('pk_disabled', [ORIGIN], 1);
const bytesOf = (text: string) => Uint8Array.from(new TextEncoder().encode(text));
const CONTENT = 'the weights that are paid for '.repeat(30);
const sha256 = await insertBlob(bytesOf(CONTENT));
const secondFile = await insertBlob(bytesOf(CONTENT.slice(1)));
await publishShards([sha256, secondFile].map((hash, index) => ({ sha256: hash, bytes: CONTENT.length - index })));

const post = { method: 'POST', headers: { origin: ORIGIN }, body: JSON.stringify({ hashes: [sha256] }) };
const answer = await (await fetchEdge('/v1/downloads?site=pk_viewer', post)).json<{ expires: number; downloads: { url: string }[] }>();
const good = answer.downloads[0]!.url.slice(EDGE.length);
const params = new URL(good, EDGE).searchParams;
const [sig, mac] = [params.get('sig')!, params.get('sig')!.split('.')[1]!];

// With the file in the cache, a check that is skipped would answer without asking anybody.
await (await fetchEdge(good)).arrayBuffer();
await vi.waitUntil(() => caches.default.match(`${EDGE}/v1/weights/${sha256}`));

const ring = await readKeyRing(env.SIGNING_KEYS);
const stolen = await readKeyRing(`new:${btoa('\u0003'.repeat(32))}`);
const renamed = await readKeyRing(`theirs:${btoa('\u0001'.repeat(32))}`);
const previous = await readKeyRing(env.SIGNING_KEYS.split(',').toReversed().join());
const soon = Math.floor(Date.now() / 1000) + 600;
const grant = { sha256, site: 'pk_viewer', exp: soon };
const base64 = btoa(mac.replace(/../g, (digits) => String.fromCharCode(Number.parseInt(digits, 16))));
/** The good address with these parameters instead. */
function changed(change: Record<string, string>): string {
  const url = new URL(good, EDGE);
  for (const [name, value] of Object.entries(change)) url.searchParams.set(name, value);
  return url.pathname + url.search;
}

/** What plain SHA-256 of the text and a key made of nothing would give: forgeries by who knows the scheme and not the secret. */
async function forged(kind: 'hash' | 'empty-key'): Promise<string> {
  const text = new TextEncoder().encode(['diptych-weights-v1', sha256, 'pk_viewer', String(soon), 'new'].join('\n'));
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new Uint8Array(64), algorithm, false, ['sign']);
  const digest = kind === 'hash' ? await crypto.subtle.digest('SHA-256', text) : await crypto.subtle.sign('HMAC', key, text);
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return changed({ exp: String(soon), sig: `pk_viewer.${hex}` });
}

const ATTACKS: [what: string, path: string, code: string][] = [
  ['forged: the hash of the text, without a key', await forged('hash'), 'signature_invalid'],
  ['forged: a key of zeros', await forged('empty-key'), 'signature_invalid'],
  ['forged: with a key of the attacker’s under the edge’s key id', await signedPath(grant, stolen), 'signature_invalid'],
  ['the edge’s own key under an id that it does not have', await signedPath(grant, renamed), 'signature_invalid'],
  ['the key id of a property that every object has', changed({ kid: '__proto__' }), 'signature_invalid'],
  ['truncated by a digit', changed({ sig: sig.slice(0, -1) }), 'signature_invalid'],
  ['truncated to half: 16 bytes are no tag here', changed({ sig: sig.slice(0, -32) }), 'signature_invalid'],
  ['truncated to the site', changed({ sig: 'pk_viewer.' }), 'signature_invalid'],
  ['longer by a byte', changed({ sig: `${sig}00` }), 'signature_invalid'],
  ['followed by a line feed, which `$` of a regular expression may pass', `${good}%0a`, 'signature_invalid'],
  ['followed by a null byte', `${good}%00`, 'signature_invalid'],
  ['the same bytes in base64', changed({ sig: `pk_viewer.${base64}` }), 'signature_invalid'],
  ['the same bytes in capitals: one address has one spelling', changed({ sig: `pk_viewer.${mac.toUpperCase()}` }), 'signature_invalid'],
  ['full-width digits', changed({ sig: sig.replace(/[0-9](?=[0-9a-f]*$)/, '\uff11') }), 'signature_invalid'],
  ['all zeros', changed({ sig: `pk_viewer.${'0'.repeat(64)}` }), 'signature_invalid'],
  ['for another file', good.replace(sha256, secondFile), 'signature_invalid'],
  ['for the file’s name in capitals', good.replace(sha256, sha256.toUpperCase()), 'signature_invalid'],
  ['made longer lived', changed({ exp: String(answer.expires + 3600) }), 'signature_invalid'],
  ['made to end a second sooner', changed({ exp: String(answer.expires - 1) }), 'signature_invalid'],
  ['an expiry with a sign', changed({ exp: `+${answer.expires}` }), 'signature_invalid'],
  ['an expiry as a float', changed({ exp: `${answer.expires}.0` }), 'signature_invalid'],
  ['a line feed that would move the text’s lines', changed({ exp: `${answer.expires}\nnew` }), 'signature_invalid'],
  ['signed by the edge for longer than it honours', await signedPath({ ...grant, exp: soon + 2 * 86_400 }, ring), 'signature_invalid'],
  ['signed by the edge, expired a second ago', await signedPath({ ...grant, exp: soon - 601 }, ring), 'signature_expired'],
  ['signed for the site, sent in another’s name', changed({ site: 'pk_other' }), 'signature_other_site'],
  ['signed for the site, all names exchanged', changed({ site: 'pk_other', sig: `pk_other.${mac}` }), 'signature_invalid'],
  ['signed for a site that is disabled', await signedPath({ ...grant, site: 'pk_disabled' }, ring), 'site_disabled'],
  ['signed for a key that no site has', await signedPath({ ...grant, site: 'pk_gone' }, ring), 'site_unknown'],
  ['two sites: the first is heard', good.replace('?', '?site=pk_other&'), 'signature_other_site'],
  ['two signatures: the first is heard', good.replace('?', `?sig=pk_viewer.${'0'.repeat(64)}&`), 'signature_invalid'],
  ['parameters as members of a list', good.replace('sig=', 'sig[]='), 'signature_missing'],
  ['no parameters', `/v1/weights/${sha256}`, 'signature_missing'],
  ['parameters in the path', good.replace('?', '%3f'), 'signature_missing'],
  ['nothing but names', `/v1/weights/${sha256}?site&exp&kid&sig`, 'signature_missing'],
];

/** Ways in which something of a file may come out. */
const WAYS: [what: string, init: RequestInit][] = [
  ['GET', {}],
  ['a range', { headers: { range: 'bytes=0-9' } }],
  ['a suffix', { headers: { range: 'bytes=-9', 'if-range': `"${sha256}"` } }],
  ['whether it has changed', { headers: { 'if-none-match': `"${sha256}"` } }],
  ['from the site’s page', { headers: { origin: ORIGIN } }],
];

describe.for(ATTACKS)('%s', ([, path, code]) => {
  const refused = async (init: RequestInit) => {
    const response = await fetchEdge(path, init);
    for (const name of ['etag', 'content-range', 'accept-ranges', 'timing-allow-origin']) expect(response.headers.get(name)).toBeNull();
    expect(response.headers.get('cache-control') ?? 'no-store').not.toMatch(/public|max-age|immutable/);
    expect([401, 403]).toContain(response.status);
    return response;
  };

  test.for(WAYS)('by %s', async ([, init]) => {
    const response = await refused(init);
    expect(await problemOf(response.clone())).toMatchObject({ code });
    expect(await expectNoLeak(response)).not.toContain('weights that are paid for');
  });

  test('by HEAD', async () => {
    expect(await expectNoLeak(await refused({ method: 'HEAD' }))).toBe('');
  });
});

test('what the edge gave out is honoured, by either of its keys', async () => {
  for (const path of [good, await signedPath(grant, previous)]) expect(await (await fetchEdge(path)).text()).toBe(CONTENT);
});

test('replayed: until its last second, not a millisecond longer, though the file lies in the cache', async () => {
  const ask = (at: number) => createApp({ now: () => at }).fetch(new Request(EDGE + good), env, createExecutionContext());
  const end = answer.expires * 1000;
  expect(await (await ask(end - 1)).text()).toBe(CONTENT);
  for (const at of [end, end + 1, end + 86_400_000]) expect(await problemOf(await ask(at))).toMatchObject({ code: 'signature_expired' });
});

test('one character of an address changed, removed or added, wherever it is: never a file', async () => {
  const character = fc.constantFrom(...'0123456789abcdefABCF_-.~%&=?#/\\+;:@\u0131 \u00e9\u0000');
  const edit = fc.record({ at: fc.nat(good.length), character, removed: fc.constantFrom(0, 1) });
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, character: inserted, removed }) => {
      const path = good.slice(0, at) + (removed === 1 && inserted === ' ' ? '' : inserted) + good.slice(at + removed);
      const url = new URL(path, EDGE);
      // Another spelling of the same address is that address: a backslash for a slash, a fragment, which is never sent.
      const [sent, given] = [url, new URL(good, EDGE)].map(({ pathname, searchParams }) =>
        JSON.stringify([pathname, ...['site', 'exp', 'kid', 'sig'].map((name) => searchParams.get(name))]),
      );
      fc.pre(sent !== given && url.origin === EDGE);
      const response = await fetchEdge(url.href.slice(EDGE.length));
      expect([401, 403, 404]).toContain(response.status);
      expect(await response.text()).not.toContain('paid for');
    }),
    { numRuns: 400 },
  );
});
