import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import type { DownloadsAnswer } from '../../worker/routes/downloads.ts';
import type { Health } from '../../worker/routes/healthz.ts';
import { EDGE, problemOf } from './fetch-edge.ts';
import { signatureOfUrl } from './signature-v4.ts';
import { hashOf, insertSite, publish } from './store-fixture.ts';

const ORIGIN = 'https://shop.example';
const NOW = Date.UTC(2026, 10, 23, 9, 30, 15, 250);
const SECRET = 'secret-of-a-token';
const BUCKET = {
  R2_S3_API: 'https://0123456789abcdef.r2.cloudflarestorage.com/diptych-weights',
  R2_ACCESS_KEY_ID: 'key-id',
  R2_SECRET_ACCESS_KEY: SECRET,
};
await publish();
await insertSite('pk_shop', [ORIGIN]);

const fetchWith = (variables: Partial<Env>, path: string, init?: RequestInit) =>
  createApp({ now: () => NOW }).fetch(new Request(EDGE + path, init), { ...env, ...variables }, createExecutionContext());
const ask = (variables: Partial<Env>) =>
  fetchWith(variables, '/v1/downloads?site=pk_shop', {
    method: 'POST',
    headers: { origin: ORIGIN },
    body: JSON.stringify({ hashes: [hashOf('1'), hashOf('6')] }),
  });

