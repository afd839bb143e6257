import { type ErrorCode, ERRORS } from '../../shared/errors.ts';
import type { Answer, Content } from './operation.ts';

export const json = (schema: object, example?: unknown): Content => ({
  'application/json': example === undefined ? { schema } : { schema, example },
});
export const html: Content = { 'text/html': { schema: { type: 'string' } } };

/** What every route that asks for an enabled site may answer. */
export const SITE_CODES = [
  'site_key_missing',
  'site_unknown',
  'site_disabled',
  'rate_limited',
  'edge_not_ready',
  'internal',
] as const satisfies ErrorCode[];

/** What every admin route may answer. */
export const ADMIN_CODES = [
  'admin_credentials_missing',
  'admin_credentials_invalid',
  'origin_not_allowed',
  'rate_limited',
  'edge_not_ready',
  'internal',
] as const satisfies ErrorCode[];

/**
 * The answers of these codes, one for each status, as problem+json or another type. All codes of one status go into one call: of two answers of
 * one status in an object, JavaScript keeps the latter.
 */
export function refusals(codes: readonly ErrorCode[], content?: Content): Record<string, Answer> {
  const byStatus = Map.groupBy(codes, (code) => String(ERRORS[code].status));
  const answer = (list: readonly ErrorCode[]): Answer => ({
    description: list.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    content: content ?? { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example: example(list[0]!) } },
  });
  return Object.fromEntries([...byStatus].map(([status, list]) => [status, answer(list)]));
}

function example(code: ErrorCode): object {
  const { status, title } = ERRORS[code];
  const request_id = '8f2a6c1d9e0b4f37-FRA';
  return { type: `/openapi.json#${code}`, title, status, code, detail: 'What was wrong, and what mends it.', request_id };
}

/** The `security` of an admin route: either scheme of `document.ts` lets in. */
export const ADMIN_SECURITY: Record<string, []>[] = [{ adminToken: [] }, { adminAccess: [] }];
