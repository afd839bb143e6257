import { type DiptychError, type ErrorCode, ERRORS } from '../../../shared/errors.ts';

/** What a visitor can do about it. Codes that are missing here say so in their own message. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  catalogue_missing: 'The owner of this studio has not published a model yet.',
  site_unknown: 'The site key in this page is not known. Tell the owner of the site.',
  site_disabled: 'This studio has been switched off by its operator.',
  rate_limited: 'Wait a minute, then try again.',
  download_failed: 'Check your connection and try again; what has arrived is kept.',
  blob_corrupt: 'A file arrived damaged and was thrown away. Try again.',
  blob_size_mismatch: 'A file arrived damaged and was thrown away. Try again.',
  webgpu_unavailable: 'Use a current Chrome, Edge or Safari with graphics acceleration switched on.',
  session_failed: 'Your device may be short of memory. Close other tabs and try again.',
  engine_died: 'Your device may be short of memory. Close other tabs and try again.',
};

export interface ErrorText {
  title: string;
  advice: string;
  code: ErrorCode;
}

/** @param now milliseconds since 1970 */
export function errorText(error: DiptychError, now: number): ErrorText {
  const advice = error.code === 'quota_exceeded' ? resetAdvice(error.details['retryAfter'], now) : (ADVICE[error.code] ?? error.message);
  return { title: ERRORS[error.code].title, advice, code: error.code };
}

/** The edge's day is UTC's; a visitor reads the hour of their own clock. */
function resetAdvice(retryAfter: unknown, now: number): string {
  const seconds = typeof retryAfter === 'number' ? retryAfter : 0;
  const time = new Date(now + seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `Come back after ${time}: then it starts again. What is on this device stays.`;
}
