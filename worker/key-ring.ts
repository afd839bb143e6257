import { DiptychError } from '../shared/errors.ts';
import { binding, type Env } from './env.ts';

interface SigningKey {
  id: string;
  key: CryptoKey;
}

/** The first key of the secret signs; addresses signed with any of them are accepted, so that keys can be rotated without a gap. */
export interface KeyRing {
  current: SigningKey;
  byId: ReadonlyMap<string, CryptoKey>;
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' };
const MIN_KEY_BYTES = 32;

/**
 * Reads the secret `SIGNING_KEYS`: `id:base64`, separated by commas.
 *
 * @throws `edge_not_ready` naming the entry
 */
export async function readKeyRing(secret: string): Promise<KeyRing> {
  const keys = await Promise.all(secret.split(',').map((entry, index) => importKey(entry.trim(), index)));
  const byId = new Map(keys.map(({ id, key }) => [id, key]));
  if (byId.size < keys.length) throw malformed('two keys have the same id');
  return { current: keys[0]!, byId };
}

async function importKey(entry: string, index: number): Promise<SigningKey> {
  const [, id, base64] = /^([A-Za-z0-9_-]{1,16}):([A-Za-z0-9+/]+={0,2})$/.exec(entry) ?? [];
  if (id === undefined || base64 === undefined) throw malformed(`entry ${index + 1} is not id:base64`);
  const bytes = decodeBase64(base64);
  if (bytes.byteLength < MIN_KEY_BYTES) throw malformed(`key ${id} has ${bytes.byteLength} bytes; at least ${MIN_KEY_BYTES} are needed`);
  return { id, key: await crypto.subtle.importKey('raw', bytes, HMAC, false, ['sign', 'verify']) };
}

function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function malformed(reason: string): DiptychError {
  const fix = 'openssl rand -base64 32 makes a key; npx wrangler secret put SIGNING_KEYS sets the secret (locally: .dev.vars).';
  return new DiptychError('edge_not_ready', `SIGNING_KEYS: ${reason}. ${fix}`, { binding: 'SIGNING_KEYS' });
}

/** The ring of the environment's secret, imported once for each value that it takes. */
export class KeyRings {
  #kept: { secret: string; ring: KeyRing } | undefined;

  /** @throws `edge_not_ready` when the secret is missing or malformed */
  async of(env: Env): Promise<KeyRing> {
    const secret = binding(env, 'SIGNING_KEYS');
    if (this.#kept?.secret !== secret) this.#kept = { secret, ring: await readKeyRing(secret) };
    return this.#kept.ring;
  }
}
