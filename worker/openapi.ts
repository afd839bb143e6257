import { type ErrorCode, ERRORS } from '../shared/errors.ts';
import { MAX_BATCH_EVENTS, MAX_EVENT_AGE_MS, MAX_TELEMETRY_BYTES } from '../shared/telemetry-limits.ts';
import { TELEMETRY_COLUMNS, TELEMETRY_EVENTS } from '../shared/telemetry.ts';
import { MAX_HASHES } from './routes/downloads.ts';

interface Answer {
  description: string;
  headers?: Record<string, { schema: object; description?: string }>;
  content?: Record<string, { schema: object }>;
}

interface Operation {
  summary: string;
  description?: string;
  parameters?: { name: string; in: 'query' | 'path' | 'header'; required: boolean; description: string; schema: object }[];
  requestBody?: { required: true; content: Record<string, { schema: object }> };
  responses: Record<string, Answer>;
}

const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const seconds = { type: 'integer', description: 'Seconds since 1970.' };
const json = (schema: object) => ({ 'application/json': { schema } });
const html = { 'text/html': { schema: { type: 'string' } } };
const file = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

const query = (name: string, description: string, schema: object = { type: 'string' }) =>
  ({ name, in: 'query', required: true, description, schema }) as const;
const header = (name: string, description: string, required = false) =>
  ({ name, in: 'header', required, description, schema: { type: 'string' } }) as const;

const site = query('site', 'The public site key.', { type: 'string', pattern: '^pk_[A-Za-z0-9_-]{1,60}$' });
const requiredOrigin = header('Origin', 'One of the site’s allowed origins, or the edge’s own. Browsers send it by themselves.', true);
const ifNoneMatch = header('If-None-Match', 'Answers 304 when the ETag is among these.');

const SITE_CODES = ['site_key_missing', 'site_unknown', 'site_disabled', 'edge_not_ready', 'internal'] as const;

