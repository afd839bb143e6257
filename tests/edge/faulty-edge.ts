/** The edge, whose consumer of telemetry fails and is killed again and again: what `npm run bench -- telemetry` sends through the real queue. */
import type { Env } from '../../worker/env.ts';
import edge from '../../worker/index.ts';
import { deadlyAt, failing, Killed } from './faults.ts';
import { histogramsThatDiffer, hoursThatDiffer, totalsOfEvents, totalsOfHours } from './telemetry-totals.ts';
import { randomNumbers } from './telemetry-traffic.ts';

export { Quotas } from '../../worker/index.ts';

const random = randomNumbers(5);
const faults = { kills: 0, before: 0, after: 0 };
let delivered = 0;

async function queue(batch: MessageBatch, env: Env): Promise<void> {
  delivered += batch.messages.length;
  if (batch.queue.endsWith('-dead')) return edge.queue(batch, env);
  const bindings = { ...env, DB: failing(env.DB, random, faults) };
  if (random() > 0.1) return edge.queue(batch, bindings);
  faults.kills++;
  const messages = deadlyAt(batch.messages, Math.floor(random() * batch.messages.length), random() < 0.5 ? 'read' : 'ack');
  await edge.queue({ queue: batch.queue, messages } as unknown as MessageBatch, bindings);
  throw new Killed();
}

async function report(db: D1Database): Promise<object> {
  return {
    events: await totalsOfEvents(db),
    hours: await totalsOfHours(db),
    differences: (await hoursThatDiffer(db)) + (await histogramsThatDiffer(db)),
    dead: await db.prepare('SELECT COUNT(*) AS dead FROM telemetry_dead').first('dead'),
    delivered,
    faults,
  };
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/bench/report') return Response.json(await report(env.DB));
    if (pathname !== '/bench/progress') return edge.fetch(request, env, context);
    return Response.json({ delivered, batches: await env.DB.prepare('SELECT COUNT(*) AS n FROM telemetry_batches').first('n') });
  },
  queue,
} satisfies ExportedHandler<Env>;
