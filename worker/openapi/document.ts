import { ERRORS } from '../../shared/errors.ts';
import { analyticsPaths } from './analytics.ts';
import { healthPaths } from './health.ts';
import { limitsPaths } from './limits.ts';
import { manifestPaths } from './manifest.ts';
import type { Operation, Paths } from './operation.ts';
import { pagesPaths } from './pages.ts';
import { sitesPaths } from './sites.ts';
import { telemetryPaths } from './telemetry.ts';
import { weightsPaths } from './weights.ts';

/** One file of this folder for each group of routes. */
const groups: Paths = {
  ...manifestPaths,
  ...weightsPaths,
  ...telemetryPaths,
  ...limitsPaths,
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

const requestId = { description: 'Cloudflare’s id of the request, or a UUID where there is none.', schema: { type: 'string' } };

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

/** What holds for every operation, so that no group has to say it: an id, and the request's id in each answer. */
function complete(path: string, method: string, operation: Operation): Operation {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const operationId = method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  const responses = Object.entries(operation.responses).map(([status, answer]) => {
    return [status, { ...answer, headers: { ...answer.headers, 'X-Request-Id': { $ref: '#/components/headers/RequestId' } } }] as const;
  });
  return { operationId, ...operation, responses: Object.fromEntries(responses) };
}

const paths: Paths = Object.fromEntries(
  Object.entries(groups).map(([path, item]) => {
    const operations = Object.entries(item).map(([method, operation]) => [method, complete(path, method, operation)] as const);
    return [path, Object.fromEntries(operations)];
  }),
);

const description = `What one Diptych edge answers. The studio's routes take a public site key in \`?site=\`; the operator's take a token.

Refusals are \`application/problem+json\` (RFC 9457) with a stable \`code\`; any path may also answer \`route_not_found\` (404) and \`method_not_allowed\`
(405, with \`Allow\`). Every answer has \`X-Request-Id\`, which a problem repeats as \`request_id\`: by it the operator finds the request in the log.`;

/** The routes of `app.ts`. A test holds every path and every status that the other tests see against it. */
export const openApi = {
  openapi: '3.1.0',
  info: { title: 'Diptych edge', version: '1', description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  servers: [{ url: '/' }],
  tags,
  paths,
  components: { schemas: { Problem: problem }, headers: { RequestId: requestId }, securitySchemes },
};
