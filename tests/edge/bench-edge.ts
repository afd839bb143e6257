/** The edge, and below `/bare` a plain handler that returns the same bytes from the same bucket: what `npm run bench -- edge` compares. */
import type { Env } from '../../worker/env.ts';
import edge from '../../worker/index.ts';

export { Quotas } from '../../worker/index.ts';

const BARE = '/bare/';

/** Where the answers lie that are no file of the store. */
const ANSWERS: Record<string, string> = {
  manifest: 'catalogue/manifest.json',
  downloads: 'bench/downloads.json',
  healthz: 'bench/healthz.json',
};

async function bare(request: Request, { WEIGHTS, TELEMETRY }: Env): Promise<Response> {
  const [what, sha256] = new URL(request.url).pathname.slice(BARE.length).split('/');
  if (what === 'telemetry') {
    await TELEMETRY.send(await request.json());
    return new Response(null, { status: 202 });
  }
  if (what === 'weights') {
    const object = await WEIGHTS.get(`blobs/${sha256}`, { range: request.headers });
    return new Response(object!.body, { status: 206 });
  }
  return new Response((await WEIGHTS.get(ANSWERS[what!]!))!.body, { headers: { 'content-type': 'application/json' } });
}

export default {
  fetch: (request, env, context) =>
    new URL(request.url).pathname.startsWith(BARE) ? bare(request, env) : edge.fetch(request, env, context),
  // What was sent is not counted here: the bench is of requests.
  queue: async (batch) => batch.ackAll(),
} satisfies ExportedHandler<Env>;
