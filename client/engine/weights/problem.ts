import { DiptychError, type ErrorCode, ERRORS } from '../../../shared/errors.ts';

/** An answer of the edge that is not a success, as the error that its problem+json names; `download_failed` where it names none. */
export async function problemOf(response: Response): Promise<DiptychError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = typeof body === 'object' && body !== null ? (body as { code?: unknown; detail?: unknown }) : {};
  // Without origin and query: a signature is nobody's business.
  const path = response.url.replace(/^\w+:\/\/[^/]+|\?.*$/g, '');
  const detail = typeof problem.detail === 'string' ? problem.detail : `${path} answered ${response.status}.`;
  return new DiptychError(isErrorCode(problem.code) ? problem.code : 'download_failed', detail, {
    path,
    status: response.status,
    retryAfter: secondsOf(response.headers.get('retry-after')),
  });
}

/** Retry-After may be a date as well (RFC 9110, 10.2.3): that counts as none, for the edge sends seconds. */
function secondsOf(retryAfter: string | null): number {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : 0;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
