import type { Parameter } from './operation.ts';

export const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };

export const path = (name: string, description: string, schema: object = { type: 'string' }): Parameter => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
});

export const query = (name: string, description: string, schema: object = { type: 'string' }, required = true): Parameter => ({
  name,
  in: 'query',
  required,
  description,
  schema,
});

export const header = (name: string, description: string, required = false): Parameter => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string' },
});

export const site: Parameter = {
  ...query('site', 'The public site key.', { type: 'string', pattern: '^pk_[A-Za-z0-9_-]{1,60}$' }),
  example: 'pk_demo',
};

export const requiredOrigin = header(
  'Origin',
  'One of the site’s allowed origins, or the edge’s own. Browsers send it by themselves.',
  true,
);

export const ifNoneMatch = header('If-None-Match', 'Answers 304 when the ETag is among these.');
