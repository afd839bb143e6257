import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import { EDGE, fetchEdge } from './fetch-edge.ts';
import { insertSite } from './store-fixture.ts';

const ORIGINS = ['https://host.example', 'https://*.wild.example', 'http://localhost:*'];
await insertSite('pk_host', ORIGINS);
await insertSite('pk_off', ORIGINS, 1);

const framedBy = (referer: string) => ({ 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate', referer });
const jsonOf = (html: string, id: string): unknown => JSON.parse(new RegExp(`id="${id}">(.*?)</script>`).exec(html)![1]!);

test('the page with the site’s config and policy', async () => {
  const response = await fetchEdge('/embed/studio?site=pk_host', { headers: framedBy('https://host.example/some/page') });
  const html = await response.text();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/html; charset=utf-8$/i);
  expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  expect(response.headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' blob:; " +
      "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' https://host.example https://*.wild.example http://localhost:*",
  );
  expect(html).toContain('Studio of the tests');
  expect(jsonOf(html, 'diptych-config')).toEqual({ site: 'pk_host', origins: ORIGINS, telemetry: '/v1/telemetry?site=pk_host' });
});

test.for([
  { from: 'a wildcard’s page', headers: framedBy('https://deep.in.wild.example/') },
  { from: 'the edge’s own page', headers: framedBy(`${EDGE}/demo`) },
  { from: 'a page that hides its address', headers: { 'sec-fetch-dest': 'iframe' } },
  { from: 'an address bar', headers: { 'sec-fetch-dest': 'document' } },
  { from: 'a link on any page', headers: { 'sec-fetch-dest': 'document', referer: 'https://blog.example/' } },
] as { from: string; headers: Record<string, string> }[])('opened from $from', async ({ headers }) => {
  const response = await fetchEdge('/embed/studio?site=pk_host', { headers });
  expect(response.status).toBe(200);
  await response.body?.cancel();
});

describe('refusals tell the page that frames them why', () => {
  test.for([
    { query: '?site=pk_host', referer: 'https://evil.example/', code: 'origin_not_allowed' },
    { query: '?site=pk_host', referer: 'https://host.example.evil.example/', code: 'origin_not_allowed' },
    { query: '?site=pk_host', referer: 'http://host.example/', code: 'origin_not_allowed' },
    { query: '?site=pk_nobody', referer: 'https://host.example/', code: 'site_unknown' },
    { query: '?site=</script><script>alert(1)</script>', referer: 'https://host.example/', code: 'site_unknown' },
    { query: '?site=pk_off', referer: 'https://host.example/', code: 'site_disabled' },
    { query: '', referer: 'https://host.example/', code: 'site_key_missing' },
  ] as { query: string; referer: string; code: ErrorCode }[])('$query framed by $referer: $code', async ({ query, referer, code }) => {
    const response = await fetchEdge(`/embed/studio${query}`, { headers: framedBy(referer) });
    const html = await response.text();
    expect(response.status).toBe(ERRORS[code].status);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(jsonOf(html, 'refusal')).toEqual({ type: 'diptych-refused', code, message: expect.stringMatching(/\w/) });
    expect(html).not.toContain('alert(1)</script>');
    const script = /<script>(.*?)<\/script>/s.exec(html)![1]!;
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    expect(response.headers.get('content-security-policy')).toBe(`default-src 'none'; script-src 'sha256-${hash}'; frame-ancestors *`);
  });
});

test.for([
  { what: 'is missing', asset: new Response('no', { status: 404 }) },
  { what: 'has no place for the config', asset: new Response('<html></html>') },
])('a studio page that $what is named with its command', async ({ asset }) => {
  const ASSETS = { fetch: async () => asset.clone() } as unknown as Fetcher;
  const bindings: Env = { ...env, ASSETS };
  const response = await createApp().fetch(new Request(`${EDGE}/embed/studio?site=pk_host`), bindings, createExecutionContext());
  expect(response.status).toBe(503);
  expect(jsonOf(await response.text(), 'refusal')).toMatchObject({
    code: 'edge_not_ready',
    message: expect.stringContaining('npm run build'),
  });
});
