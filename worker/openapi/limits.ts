import { QUOTA_KINDS } from '../limits/quota-kinds.ts';
import { ADMIN_CODES, ADMIN_SECURITY, json, refusals, SITE_CODES } from './answers.ts';
import type { Paths } from './operation.ts';
import { path, requiredOrigin, site } from './parameters.ts';

const limit = { type: ['integer', 'null'], description: 'Of a UTC day; null: unlimited, and nothing is counted.' };

const allowance = {
  type: 'object',
  required: ['limit', 'left', 'resets'],
  additionalProperties: false,
  properties: { limit, left: { type: ['integer', 'null'] }, resets: { type: 'integer', description: 'Seconds until the next UTC day.' } },
};

const used = {
  type: 'object',
  required: ['limit', 'used'],
  additionalProperties: false,
  properties: { limit, used: { type: 'integer' } },
};

const usage = {
  type: 'object',
  required: ['day', ...QUOTA_KINDS],
  additionalProperties: false,
  properties: { day: { type: 'string', format: 'date' }, ...Object.fromEntries(QUOTA_KINDS.map((kind) => [kind, used])) },
};

export const limitsPaths: Paths = {
  '/v1/generations': {
    post: {
      summary: 'Counts a picture that is about to be made',
      description: 'Against the site’s day, where it has a limit. The studio asks before each picture.',
      tags: ['Studio'],
      parameters: [site, requiredOrigin],
      responses: {
        200: { description: 'It may be made.', content: json(allowance, { limit: 500, left: 499, resets: 43_200 }) },
        ...refusals([...SITE_CODES, 'origin_not_allowed', 'quota_exceeded']),
      },
    },
  },
  '/v1/sites/{id}/usage': {
    get: {
      summary: 'What a site has used of today',
      tags: ['Admin'],
      security: ADMIN_SECURITY,
      parameters: [path('id', 'The site’s id.')],
      responses: {
        200: {
          description: 'The counts of the UTC day.',
          content: json(usage, { day: '2026-11-23', bytes: { limit: null, used: 0 }, generations: { limit: 500, used: 17 } }),
        },
        ...refusals([...ADMIN_CODES, 'site_not_found']),
      },
    },
  },
};
