import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { DEFAULT_PAGE, MAX_PAGE } from '../../../shared/site-settings.ts';
import type { EdgeContext } from '../../edge.ts';

const WHOLE = /^[0-9]{1,15}$/;

const Limit = v.pipe(
  v.string(),
  v.regex(WHOLE, 'must be a whole number'),
  v.transform(Number),
  v.minValue(1, 'must be at least 1'),
  v.maxValue(MAX_PAGE, `must be at most ${MAX_PAGE}`),
);

/** A cursor that is a number: the id of the last row of the page before. */
export const NumberCursor = v.pipe(v.string(), v.regex(WHOLE, 'must be the cursor of the page before'), v.transform(Number));

/**
 * Which page the query asks for.
 *
 * @throws `request_invalid` naming the parameter
 */
export function pageQuery<S extends v.GenericSchema<string, string | number>>(
  c: EdgeContext,
  cursor: S,
): { limit: number; cursor?: v.InferOutput<S> } {
  const Query = v.strictObject({ limit: v.optional(Limit, String(DEFAULT_PAGE)), cursor: v.optional(cursor) });
  const result = v.safeParse(Query, c.req.query(), { abortEarly: true });
  if (result.success) return result.output as { limit: number; cursor?: v.InferOutput<S> };
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? '';
  throw new DiptychError('request_invalid', `${field}: ${issue.message}`.slice(0, 400), { field });
}
