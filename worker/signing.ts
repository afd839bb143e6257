/**
 * Signed, expiring download addresses: `/v1/weights/<sha256>?site=&exp=&kid=&sig=`. The scheme, with test vectors, is in docs/signing.md.
 *
 * `sig` is `<site>.<mac>`: it names the site that it was made for, so that an address moved to another site can be told from a damaged one.
 */
import { DiptychError } from '../shared/errors.ts';
import type { KeyRing } from './key-ring.ts';

/** What an address permits: one file, to one site, until `exp` (seconds since 1970). */
interface Grant {
  sha256: string;
  site: string;
  exp: number;
}

/** No address is honoured for longer, whoever signed it. */
export const MAX_LIFETIME_SECONDS = 24 * 3600;

/** The bytes that are authenticated: five lines, method-independent. */
function canonicalText(sha256: string, site: string, exp: string, kid: string): Uint8Array {
  return new TextEncoder().encode(['diptych-weights-v1', sha256, site, exp, kid].join('\n'));
}

/** The path and query of a signed address, by the ring's current key. */
export async function signedPath({ sha256, site, exp }: Grant, { current }: KeyRing): Promise<string> {
  const mac = await crypto.subtle.sign('HMAC', current.key, canonicalText(sha256, site, String(exp), current.id));
  const hex = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const query = new URLSearchParams({ site, exp: String(exp), kid: current.id, sig: `${site}.${hex}` });
  return `/v1/weights/${sha256}?${query}`;
}

/**
 * The grant that an address carries, at `now` (seconds since 1970).
 *
 * @throws `signature_missing`, `signature_invalid` (damaged, unknown key, too far ahead), `signature_other_site`, `signature_expired`
 */
export async function verifyAddress(sha256: string, query: URLSearchParams, ring: KeyRing, now: number): Promise<Grant> {
  const site = parameter(query, 'site');
  const address = { exp: parameter(query, 'exp'), kid: parameter(query, 'kid'), sig: parameter(query, 'sig') };
  const signed = await authentic(sha256, address, ring);
  if (!signed) throw invalid('it was damaged, or made with a key that this edge does not have');
  if (signed.site !== site) {
    throw new DiptychError('signature_other_site', `The address was signed for ${signed.site}, not for ${site}.`, { site: signed.site });
  }
  if (signed.exp <= now) {
    throw new DiptychError('signature_expired', `The address expired ${now - signed.exp} s ago. Ask for a new one.`, { exp: signed.exp });
  }
  if (signed.exp > now + MAX_LIFETIME_SECONDS) throw invalid(`its expiry lies more than ${MAX_LIFETIME_SECONDS / 3600} h ahead`);
  return signed;
}

function parameter(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value) return value;
  throw new DiptychError('signature_missing', `The address lacks ${name}. Ask POST /v1/downloads for a signed one.`, { parameter: name });
}

/** What `sig` vouches for, or undefined when it vouches for nothing here. */
async function authentic(
  sha256: string,
  { exp, kid, sig }: Record<'exp' | 'kid' | 'sig', string>,
  ring: KeyRing,
): Promise<Grant | undefined> {
  const [, site, hex] = /^([A-Za-z0-9_-]+)\.([0-9a-f]{64})$/.exec(sig) ?? [];
  const key = ring.byId.get(kid);
  if (site === undefined || hex === undefined || !key || !/^[0-9]{1,12}$/.test(exp)) return undefined;
  const mac = Uint8Array.from(hex.match(/../g)!, (digits) => Number.parseInt(digits, 16));
  const valid = await crypto.subtle.verify('HMAC', key, mac, canonicalText(sha256, site, exp, kid));
  return valid ? { sha256, site, exp: Number(exp) } : undefined;
}

function invalid(reason: string): DiptychError {
  return new DiptychError('signature_invalid', `The signature does not hold: ${reason}. Ask POST /v1/downloads for a new address.`);
}
