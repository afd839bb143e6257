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
    retryAfter: Number(response.headers.get('retry-after') ?? 0),
  });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
