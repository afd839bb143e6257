import { expect, test } from 'vitest';
import { createApp } from '../../worker/app.ts';
import { openApi } from '../../worker/openapi/document.ts';
import { fetchEdge } from './fetch-edge.ts';

test('documents exactly the routes of the app', () => {
  const routes = createApp()
    .routes.filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  const documented = Object.entries(openApi.paths).flatMap(([path, item]) =>
    Object.keys(item)
      // The app answers HEAD wherever it answers GET.
      .filter((method) => method !== 'head')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
});

test('is served as it is, to any page', async () => {
  const response = await fetchEdge('/openapi.json');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApi)));
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(openApi).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
  expect(references.length).toBeGreaterThan(0);
  for (const name of references) expect(openApi.components.schemas).toHaveProperty(name);
});
