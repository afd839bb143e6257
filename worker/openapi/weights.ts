import { MAX_HASHES } from '../routes/downloads.ts';
import { json, refusals, SITE_CODES } from './answers.ts';
import type { Answer, Content, Parameter, Paths } from './operation.ts';
import { header, ifNoneMatch, path, query, requiredOrigin, sha256, site } from './parameters.ts';

const seconds = { type: 'integer', description: 'Seconds since 1970.' };
const file: Content = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
const EXAMPLE_HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const weightsParameters: Parameter[] = [
  { ...path('sha256', 'The file’s name: the SHA-256 of its content.', sha256), example: EXAMPLE_HASH },
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
    'Cross-Origin-Resource-Policy': { schema: { const: 'cross-origin' } },
    'Timing-Allow-Origin': { schema: { type: 'string' }, description: 'The page of the site that asks, where one does.' },
  },
};

const weightsRefusals = refusals([
  'signature_missing',
  'signature_invalid',
  'signature_expired',
  'signature_other_site',
  'site_unknown',
  'site_disabled',
  'rate_limited',
  'blob_not_found',
  'edge_not_ready',
  'internal',
]);

const downloads = {
  type: 'object',
  required: ['expires', 'downloads'],
  properties: {
    expires: seconds,
    downloads: {
      type: 'array',
      items: {
        type: 'object',
        required: ['sha256', 'bytes', 'url'],
        properties: {
          sha256,
          bytes: { type: 'integer' },
          url: { type: 'string', format: 'uri', description: 'On this edge, or, where the operator has set it so, of the bucket itself.' },
        },
      },
    },
  },
};

export const weightsPaths: Paths = {
  '/v1/downloads': {
    post: {
      summary: 'Signed, expiring addresses of files',
      tags: ['Studio'],
      parameters: [site, requiredOrigin],
      requestBody: {
        required: true,
        content: json(
          {
            type: 'object',
            required: ['hashes'],
            additionalProperties: false,
            properties: { hashes: { type: 'array', minItems: 1, maxItems: MAX_HASHES, items: sha256 } },
          },
          { hashes: [EXAMPLE_HASH] },
        ),
      },
      responses: {
        200: { description: 'One address for each different hash, in the order of the request.', content: json(downloads) },
        ...refusals([
          ...SITE_CODES,
          'origin_not_allowed',
          'request_invalid',
          'payload_too_large',
          'not_in_catalogue',
          'quota_exceeded',
          'catalogue_missing',
          'manifest_invalid',
        ]),
      },
    },
  },
  '/v1/weights/{sha256}': {
    get: {
      summary: 'A file of the store',
      tags: ['Studio'],
      parameters: [
        ...weightsParameters,
        header('Range', 'One range of bytes, the last of them (`bytes=-100`) too. Several, or malformed ones, are ignored.'),
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
      tags: ['Studio'],
      parameters: weightsParameters,
      responses: { 200: wholeFile, 304: { description: 'The file is the one that the client has.' }, ...weightsRefusals },
    },
  },
};
