import { expect, test } from 'vitest';
import { AdminApi } from '../../../client/admin/admin-api.ts';

const problem = JSON.stringify({ code: 'site_not_found', detail: 'There is no site nobody.' });
const CASES: { name: string; answer: () => Response; code: string; message: RegExp }[] = [
  {
    name: 'a problem of the edge',
    answer: () => new Response(problem, { status: 404 }),
    code: 'site_not_found',
    message: /no site nobody/,
  },
  {
    name: 'the error page of a proxy',
    answer: () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
    code: 'edge_unreachable',
    message: /answered 502/,
  },
  {
    name: 'a page instead of an answer',
    answer: () => new Response('<h1>Welcome</h1>'),
    code: 'edge_unreachable',
    message: /^\/v1\/sites answered something that is not JSON/,
  },
];

test.for(CASES)('$name is told as $code', async ({ answer, code, message }) => {
  const api = new AdminApi(
    async () => answer(),
    () => undefined,
  );
  await expect(api.json('/v1/sites?limit=1')).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('an answer that is aborted while it is read is an abort, not an error', async () => {
  const asking = new AbortController();
  const body = new ReadableStream({ pull: (controller) => controller.error(asking.signal.reason) }, { highWaterMark: 0 });
  const api = new AdminApi(
    async () => {
      asking.abort();
      return new Response(body);
    },
    () => undefined,
  );
  await expect(api.json('/v1/sites', { signal: asking.signal })).rejects.toMatchObject({ name: 'AbortError' });
});
