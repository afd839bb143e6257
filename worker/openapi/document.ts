import { ERRORS } from '../../shared/errors.ts';
import { analyticsPaths } from './analytics.ts';
import { healthPaths } from './health.ts';
import { manifestPaths } from './manifest.ts';
import type { Paths } from './operation.ts';
import { pagesPaths } from './pages.ts';
import { sitesPaths } from './sites.ts';
import { telemetryPaths } from './telemetry.ts';
import { weightsPaths } from './weights.ts';

/** One file of this folder for each group of routes. */
const paths: Paths = {
  ...manifestPaths,
  ...weightsPaths,
  ...telemetryPaths,
  ...sitesPaths,
  ...analyticsPaths,
  ...pagesPaths,
  ...healthPaths,
};

const problem = {
  type: 'object',
  description: 'RFC 9457. Further members are the details of the code.',
  required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { enum: Object.keys(ERRORS) },
    detail: { type: 'string' },
    request_id: { type: 'string', description: 'As in `X-Request-Id`, and in the edge’s log.' },
  },
};

const tags = [
  { name: 'Studio', description: 'What the studio asks for while a visitor uses it.' },
  { name: 'Admin', description: 'Sites, keys, limits and usage; for the operator.' },
  { name: 'Pages', description: 'What a browser shows.' },
  { name: 'Operation', description: 'The edge about itself.' },
];

const securitySchemes = {
  adminToken: { type: 'http', scheme: 'bearer', description: 'The secret ADMIN_TOKEN.' },
  adminAccess: {
    type: 'apiKey',
    in: 'header',
    name: 'Cf-Access-Jwt-Assertion',
    description: 'The JWT that Cloudflare Access adds to what it lets through.',
  },
};

/** The routes of `app.ts`. A test holds every path and every status that the other tests see against it. */
export const openApi = {
  openapi: '3.1.0',
  info: { title: 'Diptych edge', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  tags,
  paths,
  components: { schemas: { Problem: problem }, securitySchemes },
};
