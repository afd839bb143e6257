import { describe, expect, test } from 'vitest';
import documentation from '../../docs/signing.md?raw';
import { ERRORS } from '../../shared/errors.ts';
import { readKeyRing } from '../../worker/key-ring.ts';
import { MAX_LIFETIME_SECONDS, signedPath, verifyAddress } from '../../worker/signing.ts';

const KEY_1 = `new:${btoa('\u0001'.repeat(32))}`;
const KEY_2 = `old:${btoa('\u0002'.repeat(32))}`;
const ring = await readKeyRing(`${KEY_1}, ${KEY_2}`);
const swapped = await readKeyRing(`${KEY_2},${KEY_1}`);
const EXP = 1_800_000_000;
const NOW = EXP - 60;
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Rows of the table of docs/signing.md whose head begins with this name; cells without their backticks. */
function documented(head: string): string[][] {
  const lines = documentation.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`)) + 2;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith('|'));
  return lines.slice(start, end === -1 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('docs/signing.md', () => {
  const vectors = documented('kid').map(([kid, sha256, site, exp, mac]) => ({ kid, sha256, site, exp, mac }) as Record<string, string>);

  test('has vectors of both keys', () => {
    expect(vectors.map(({ kid }) => kid).toSorted()).toEqual(['new', 'new', 'old']);
  });

  test.for(vectors)('vector: $kid $site $exp', async ({ kid, sha256, site, exp, mac }) => {
    const signer = kid === 'new' ? ring : swapped;
    const address = `/v1/weights/${sha256}?site=${site}&exp=${exp}&kid=${kid}&sig=${site}.${mac}`;
    expect(await signedPath({ sha256: sha256!, site: site!, exp: Number(exp) }, signer)).toBe(address);
    expect(await verifyAddress(sha256!, queryOf(address), ring, Number(exp) - 1)).toEqual({ sha256, site, exp: Number(exp) });
    // By the five lines of the text alone.
    const [, template] = /```\n(diptych-weights-v1[^`]*)\n```/.exec(documentation)!;
    const values: Record<string, string> = { sha256: sha256!, site: site!, exp: exp!, kid: kid! };
    const text = template!.replaceAll(/<(\w+)>/g, (_, name: string) => values[name]!);
    const secret = new Uint8Array(32).fill(kid === 'new' ? 1 : 2);
    const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const signed = new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text)));
    expect(Array.from(signed, (byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(mac);
  });

  test('lists the codes with their statuses', () => {
    const listed = Object.fromEntries(documented('code').map(([code, status]) => [code, Number(status)]));
    const codes = Object.entries(ERRORS).filter(
      ([code]) => code.startsWith('signature_') || code === 'site_unknown' || code === 'site_disabled',
    );
    expect(listed).toEqual(Object.fromEntries(codes.map(([code, { status }]) => [code, status])));
  });
});

const path = await signedPath({ sha256: ABC, site: 'pk_demo', exp: EXP }, ring);
const queryOf = (address: string) => new URL(address, 'https://edge.example').searchParams;

test('an address is accepted until the second that it expires in', async () => {
  for (const now of [NOW, EXP - 1])
    expect(await verifyAddress(ABC, queryOf(path), ring, now)).toEqual({ sha256: ABC, site: 'pk_demo', exp: EXP });
  await expect(verifyAddress(ABC, queryOf(path), ring, EXP)).rejects.toMatchObject({ code: 'signature_expired' });
});

test('keys rotate: either order accepts what the other signed', async () => {
  const old = await signedPath({ sha256: ABC, site: 'pk_demo', exp: EXP }, swapped);
  expect(await verifyAddress(ABC, queryOf(old), ring, NOW)).toMatchObject({ site: 'pk_demo' });
  expect(await verifyAddress(ABC, queryOf(path), swapped, NOW)).toMatchObject({ site: 'pk_demo' });
  const without = await readKeyRing(KEY_1);
  await expect(verifyAddress(ABC, queryOf(old), without, NOW)).rejects.toMatchObject({ code: 'signature_invalid' });
});

