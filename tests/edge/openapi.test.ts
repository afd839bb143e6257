import * as v from 'valibot';
import { expect, test } from 'vitest';
import { type ErrorCode, ERRORS } from '../../shared/errors.ts';
import { ADMIN_PATHS } from '../../worker/admin/admin-access.ts';
import { createApp } from '../../worker/app.ts';
import { openApi } from '../../worker/openapi/document.ts';
import { fetchEdge } from './fetch-edge.ts';
import { faults } from './json-schema.ts';
import { OpenApiDocument } from './openapi-structure.ts';

const operations = Object.entries(openApi.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, method, operation })),
);

test('documents exactly the routes of the app', () => {
  const routes = createApp()
    .routes.filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  // The app answers HEAD wherever it answers GET.
  const documented = operations.filter(({ method }) => method !== 'head').map(({ name }) => name);
  expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
});

test('is served as it is, to any page', async () => {
  const response = await fetchEdge('/openapi.json');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApi)));
});

test('is made of OpenAPI 3.1’s objects and fields', () => {
  const { issues = [] } = v.safeParse(OpenApiDocument, JSON.parse(JSON.stringify(openApi)));
  expect(issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`)).toEqual([]);
});

test('every reference leads somewhere, and nothing of the components is unused', () => {
  const text = JSON.stringify(openApi);
  const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)].map(([, kind, name]) => `${kind}/${name}`));
  for (const { operation } of operations)
    for (const scheme of operation.security?.flatMap(Object.keys) ?? []) referred.add(`securitySchemes/${scheme}`);
  const defined = Object.entries(openApi.components).flatMap(([kind, members]) => Object.keys(members).map((name) => `${kind}/${name}`));
  expect([...referred].toSorted()).toEqual(defined.toSorted());
});

test('every id is unique, and every tag is described and used', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...new Set(operations.flatMap(({ operation }) => operation.tags))].toSorted()).toEqual(
    openApi.tags.map(({ name }) => name).toSorted(),
  );
});

test.for(operations)('$name: its path’s parameters, once each', ({ path, operation: { parameters = [] } }) => {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const declared = parameters.filter((parameter) => parameter.in === 'path');
  expect(declared.map(({ name }) => name).toSorted()).toEqual(inPath.toSorted());
  expect(declared.every(({ required }) => required)).toBe(true);
  const names = parameters.map((parameter) => `${parameter.in} ${parameter.name.toLowerCase()}`);
  expect(new Set(names).size).toBe(names.length);
});

/** What is written to, and what has nothing to say beside its status. */
const TAKES_BODY = new Set(['post', 'put', 'patch']);
const SILENT = new Set(['202', '204', '304']);

test.for(operations)('$name: a body where there is one', ({ method, operation: { requestBody, responses } }) => {
  expect(TAKES_BODY.has(method) || requestBody === undefined).toBe(true);
  const successes = Object.entries(responses).filter(([status]) => Number(status) < 400);
  expect(successes.length).toBeGreaterThan(0);
  for (const [status, { content }] of successes) expect(content !== undefined, status).toBe(method !== 'head' && !SILENT.has(status));
});

test.for(operations)('$name: every refusal names codes, each of its status', ({ path, operation }) => {
  const refusals = Object.entries(operation.responses).filter(([status]) => Number(status) >= 400 && path !== '/healthz');
  for (const [status, { description }] of refusals) {
    const codes = [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => code as ErrorCode);
    expect(codes.length, status).toBeGreaterThan(0);
    expect(codes.filter((code) => ERRORS[code].status !== Number(status))).toEqual([]);
  }
});

const guarded = (path: string): boolean =>
  ADMIN_PATHS.some((pattern) => path === pattern || (pattern.endsWith('/*') && `${path}/`.startsWith(pattern.slice(0, -1))));

test.for(operations)('$name: says that it takes a token exactly where it does', ({ path, operation }) => {
  expect(Boolean(operation.security)).toBe(guarded(path));
  expect(operation.tags[0] === 'Admin').toBe(guarded(path));
});

test('every example is of its schema', () => {
  const { Problem } = openApi.components.schemas;
  const examples = operations.flatMap(({ name, operation }) => [
    ...(operation.parameters ?? []).map(({ schema, example }) => ({ where: name, schema, example })),
    ...[operation.requestBody, ...Object.values(operation.responses)].flatMap((holder) =>
      Object.values(holder?.content ?? {}).map(({ schema, example }) => ({
        where: name,
        schema: '$ref' in schema ? Problem : schema,
        example,
      })),
    ),
  ]);
  const given = examples.filter(({ example }) => example !== undefined);
  expect(given.length).toBeGreaterThan(20);
  const wrong = given.flatMap(({ where, schema, example }) =>
    faults(schema as Record<string, unknown>, example).map((fault) => where + fault),
  );
  expect(wrong).toEqual([]);
});

test.for([
  { schema: { type: 'integer', minimum: 1 }, good: [1, 2], bad: [0, 1.5, '1', null] },
  { schema: { type: ['string', 'null'], pattern: '^a' }, good: ['ab', null], bad: ['b', 1] },
  { schema: { enum: ['a', 'b'] }, good: ['a'], bad: ['c', undefined] },
  { schema: { type: 'array', minItems: 1, items: { const: 1 } }, good: [[1], [1, 1]], bad: [[], [2], {}] },
  {
    schema: { type: 'object', required: ['a'], properties: { a: { type: 'string' } }, additionalProperties: false },
    good: [{ a: '' }],
    bad: [{}, { a: 1 }, { a: '', b: 1 }, []],
  },
])('the checker itself: $schema', ({ schema, good, bad }) => {
  for (const value of good) expect(faults(schema, value)).toEqual([]);
  for (const value of bad) expect(faults(schema, value)).not.toEqual([]);
});
