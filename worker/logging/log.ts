import { DiptychError } from '../../shared/errors.ts';
import { redact } from './redact.ts';

/** One line's members. Undefined ones are left out. */
type Fields = Record<string, string | number | boolean | undefined>;

/** Writes one line of JSON. Workers Logs indexes its members. */
export function logLine(level: 'info' | 'error', event: string, fields: Fields): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === 'error') console.error(line);
  else console.log(line);
}

/** Writes what broke, and where, without the values that a message may quote. */
export function logError(event: string, thrown: unknown, fields: Fields = {}): void {
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = thrown instanceof DiptychError ? thrown.code : undefined;
  logLine('error', event, { ...fields, code, error: name, message: redact(message), stack: stack && redact(stack) });
}
