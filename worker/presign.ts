/**
 * Download addresses that lead to the bucket itself, for operators who want no Worker between: R2's S3 API, presigned with AWS Signature Version 4 in
 * the query (https://developers.cloudflare.com/r2/api/s3/presigned-urls/). docs/signing.md says what that costs.
 */
import { AwsV4Signer } from 'aws4fetch';
import { DiptychError } from '../shared/errors.ts';
import type { Env } from './env.ts';

export interface Presigning {
  /** The bucket's address, as its page in the dashboard shows it: `https://<account>.r2.cloudflarestorage.com/<bucket>`. */
  bucket: URL;
  accessKeyId: string;
  secretAccessKey: string;
}

const KEYS = ['R2_ACCESS_KEY_ID', 'R2_SECRET_ACCESS_KEY'] as const;

/**
 * How addresses are presigned; undefined where the Worker serves the bytes, which is so unless the var `R2_S3_API` is set.
 *
 * @throws `edge_not_ready` naming the variable that is missing or malformed
 */
export function presigning(env: Env): Presigning | undefined {
  const { R2_S3_API: address, R2_ACCESS_KEY_ID: accessKeyId, R2_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (!address) return undefined;
  const bucket = URL.canParse(address) ? new URL(address) : undefined;
  if (!bucket || !/^https?:$/.test(bucket.protocol) || !/^\/[^/]+\/?$/.test(bucket.pathname) || bucket.search || bucket.username)
    throw misconfigured('R2_S3_API', 'must be the bucket’s S3 API address, https://<account>.r2.cloudflarestorage.com/<bucket>');
  const missing = KEYS.find((name) => !env[name]);
  if (missing) throw misconfigured(missing, `is missing, but R2_S3_API is set. Run: npx wrangler secret put ${missing}`);
  return { bucket, accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! };
}

/**
 * A presigned address of an object.
 *
 * @param now milliseconds since 1970, when the address begins to hold
 * @param seconds how long it holds; R2 takes up to a week
 */
export async function presignedUrl(
  { bucket, accessKeyId, secretAccessKey }: Presigning,
  key: string,
  now: number,
  seconds: number,
): Promise<string> {
  const url = new URL(`${bucket.pathname.replace(/\/$/, '')}/${key}`, bucket);
  url.searchParams.set('X-Amz-Expires', String(seconds));
  const datetime = new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, '');
  const signer = new AwsV4Signer({ url: url.href, accessKeyId, secretAccessKey, service: 's3', region: 'auto', datetime, signQuery: true });
  return (await signer.sign()).url.href;
}

/** Codes of S3's refusals, and which variable is at fault. */
const AT_FAULT: Record<string, [name: string, reason: string]> = {
  InvalidAccessKeyId: ['R2_ACCESS_KEY_ID', 'is not known to the bucket’s account'],
  SignatureDoesNotMatch: ['R2_SECRET_ACCESS_KEY', 'does not belong to R2_ACCESS_KEY_ID'],
  AccessDenied: ['R2_ACCESS_KEY_ID', 'is of an API token that may not read this bucket'],
  NoSuchBucket: ['R2_S3_API', 'names a bucket that the account does not have'],
};
const CHECK_SECONDS = 60;
const CHECK_TIMEOUT_MS = 5000;

/**
 * Asks the bucket for a byte by a presigned address, as browsers will ask for all. That no such object is there is no fault of the address.
 *
 * @throws `edge_not_ready` naming the variable that is missing, malformed or refused
 */
export async function checkPresigning(env: Env, key: string, now: number): Promise<void> {
  const settings = presigning(env);
  if (!settings) return;
  const url = await presignedUrl(settings, key, now, CHECK_SECONDS);
  const response = await fetch(url, { headers: { range: 'bytes=0-0' }, signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
  if (response.ok) return response.body?.cancel();
  const code = /<Code>(\w+)<\/Code>/.exec(await response.text())?.[1] ?? 'no code';
  if (code === 'NoSuchKey') return;
  const [name, reason] = AT_FAULT[code] ?? ['R2_S3_API', `leads to a server that answers ${response.status} (${code})`];
  throw misconfigured(name, reason);
}

function misconfigured(name: string, reason: string): DiptychError {
  return new DiptychError('edge_not_ready', `The variable ${name} ${reason}, see docs/signing.md.`, { binding: name });
}