/** The answers of these codes, one for each status, as problem+json or another type. */
function refusals(codes: readonly ErrorCode[], content?: Answer['content']): Record<string, Answer> {
  const byStatus = Map.groupBy(codes, (code) => String(ERRORS[code].status));
  const answer = (list: readonly ErrorCode[]): Answer => ({
    description: list.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    content: content ?? { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
  return Object.fromEntries([...byStatus].map(([status, list]) => [status, answer(list)]));
}

const weightsParameters: Operation['parameters'] = [
  { name: 'sha256', in: 'path', required: true, description: 'The file’s name: the SHA-256 of its content.', schema: sha256 },
  site,
  query('exp', 'When the address expires, in seconds since 1970; at most 24 h ahead.', seconds),
  query('kid', 'Which key signed it.'),
  query('sig', '`<site>.<mac>`, see docs/signing.md.'),
  ifNoneMatch,
];

const wholeFile: Answer = {
  description: 'The whole file.',
  headers: {
    ETag: { schema: { type: 'string' }, description: 'The SHA-256, quoted.' },
    'Accept-Ranges': { schema: { const: 'bytes' } },
    'Content-Length': { schema: { type: 'integer' } },
  },
};

const weightsRefusals = refusals([
  'signature_missing',
  'signature_invalid',
  'signature_expired',
  'signature_other_site',
  'site_unknown',
  'site_disabled',
  'blob_not_found',
  'edge_not_ready',
  'internal',
]);

const JSON_TYPES = { TEXT: 'string', INTEGER: 'integer', REAL: 'number' } as const;

const telemetryEvent = {
  type: 'object',
  required: ['event', 'age_ms'],
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(Object.entries(TELEMETRY_COLUMNS).map(([name, { sql }]) => [name, { type: JSON_TYPES[sql] }])),
    event: { enum: TELEMETRY_EVENTS },
    age_ms: { type: 'integer', minimum: 0, maximum: MAX_EVENT_AGE_MS, description: 'How long before the batch was sent.' },
  },
};

const telemetryBatch = {
  type: 'object',
  required: ['batch', 'events'],
  additionalProperties: false,
  properties: {
    batch: { type: 'string', format: 'uuid', description: 'Fresh and random for each batch; a batch sent twice counts once.' },
    events: { type: 'array', minItems: 1, maxItems: MAX_BATCH_EVENTS, items: telemetryEvent },
  },
};

const paths: Record<string, Partial<Record<'get' | 'head' | 'post', Operation>>> = {
  '/v1/manifest': {
    get: {
      summary: 'The catalogue of models and LoRAs',
      description: 'Its form is `Manifest` in shared/manifest.ts.',
      parameters: [site, header('Origin', 'If sent, it must be one of the site’s allowed origins.'), ifNoneMatch],
      responses: {
        200: {
          description: 'The catalogue.',
          headers: { ETag: { schema: { type: 'string' } } },
          content: json({ type: 'object', required: ['version', 'models', 'loras'] }),
        },
        304: { description: 'It has not changed.' },
        ...refusals([...SITE_CODES, 'origin_not_allowed', 'catalogue_missing', 'manifest_invalid']),
      },
    },
  },
  '/v1/downloads': {
    post: {
      summary: 'Signed, expiring addresses of files',
      parameters: [site, requiredOrigin],
      requestBody: {
        required: true,
        content: json({
          type: 'object',
          required: ['hashes'],
          additionalProperties: false,
          properties: { hashes: { type: 'array', minItems: 1, maxItems: MAX_HASHES, items: sha256 } },
        }),
      },
      responses: {
        200: {
          description: 'One address for each different hash, in the order of the request.',
          content: json({
            type: 'object',
            required: ['expires', 'downloads'],
            properties: {
              expires: seconds,
              downloads: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['sha256', 'bytes', 'url'],
                  properties: { sha256, bytes: { type: 'integer' }, url: { type: 'string', format: 'uri' } },
                },
              },
            },
          }),
        },
        ...refusals([
          ...SITE_CODES,
          'origin_not_allowed',
          'request_invalid',
          'payload_too_large',
          'not_in_catalogue',
          'catalogue_missing',
          'manifest_invalid',
        ]),
      },
    },
  },
  '/v1/weights/{sha256}': {
    get: {
      summary: 'A file of the store',
      parameters: [
        ...weightsParameters,
        header('Range', 'One range of bytes. Several, or malformed ones, are ignored.'),
        header('If-Range', 'The range holds only for this ETag.'),
      ],
      responses: {
        200: { ...wholeFile, content: file },
        206: {
          description: 'The range asked for.',
          headers: { ...wholeFile.headers, 'Content-Range': { schema: { type: 'string' } } },
          content: file,
        },
        304: { description: 'The file is the one that the client has.' },
        ...weightsRefusals,
        ...refusals(['range_not_satisfiable']),
      },
    },
    head: {
      summary: 'Size and ETag of a file of the store',
      parameters: weightsParameters,
      responses: { 200: wholeFile, 304: { description: 'The file is the one that the client has.' }, ...weightsRefusals },
    },
  },
  '/v1/telemetry': {
    post: {
      summary: 'Records a batch of events',
      description: `At most ${MAX_TELEMETRY_BYTES} bytes, as \`navigator.sendBeacon\` sends them. Fields that are not listed are refused.`,
      parameters: [site, requiredOrigin],
      requestBody: { required: true, content: { ...json(telemetryBatch), 'text/plain': { schema: telemetryBatch } } },
      responses: {
        202: { description: 'Taken; it is written soon. Not written where `Sec-GPC: 1` or `DNT: 1` came with it.' },
        ...refusals([...SITE_CODES, 'origin_not_allowed', 'request_invalid', 'payload_too_large']),
      },
    },
  },
  '/embed/studio': {
    get: {
      summary: 'The studio page, for the site’s own pages to frame',
      description: 'A refusal is a small page that posts `{type: "diptych-refused", code, message}` to the page that frames it.',
      parameters: [site],
      responses: {
        200: { description: 'The page.', content: html },
        ...refusals(['site_key_missing', 'site_unknown', 'site_disabled', 'origin_not_allowed', 'edge_not_ready'], html),
        ...refusals(['internal']),
      },
    },
  },
  '/openapi.json': {
    get: { summary: 'This document', responses: { 200: { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) } } },
  },
  '/healthz': {
    get: {
      summary: 'Whether everything that the edge needs is bound and answers',
      responses: {
        200: { description: 'All is well.', content: health() },
        503: { description: 'Something is missing.', content: health() },
      },
    },
  },
};

function health(): NonNullable<Answer['content']> {
  return json({
    type: 'object',
    required: ['status', 'checks'],
    properties: {
      status: { enum: ['ok', 'unavailable'] },
      checks: { type: 'object', additionalProperties: { type: 'string', description: '`ok`, or what is wrong and how to mend it.' } },
    },
  });
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457. Further members are the details of the code.',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { enum: Object.keys(ERRORS) },
    detail: { type: 'string' },
  },
};

/** The routes of `app.ts`. A test holds every path and every status that the other tests see against it. */
export const openApi = {
  openapi: '3.1.0',
  info: { title: 'Diptych edge', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  paths,
  components: { schemas: { Problem: problemSchema } },
};