test('no address is honoured for more than 24 hours', async () => {
  expect(await verifyAddress(ABC, queryOf(path), ring, EXP - MAX_LIFETIME_SECONDS)).toMatchObject({ exp: EXP });
  await expect(verifyAddress(ABC, queryOf(path), ring, EXP - MAX_LIFETIME_SECONDS - 1)).rejects.toMatchObject({
    code: 'signature_invalid',
  });
});

test.for(['site', 'exp', 'kid', 'sig'])('without %s', async (name) => {
  for (const change of [(query: URLSearchParams) => query.delete(name), (query: URLSearchParams) => query.set(name, '')]) {
    const query = queryOf(path);
    change(query);
    await expect(verifyAddress(ABC, query, ring, NOW)).rejects.toMatchObject({ code: 'signature_missing', details: { parameter: name } });
  }
});

const flip = (text: string, at: number) => text.slice(0, at) + (text.at(at) === '0' ? '1' : '0') + text.slice(at).slice(1);
const sig = queryOf(path).get('sig')!;

test.for([
  { what: 'another file', sha256: EMPTY, code: 'signature_invalid' },
  { what: 'another expiry', change: { exp: String(EXP + 1) }, code: 'signature_invalid' },
  { what: 'the same expiry, written otherwise', change: { exp: `0${EXP}` }, code: 'signature_invalid' },
  { what: 'an expiry in hexadecimal', change: { exp: '0x6b49d200' }, code: 'signature_invalid' },
  { what: 'the other key', change: { kid: 'old' }, code: 'signature_invalid' },
  { what: 'an unknown key', change: { kid: 'older' }, code: 'signature_invalid' },
  { what: 'a key named like a property', change: { kid: 'constructor' }, code: 'signature_invalid' },
  { what: 'a line feed in the key’s name', change: { kid: 'new\n' }, code: 'signature_invalid' },
  { what: 'an expiry before 1970', change: { exp: `-${EXP}` }, code: 'signature_invalid' },
  { what: 'an expiry of never', change: { exp: '9'.repeat(13) }, code: 'signature_invalid' },
  { what: 'a flipped first digit', change: { sig: flip(sig, 8) }, code: 'signature_invalid' },
  { what: 'a flipped last digit', change: { sig: flip(sig, -1) }, code: 'signature_invalid' },
  { what: 'upper-case digits', change: { sig: sig.toUpperCase().replace('PK_DEMO', 'pk_demo') }, code: 'signature_invalid' },
  { what: 'a cut signature', change: { sig: sig.slice(0, -1) }, code: 'signature_invalid' },
  { what: 'no site in it', change: { sig: sig.slice(8) }, code: 'signature_invalid' },
  { what: 'another site everywhere', change: { site: 'pk_evil', sig: sig.replace('pk_demo', 'pk_evil') }, code: 'signature_invalid' },
  { what: 'another site in the signature', change: { sig: sig.replace('pk_demo', 'pk_evil') }, code: 'signature_invalid' },
  { what: 'another site in the address', change: { site: 'pk_evil' }, code: 'signature_other_site' },
] as { what: string; sha256?: string; change?: Record<string, string>; code: string }[])(
  '$what is $code',
  async ({ sha256 = ABC, change = {}, code }) => {
    const query = queryOf(path);
    for (const [name, value] of Object.entries(change)) query.set(name, value);
    await expect(verifyAddress(sha256, query, ring, NOW)).rejects.toMatchObject({ code });
  },
);

describe('SIGNING_KEYS', () => {
  test.for([
    { secret: '', reason: 'entry 1' },
    { secret: 'nokey', reason: 'entry 1' },
    { secret: `${KEY_1},`, reason: 'entry 2' },
    { secret: 'a:!!!!', reason: 'entry 1' },
    { secret: `short:${btoa('0123456789')}`, reason: 'short has 10 bytes' },
    { secret: 'broken:A', reason: 'broken has 0 bytes' },
    { secret: `${KEY_1},${KEY_1}`, reason: 'same id' },
  ])('$secret', async ({ secret, reason }) => {
    await expect(readKeyRing(secret)).rejects.toMatchObject({ code: 'edge_not_ready', message: expect.stringContaining(reason) });
  });
});