test('the test’s own Signature Version 4 is the one of Amazon’s documented example', async () => {
  // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" in the Amazon S3 API Reference.
  const url =
    'https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
    '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host';
  expect(await signatureOfUrl(new URL(url), 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});

test('addresses lead to the bucket, for an hour, with a signature that S3 would compute', async () => {
  const { expires, downloads } = await (await ask(BUCKET)).json<DownloadsAnswer>();
  expect(expires).toBe(Math.floor(NOW / 1000) + 3600);
  expect(downloads.map(({ sha256, bytes }) => [sha256, bytes])).toEqual([
    [hashOf('1'), 11],
    [hashOf('6'), 16],
  ]);
  for (const { sha256, url } of downloads) {
    const address = new URL(url);
    expect(address.origin + address.pathname).toBe(`${BUCKET.R2_S3_API}/blobs/${sha256}`);
    expect(Object.fromEntries(address.searchParams)).toEqual({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'key-id/20261123/auto/s3/aws4_request',
      'X-Amz-Date': '20261123T093015Z',
      'X-Amz-Expires': '3600',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': await signatureOfUrl(address, SECRET),
    });
    expect(url).not.toContain(SECRET);
  }
});

test('the studio page may fetch from the bucket, and from nowhere else', async () => {
  const policy = async (variables: Partial<Env>) =>
    (await fetchWith(variables, '/embed/studio?site=pk_shop')).headers.get('content-security-policy');
  expect(await policy(BUCKET)).toContain("connect-src 'self' blob: https://0123456789abcdef.r2.cloudflarestorage.com;");
  expect(await policy({})).toContain("connect-src 'self' blob:;");
});

/** The engine downloads in a worker, for which the page's policy does not hold. */
test('so may its worker', async () => {
  const connects = async (variables: Partial<Env>) =>
    /connect-src [^;]*/.exec((await fetchWith(variables, '/embed/assets/engine.js')).headers.get('content-security-policy')!)?.[0];
  expect(await connects(BUCKET)).toBe("connect-src 'self' https://0123456789abcdef.r2.cloudflarestorage.com");
  expect(await connects({})).toBe("connect-src 'self'");
});

test('a worker’s script that the browser has is not sent again', async () => {
  const script = await fetchWith(BUCKET, '/embed/assets/engine.js');
  expect(await script.text()).toContain('worker');
  const again = await fetchWith(BUCKET, '/embed/assets/engine.js', { headers: { 'if-none-match': script.headers.get('etag')! } });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect(again.headers.get('content-security-policy')).toContain('cloudflarestorage.com');
});

describe('a half-made configuration is named, and nothing is signed by it', () => {
  test.each<[about: string, variables: Partial<Env>, variable: string]>([
    ['no key id', { ...BUCKET, R2_ACCESS_KEY_ID: '' }, 'R2_ACCESS_KEY_ID'],
    ['no secret', { ...BUCKET, R2_SECRET_ACCESS_KEY: '' }, 'R2_SECRET_ACCESS_KEY'],
    ['an address without its bucket', { ...BUCKET, R2_S3_API: 'https://0123456789abcdef.r2.cloudflarestorage.com' }, 'R2_S3_API'],
    ['an address of something below the bucket', { ...BUCKET, R2_S3_API: `${BUCKET.R2_S3_API}/blobs` }, 'R2_S3_API'],
    ['no address at all', { ...BUCKET, R2_S3_API: 'diptych-weights' }, 'R2_S3_API'],
    ['an address with a password', { ...BUCKET, R2_S3_API: 'https://me:pass@r2.example/diptych-weights' }, 'R2_S3_API'],
  ])('%s', async (_, variables, variable) => {
    expect(await problemOf(await ask(variables))).toMatchObject({ status: 503, code: 'edge_not_ready', binding: variable });
    const health = await (await fetchWith(variables, '/healthz')).json<{ checks: Record<string, string> }>();
    expect(health.checks['presigning']).toContain(variable);
  });
});

describe('/healthz asks the bucket as browsers will', () => {
  const fetch = vi.spyOn(globalThis, 'fetch');
  afterAll(() => fetch.mockRestore());

  /** A bucket that verifies the signature, and then refuses with this code. */
  const answerWith = (code: string | undefined) =>
    fetch.mockImplementation(async (input) => {
      const url = new URL(input as string);
      const signed = url.searchParams.get('X-Amz-Signature') === (await signatureOfUrl(url, SECRET));
      const refusal = signed ? code : 'SignatureDoesNotMatch';
      if (!refusal) return new Response('{', { status: 206 });
      return new Response(`<Error><Code>${refusal}</Code></Error>`, { status: refusal.startsWith('NoSuch') ? 404 : 403 });
    });
  const presigningOf = async (variables: Partial<Env>) => {
    const response = await fetchWith(variables, '/healthz');
    return [response.status, (await response.json<Health>()).checks['presigning']];
  };

  test.for([undefined, 'NoSuchKey'])('%s is well', async (code) => {
    answerWith(code);
    expect(await presigningOf(BUCKET)).toEqual([200, 'ok']);
    expect(fetch.mock.lastCall?.[0]).toMatch(`${BUCKET.R2_S3_API}/catalogue/manifest.json?`);
  });

  test.for([
    { code: 'InvalidAccessKeyId', names: /R2_ACCESS_KEY_ID is not known/ },
    { code: 'AccessDenied', names: /R2_ACCESS_KEY_ID is of an API token that may not read/ },
    { code: 'NoSuchBucket', names: /R2_S3_API names a bucket/ },
    { code: 'SlowDown', names: /R2_S3_API leads to a server that answers 403 \(SlowDown\)/ },
  ])('$code names its variable', async ({ code, names }) => {
    answerWith(code);
    expect(await presigningOf(BUCKET)).toEqual([503, expect.stringMatching(names)]);
  });

  test('another secret than the token’s', async () => {
    answerWith(undefined);
    const wrong = { ...BUCKET, R2_SECRET_ACCESS_KEY: 'another' };
    expect(await presigningOf(wrong)).toEqual([503, expect.stringMatching(/R2_SECRET_ACCESS_KEY does not belong/)]);
  });

  test('a bucket that does not answer; nothing of the address is told', async () => {
    vi.spyOn(console, 'error').mockImplementationOnce(() => undefined);
    fetch.mockRejectedValue(new TypeError('connect failed: https://0123456789abcdef.r2.cloudflarestorage.com'));
    expect(await presigningOf(BUCKET)).toEqual([503, expect.stringMatching(/^It does not answer\./)]);
  });

  test('without presigned addresses nobody is asked', async () => {
    fetch.mockClear();
    expect(await presigningOf({})).toEqual([200, 'ok']);
    expect(fetch).not.toHaveBeenCalled();
  });
});
