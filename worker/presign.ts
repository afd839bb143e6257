/**
 * Download addresses that lead to the bucket itself, for operators who want no Worker between: R2's S3 API, presigned with AWS Signature Version 4 in
 * the query (https://developers.cloudflare.com/r2/api/s3/presigned-urls/). docs/signing.md says what that costs.
 */
import { AwsV4Signer } from 'aws4fetch';
import { DiptychError } from '../shared/errors.ts';
import type { Env } from './env.ts';
import { blobKey } from './storage/blobs.ts';

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
 * A presigned address of a file.
 *
 * @param now milliseconds since 1970, when the address begins to hold
 * @param seconds how long it holds; R2 takes up to a week
 */
export async function presignedUrl(
  { bucket, accessKeyId, secretAccessKey }: Presigning,
  sha256: string,
  now: number,
  seconds: number,
): Promise<string> {
  const url = new URL(`${bucket.pathname.replace(/\/$/, '')}/${blobKey(sha256)}`, bucket);
  url.searchParams.set('X-Amz-Expires', String(seconds));
  const datetime = new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, '');
  const signer = new AwsV4Signer({ url: url.href, accessKeyId, secretAccessKey, service: 's3', region: 'auto', datetime, signQuery: true });
  return (await signer.sign()).url.href;
}

function misconfigured(name: string, reason: string): DiptychError {
  return new DiptychError('edge_not_ready', `The variable ${name} ${reason}, see docs/signing.md.`, { binding: name });
}
