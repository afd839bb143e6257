import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { deployedOrigin, untilHealthy } from '../../../models-manifest/cli/deploy/health.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers with each of `answers` in turn, the last again and again. */
async function edge(...answers: { status: number; body: string }[]): Promise<string> {
  let asked = 0;
  server = createServer((request, response) => {
    const { status, body } = request.url === '/healthz' ? answers[Math.min(asked++, answers.length - 1)]! : { status: 404, body: '' };
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server!.listen(0, resolve));
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

const well = { status: 200, body: '{"status":"ok","checks":{"database":"ok"}}' };
const ill = { status: 503, body: '{"status":"unavailable","checks":{"database":"ok","signing":"SIGNING_KEYS is missing. Run: this"}}' };
const SOON = { waitMs: 60, pauseMs: 5 };

test('waits for the new deploy to answer that all is well', async () => {
  const origin = await edge({ status: 404, body: 'There is nothing here yet' }, ill, well);
  await expect(untilHealthy(origin, { waitMs: 5000, pauseMs: 5 })).resolves.toBeUndefined();
});

test.for([
  { what: 'what is missing, with its command', answer: ill, says: 'signing: SIGNING_KEYS is missing. Run: this' },
  { what: 'that it is no edge', answer: { status: 200, body: '<html>' }, says: 'no answer' },
])('says $what', async ({ answer, says }) => {
  await expect(untilHealthy(await edge(answer), SOON)).rejects.toMatchObject({
    code: 'edge_not_ready',
    message: expect.stringContaining(says),
  });
});

test('says when nobody answers', async () => {
  await expect(untilHealthy('http://localhost:1', SOON)).rejects.toThrow('http://localhost:1/healthz: no answer');
});

describe('where the Worker answers', () => {
  const printed = 'Deployed diptych-staging triggers (1.2 sec)\n  https://diptych-staging.someone.workers.dev\n  schedule: 17 * * * *\n';
  test.for([
    { routes: undefined, printed, origin: 'https://diptych-staging.someone.workers.dev' },
    { routes: [{ pattern: 'edge.example.com', custom_domain: true }], printed, origin: 'https://edge.example.com' },
    { routes: [{ pattern: 'example.com/*', zone_name: 'example.com' }], printed: 'no address', origin: undefined },
  ])('$origin', ({ routes, printed: text, origin }) => {
    expect(deployedOrigin(routes, text)).toBe(origin);
  });
});
