import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

const secrets = [env.ADMIN_TOKEN, env.SIGNING_KEYS].flatMap((list) => list.split(',').map((entry) => entry.split(':')[1]!));

/** What no answer may hold: a secret, a stack, the path of a source file, what the database or the bucket call things. */
const LEAKS: readonly RegExp[] = [
  /\n\s+at \S+/,
  /\.ts\b|\.mjs|node_modules/,
  /D1_ERROR|SQLITE_|\bSELECT\b|INSERT INTO|site_keys/,
  /blobs\/|catalogue\/manifest/,
];

/** Headers and body of an answer, of which none tells a stranger what is inside. */
export async function expectNoLeak(response: Response): Promise<string> {
  const body = await response.text();
  const text = `${JSON.stringify([...response.headers])}\n${body}`;
  for (const secret of secrets) expect(text).not.toContain(secret);
  for (const leak of LEAKS) expect(text).not.toMatch(leak);
  return body;
}
