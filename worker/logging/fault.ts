import { DiptychError, ERRORS } from '../../shared/errors.ts';
import type { EdgeContext } from '../edge.ts';
import { logError } from './log.ts';

/** Writes the reason of an answer that is not the client's fault (5xx): the line of the request itself only has its code. */
export function logFault(c: EdgeContext, thrown: Error): void {
  const code = thrown instanceof DiptychError ? thrown.code : 'internal';
  if (ERRORS[code].status >= 500) logError('fault', thrown, { request_id: c.var.requestId });
}
