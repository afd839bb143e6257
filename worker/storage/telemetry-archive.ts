import { DiptychError } from '../../shared/errors.ts';

/**
 * Keeps lines of a day as one gzipped object, and reads it back. Its name holds the SHA-256 of its content before compression: the same
 * lines are the same object, however often they are put.
 *
 * @param day as `2026-11-23`
 * @throws `internal` when what is read back is not what was put
 */
export async function archive(bucket: R2Bucket, day: string, ndjson: string): Promise<void> {
  const content = new TextEncoder().encode(ndjson);
  const sha256 = await digestOf(content);
  const key = `telemetry/${day}/${sha256}.ndjson.gz`;
  const packed = await new Response(new Blob([content]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
  await bucket.put(key, packed, { httpMetadata: { contentType: 'application/gzip' } });
  const kept = await bucket.get(key);
  const unpacked = kept && (await new Response(kept.body.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
  if (!unpacked || (await digestOf(unpacked)) !== sha256)
    throw new DiptychError('internal', `The archive's ${key} is not what was put there. Its rows stay in telemetry_events.`, { key });
}

async function digestOf(content: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
