import type { ErrorCode } from '../../shared/errors.ts';
import { AUDIT_ACTIONS, DEFAULT_PAGE, MAX_PAGE } from '../../shared/site-settings.ts';
import { ADMIN_CODES, ADMIN_SECURITY, json, refusals } from './answers.ts';
import type { Answer, Operation, Parameter, Paths } from './operation.ts';
import { header, path, query } from './parameters.ts';

const CHANGE_CODES = [...ADMIN_CODES, 'request_invalid', 'payload_too_large'] as const;
const CATALOGUE_CODES = ['not_in_catalogue', 'catalogue_missing', 'manifest_invalid'] as const;

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const orNull = (schema: { type: string }) => ({ ...schema, type: [schema.type, 'null'] });
const list = { type: 'array', items: text };
const count = { type: 'integer', minimum: 0 };
const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  required,
  properties,
  additionalProperties: false,
});

const settings = {
  name: { type: 'string', minLength: 1, maxLength: 100 },
  origins: { ...list, description: '`https://shop.example`, `https://*.shop.example` (its subdomains) or `http://localhost:*`.' },
  models: { ...orNull(list), description: 'Ids of the catalogue; null: all.' },
  loras: { ...orNull(list), description: 'Ids of the catalogue; null: all.' },
  dailyBytes: { ...orNull(count), description: 'Bytes of weights, a UTC day; null: unlimited.' },
  dailyGenerations: { ...orNull(count), description: 'Pictures, a UTC day; null: unlimited.' },
  disabled: { type: 'boolean' },
};
const siteId = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' };
const key = object({ key: text, created: instant, expires: orNull(instant) });
const site = object({ id: siteId, ...settings, created: instant, keys: { type: 'array', items: key } });
const cursor = { ...orNull(text), description: 'Of the next page; null: there is none.' };
const entry = object({
  id: { type: 'integer' },
  at: instant,
  actor: text,
  action: { enum: AUDIT_ACTIONS },
  site: text,
  details: { type: 'object' },
  requestId: orNull(text),
});

const DEMO = {
  id: 'my-shop',
  name: 'My shop',
  origins: ['https://shop.example'],
  models: null,
  loras: ['pip', 'knit'],
  dailyBytes: 50_000_000_000,
  dailyGenerations: null,
  disabled: false,
  created: '2026-11-23T09:00:00.000Z',
  keys: [{ key: 'pk_5f0c1b2a3d4e5f60718293a4', created: '2026-11-23T09:00:00.000Z', expires: null }],
};

const etag = { ETag: { schema: text, description: 'For If-Match.' } };
const siteAnswer = (description: string): Answer => ({ description, headers: etag, content: json(site, DEMO) });
const id = path('id', 'The site’s id.', siteId);
const ifMatch = header('If-Match', 'Refuses with 412 when the site’s ETag is another one by now.');
const page: Parameter[] = [
  query('limit', 'At most so many.', { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE }, false),
  query('cursor', 'Of the page before.', text, false),
];
const body = (schema: object, example: unknown) => ({ required: true, content: json(schema, example) });
const operation = (rest: Omit<Operation, 'tags' | 'security'>): Operation => ({ tags: ['Admin'], security: ADMIN_SECURITY, ...rest });

const audit = (of: string, parameters: Parameter[], codes: readonly ErrorCode[]): Operation =>
  operation({
    summary: `What was done to ${of}, the newest first`,
    parameters,
    responses: {
      200: { description: 'A page of the audit.', content: json(object({ entries: { type: 'array', items: entry }, cursor })) },
      ...refusals(codes),
    },
  });

export const sitesPaths: Paths = {
  '/v1/sites': {
    get: operation({
      summary: 'The sites, by id',
      parameters: page,
      responses: {
        200: {
          description: 'A page of them.',
          content: json(object({ sites: { type: 'array', items: site }, cursor }), { sites: [DEMO], cursor: null }),
        },
        ...refusals([...ADMIN_CODES, 'request_invalid']),
      },
    }),
    post: operation({
      summary: 'Creates a site with its first key',
      requestBody: body(object({ id: siteId, ...settings }, ['name']), {
        id: 'my-shop',
        name: 'My shop',
        origins: ['https://shop.example'],
      }),
      responses: {
        201: { ...siteAnswer('The site.'), headers: { ...etag, Location: { schema: text } } },
        ...refusals([...CHANGE_CODES, ...CATALOGUE_CODES, 'site_exists']),
      },
    }),
  },
  '/v1/sites/{id}': {
    get: operation({
      summary: 'A site',
      parameters: [id],
      responses: { 200: siteAnswer('The site.'), ...refusals([...ADMIN_CODES, 'site_not_found']) },
    }),
    patch: operation({
      summary: 'Changes what the body names',
      description: 'It is seen everywhere after 15 seconds.',
      parameters: [id, ifMatch],
      requestBody: body(object(settings, []), { disabled: true }),
      responses: {
        200: siteAnswer('The site, as it is now.'),
        ...refusals([...CHANGE_CODES, ...CATALOGUE_CODES, 'site_not_found', 'site_changed']),
      },
    }),
  },
  '/v1/sites/{id}/keys': {
    post: operation({
      summary: 'Rotates its key',
      description: 'There is a new key at once; those so far are accepted for `overlap` seconds more, 7 days unless given.',
      parameters: [id, ifMatch],
      requestBody: body(object({ overlap: { type: 'integer', minimum: 0, maximum: 7_776_000, default: 604_800 } }, []), {
        overlap: 86_400,
      }),
      responses: {
        201: { description: 'The new key, and the site.', headers: etag, content: json(object({ key: text, site })) },
        ...refusals([...CHANGE_CODES, 'site_not_found', 'site_changed']),
      },
    }),
  },
  '/v1/sites/{id}/keys/{key}': {
    delete: operation({
      summary: 'Revokes a key',
      description: 'It is refused everywhere after 15 seconds.',
      parameters: [id, path('key', 'The key.'), ifMatch],
      responses: {
        200: siteAnswer('The site, without that key.'),
        ...refusals([...ADMIN_CODES, 'site_not_found', 'site_key_not_found', 'site_changed']),
      },
    }),
  },
  '/v1/sites/{id}/audit': { get: audit('a site', [id, ...page], [...ADMIN_CODES, 'request_invalid', 'site_not_found']) },
  '/v1/audit': { get: audit('any site', page, [...ADMIN_CODES, 'request_invalid']) },
};
