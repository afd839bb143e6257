import { DiptychError } from '../../shared/errors.ts';
import { DAY_MS } from './intervals.ts';

const DATE = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?$/;

const EARLIEST = Date.UTC(2000, 0);
const LATEST = Date.UTC(2100, 0);

/**
 * An ISO 8601 date or instant, milliseconds since 1970. Without an offset it is UTC. A date is its first instant; with `wholeDay` the one after
 * its last, so that `to=2026-11-30` includes the 30th.
 *
 * @throws `request_invalid` naming the parameter
 */
export function readInstant(name: string, text: string, { wholeDay }: { wholeDay: boolean }): number {
  const isDate = DATE.test(text);
  if (!isDate && !INSTANT.test(text)) throw refused(name, `is ${JSON.stringify(text.slice(0, 40))}`);
  const at = Date.parse(isDate || /(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at) || !isOfCalendar(text.slice(0, 10))) throw refused(name, `${text} does not exist`);
  if (at < EARLIEST || at >= LATEST) throw refused(name, `${text} is not between 2000 and 2099`);
  return isDate && wholeDay ? at + DAY_MS : at;
}

/** `Date.parse` takes the 31st of any month for a day of the next. */
function isOfCalendar(date: string): boolean {
  const at = Date.parse(date);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date);
}

const refused = (name: string, what: string): DiptychError =>
  new DiptychError(
    'request_invalid',
    `${name}: ${what}. Write a date such as 2026-11-30, or an instant such as 2026-11-30T06:00:00Z (the + of an offset as %2B).`,
    { field: name },
  );
