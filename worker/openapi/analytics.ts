import {
  ALL_SITES,
  BREAKDOWNS,
  DEFAULT_LIMIT,
  DEFAULT_PERIOD_DAYS,
  DIMENSIONS,
  FIGURES,
  FORMATS,
  INTERVALS,
  MAX_LIMIT,
  MAX_PERIOD_DAYS,
  MAX_POINTS,
} from '../../shared/analytics.ts';
import { ADMIN_SECURITY, json, refusals } from './answers.ts';
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

const answer = {
  type: 'object',
  description: `Its form is \`Analytics\` in shared/analytics.ts. Figures: ${FIGURES.join(', ')}.`,
  required: [
    'site',
    'period',
    'previous_period',
    'interval',
    'filters',
    'totals',
    'previous_totals',
    'series',
    'funnel',
    'breakdown',
    'percentiles',
    'most_used',
    'error_codes',
    'live',
  ],
};

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
        ...refusals([
          'request_invalid',
          'admin_credentials_missing',
          'admin_credentials_invalid',
          'origin_not_allowed',
          'site_not_found',
          'edge_not_ready',
          'internal',
        ]),
      },
    },
  },
};
