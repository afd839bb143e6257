/**
 * The JWT that Cloudflare Access adds to every request that it lets through, as the header `Cf-Access-Jwt-Assertion`
 * (https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/).
 */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { DiptychError } from '../../shared/errors.ts';
import type { Clock } from '../clock.ts';

/** The public keys of a team; `issuer` is the origin of its domain. */
export type AccessKeys = (issuer: string) => JWTVerifyGetKey;

/** Access signs with nothing else; a list also refuses `none` and secrets made of the public key. */
const ALGORITHMS = ['RS256'];
const TEAM_DOMAIN = /^(?:https:\/\/)?((?:[a-z0-9-]+\.)+cloudflareaccess\.com)\/?$/;

/** The keys that the team's domain serves, fetched when they are first asked for and kept for ten minutes. */
export function remoteAccessKeys(): AccessKeys {
  const kept = new Map<string, JWTVerifyGetKey>();
  return (issuer) => {
    const keys = kept.get(issuer) ?? createRemoteJWKSet(new URL('/cdn-cgi/access/certs', issuer));
    kept.set(issuer, keys);
    return keys;
  };
}

/** What the operator has configured: vars `ACCESS_TEAM_DOMAIN` and `ACCESS_AUD`. */
export interface AccessApplication {
  /** `https://<team>.cloudflareaccess.com` */
  issuer: string;
  /** The application's audience tag. */
  audience: string;
}

/**
 * The application of these vars; undefined when neither is set.
 *
 * @throws `edge_not_ready` when one of them is missing or the domain is none of Access
 */
export function accessApplication(teamDomain: string | undefined, audience: string | undefined): AccessApplication | undefined {
  if (!teamDomain && !audience) return undefined;
  const [, domain] = TEAM_DOMAIN.exec(teamDomain ?? '') ?? [];
  if (domain === undefined) throw malformed('ACCESS_TEAM_DOMAIN', 'must be <team>.cloudflareaccess.com');
  if (!audience) throw malformed('ACCESS_AUD', 'must be the audience tag of the application, which the Zero Trust dashboard shows');
  return { issuer: `https://${domain}`, audience };
}

/**
 * Who a JWT says is asking: the person's address, or the name of a service token.
 *
 * @throws `admin_credentials_invalid` saying which check failed, `edge_not_ready` when the team's keys cannot be had
 */
export async function accessIdentity(jwt: string, { issuer, audience }: AccessApplication, keys: AccessKeys, now: Clock): Promise<string> {
  const options = { issuer, audience, algorithms: ALGORITHMS, currentDate: new Date(now()), requiredClaims: ['exp', 'iat'] };
  const { payload } = await jwtVerify(jwt, keys(issuer), options).catch((thrown: unknown) => {
    throw refusal(thrown, issuer);
  });
  const identity = identityOf(payload);
  if (identity !== undefined) return identity;
  throw new DiptychError('admin_credentials_invalid', 'The Access JWT names nobody: it has no email, common_name or sub.');
}

function identityOf({ email, common_name: serviceToken, sub }: JWTPayload): string | undefined {
  return [email, serviceToken, sub].find((claim) => typeof claim === 'string' && claim !== '') as string | undefined;
}

/** What is wrong with the JWT is the sender's; that the keys did not come is the operator's. */
function refusal(thrown: unknown, issuer: string): DiptychError {
  const reason = REASONS.find(([kind]) => thrown instanceof kind)?.[1];
  if (reason) return new DiptychError('admin_credentials_invalid', `The Access JWT is not accepted: ${reason(thrown as never)}.`);
  const message = `The keys of ${issuer} could not be read, so no Access JWT can be verified. See the var ACCESS_TEAM_DOMAIN.`;
  return new DiptychError('edge_not_ready', message, { binding: 'ACCESS_TEAM_DOMAIN' }, { cause: thrown });
}

const REASONS: readonly (readonly [kind: new (...args: never[]) => Error, reason: (thrown: never) => string])[] = [
  [errors.JWTExpired, () => 'it has expired'],
  [errors.JWTClaimValidationFailed, ({ claim }: errors.JWTClaimValidationFailed) => `its claim ${claim} is not as expected`],
  [errors.JOSEAlgNotAllowed, () => `it is not signed with ${ALGORITHMS.join()}`],
  [errors.JWKSNoMatchingKey, () => 'it was signed with a key that is none of the team’s'],
  [errors.JWKSMultipleMatchingKeys, () => 'it does not say which key it was signed with'],
  [errors.JWSSignatureVerificationFailed, () => 'its signature does not hold'],
  [errors.JWSInvalid, () => 'it is malformed'],
  [errors.JWTInvalid, () => 'it is malformed'],
  [errors.JOSENotSupported, () => 'it is of a form that is not supported'],
];

function malformed(name: string, reason: string): DiptychError {
  return new DiptychError('edge_not_ready', `The var ${name} ${reason}. See wrangler.toml and docs/sites.md.`, { binding: name });
}
