import {
  ALL_SITES,
  BREAKDOWNS,
  DEFAULT_LIMIT,
  DEFAULT_PERIOD_DAYS,
  DIMENSIONS,
  FIGURES,
  FORMATS,
  FUNNEL,
  INTERVALS,
  LIVE_MINUTES,
  MAX_LIMIT,
  MAX_PERIOD_DAYS,
  MAX_POINTS,
  MEASURES,
} from '../../shared/analytics.ts';
import { TELEMETRY_HISTOGRAMS } from '../../shared/telemetry.ts';
import { ADMIN_CODES, ADMIN_SECURITY, json, refusals } from './answers.ts';
import type { Parameter, Paths } from './operation.ts';
import { path, query } from './parameters.ts';

const optional = (name: string, description: string, schema?: object): Parameter => query(name, description, schema, false);

const time = 'An ISO 8601 date or instant, UTC unless it has an offset; widened to whole hours.';

const parameters: Parameter[] = [
  path('id', `A site’s id, or \`${ALL_SITES}\`.`),
  {
    ...optional('from', `${time} Left out: ${DEFAULT_PERIOD_DAYS} days before \`to\`. At most ${MAX_PERIOD_DAYS} days before it.`),
    example: '2026-11-01',
  },
  { ...optional('to', `${time} A date includes its day; an instant is where the period ends. Left out: now.`), example: '2026-11-30' },
  optional('interval', `Of the series, at most ${MAX_POINTS} points; weeks begin on Monday. Left out: by the period’s length.`, {
    enum: INTERVALS,
  }),
  optional('breakdown', 'Also the figures of each value of this dimension.', { enum: BREAKDOWNS }),
  {
    ...optional(
      'filter',
      `\`dimension=value\`, of ${Object.keys(DIMENSIONS).join(', ')}. Repeated: of one dimension alternatives, of several all must hold.`,
      {
        type: 'array',
        items: { type: 'string' },
        maxItems: 20,
      },
    ),
    example: ['backend=webgpu'],
  },
  optional('limit', 'Rows of the breakdown and of each list.', { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
  optional('format', 'CSV (RFC 4180) has the rows of the breakdown, or without one the series.', { enum: FORMATS, default: 'json' }),
];

const integer = { type: 'integer', minimum: 0 };
const nullableNumber = { type: ['number', 'null'] };
const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };

/** An object that has all of these properties, and no other. */
const object = (properties: Record<string, object>) => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
  additionalProperties: false,
});
const list = (properties: Record<string, object>): object => ({ type: 'array', items: object(properties) });

const figures = Object.fromEntries(FIGURES.map((name) => [name, isCounted(name) ? integer : nullableNumber]));
const period = object({ from: instant, to: instant });
const shares = list({ value: text, events: integer });
const quantiles = object({ events: integer, p50: nullableNumber, p95: nullableNumber });
const metrics = object(Object.fromEntries(Object.keys(TELEMETRY_HISTOGRAMS).map((metric) => [metric, quantiles])));

function isCounted(name: string): boolean {
  const measures: Record<string, object> = MEASURES;
  return measures[name] !== undefined && !('mean' in measures[name]);
}

const orNull = (schema: { type: string }): object => ({ ...schema, type: [schema.type, 'null'] });

/** `Analytics` of shared/analytics.ts. */
const answer = object({
  site: text,
  period,
  previous_period: period,
  interval: { enum: INTERVALS },
  filters: list({ dimension: { enum: Object.keys(DIMENSIONS) }, values: { type: 'array', items: text } }),
  totals: object(figures),
  previous_totals: object(figures),
  series: list({ start: instant, ...figures }),
  funnel: list({ event: { enum: FUNNEL }, events: integer, previous: integer }),
  breakdown: orNull(object({ by: { enum: BREAKDOWNS }, values: integer, rows: list({ value: text, ...figures }) })),
  percentiles: orNull(object({ all: metrics, by_gpu_class: list({ backend: text, gpu_vendor: text, gpu_architecture: text, metrics }) })),
  most_used: object({ subject: shares, style: shares, pair: shares, rule: shares }),
  error_codes: shares,
  live: object({ minutes: { const: LIVE_MINUTES }, view: integer, generate_start: integer }),
});

export const analyticsPaths: Paths = {
  '/v1/sites/{id}/analytics': {
    get: {
      summary: 'Usage of a site',
      description:
        'Totals and the period before, a series, the funnel, percentiles of durations, what is used most, and errors. See docs/analytics.md.',
      tags: ['Admin'],
      security: ADMIN_SECURITY,
      parameters,
      responses: {
        200: { description: 'The figures.', content: { ...json(answer), 'text/csv': { schema: { type: 'string' } } } },
        ...refusals([...ADMIN_CODES, 'request_invalid', 'site_not_found']),
      },
    },
  },
};
