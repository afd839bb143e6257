import { type Analytics, FIGURES } from '../../shared/analytics.ts';
import { DiptychError } from '../../shared/errors.ts';
import { toAnalytics } from '../analytics/answer.ts';
import { toCsv } from '../analytics/csv.ts';
import { readQuery } from '../analytics/query.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { binding } from '../env.ts';
import { readAnalytics } from '../storage/analytics.ts';
import { explainDatabaseError } from '../storage/database-error.ts';

const HEADERS = { 'cache-control': 'private, no-store' };

/** `GET /v1/sites/:id/analytics`: usage of a site, or of `all`, from the hourly roll-ups. As CSV the breakdown that was asked for, else the series. */
export const analytics = (now: Clock) =>
  async function analytics(c: EdgeContext): Promise<Response> {
    const { format, ...query } = readQuery(c.req.param('id') ?? '', new URL(c.req.url).searchParams, now());
    const rows = await readAnalytics(binding(c.env, 'DB'), query, now()).catch((thrown: unknown) => {
      throw explainDatabaseError(thrown);
    });
    if (rows.site.length === 0)
      throw new DiptychError(
        'site_not_found',
        `There is no site ${query.site.slice(0, 80)}. GET /v1/sites lists them; all stands for all.`,
      );
    const answer = toAnalytics(query, rows);
    return format === 'json' ? c.json(answer, 200, HEADERS) : c.body(tableOf(answer), 200, { ...HEADERS, ...csvHeaders(answer) });
  };

const tableOf = ({ breakdown, series }: Analytics): string =>
  breakdown ? toCsv(['value', ...FIGURES], breakdown.rows) : toCsv(['start', ...FIGURES], series);

/** The site is of letters, digits, `-` and `_`: it cannot break out of the name. */
function csvHeaders({ site, period: { from, to }, breakdown }: Analytics): Record<string, string> {
  const name = ['diptych', site, breakdown?.by, from.slice(0, 10), to.slice(0, 10)].filter(Boolean).join('-');
  return { 'content-type': 'text/csv; charset=utf-8; header=present', 'content-disposition': `attachment; filename="${name}.csv"` };
}
