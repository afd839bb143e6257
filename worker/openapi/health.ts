import { json } from './answers.ts';
import type { Content, Paths } from './operation.ts';

function health(example: object): Content {
  const schema = {
    type: 'object',
    required: ['status', 'checks', 'optional'],
    properties: {
      status: { enum: ['ok', 'unavailable'] },
      checks: { type: 'object', additionalProperties: { type: 'string', description: '`ok`, or what is wrong and how to mend it.' } },
      optional: {
        type: 'object',
        description: 'What the edge does without.',
        additionalProperties: { type: 'string', description: '`ok`, or what its absence means.' },
      },
    },
  };
  return json(schema, example);
}

export const healthPaths: Paths = {
  '/openapi.json': {
    get: {
      summary: 'This document',
      tags: ['Operation'],
      responses: { 200: { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) } },
    },
  },
  '/healthz': {
    get: {
      summary: 'Whether everything that the edge needs is bound and answers',
      tags: ['Operation'],
      responses: {
        200: {
          description: 'All is well.',
          content: health({ status: 'ok', checks: { weights: 'ok', database: 'ok' }, optional: { analytics: 'ok' } }),
        },
        503: {
          description: 'Something is missing.',
          content: health({
            status: 'unavailable',
            checks: { weights: 'The binding WEIGHTS is missing. Run: npx wrangler r2 bucket create diptych-weights.' },
            optional: { analytics: 'ok' },
          }),
        },
      },
    },
  },
};
