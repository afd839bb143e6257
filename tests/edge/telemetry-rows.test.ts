/** What a visit's telemetry writes into the database: the costs in docs/operate.md are worked out from these. */
import { createMessageBatch } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { TELEMETRY } from '../../models-manifest/cli/deploy/costs.ts';
import type { TelemetryEvent } from '../../shared/telemetry.ts';
import { consumeTelemetry } from '../../worker/queue/telemetry-consumer.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 30);
const run = { model: 'demo', subject: 'pip', style: 'knit', rule: 'kl', steps: 20 } as const;
const engine = { backend: 'webgpu', gpu_vendor: 'nvidia', gpu_architecture: 'ampere' } as const;

/** As the studio records them (client/embed/studio/recorder.ts): of its opening, and of each run. */
const OPENING: TelemetryEvent[] = [
  { event: 'view', age_ms: 12_000 },
  { event: 'consent', age_ms: 10_000, bytes: 11_000_000, model: 'demo' },
  { event: 'ready', age_ms: 11_000, duration_ms: 400, ...engine },
];
const PICTURE: TelemetryEvent[] = [
  { event: 'generate_start', age_ms: 9000, ...run, ...engine },
  { event: 'download', age_ms: 1, duration_ms: 800, bytes: 11_000_000, cached_bytes: 0, model: 'demo' },
  { event: 'generate_step_summary', age_ms: 1, duration_ms: 400, ...run, ...engine },
  { event: 'generate_complete', age_ms: 1, duration_ms: 9000, ...run, ...engine },
];

/** Rows that D1 says it wrote, indexes included, for one message of these events. */
async function rowsWritten(events: TelemetryEvent[]): Promise<number> {
  let written = 0;
  const DB = {
    prepare: env.DB.prepare.bind(env.DB),
    async batch(statements: D1PreparedStatement[]) {
      const results = await env.DB.batch(statements);
      written += results.reduce((sum, { meta }) => sum + meta.rows_written, 0);
      return results;
    },
  } as unknown as D1Database;
  const body = { site: 'pk_page', received: NOW, batch: { batch: crypto.randomUUID(), events } };
  const message = { id: crypto.randomUUID(), timestamp: new Date(NOW), attempts: 1, body };
  await consumeTelemetry(createMessageBatch<unknown>('diptych-telemetry', [message]), { ...env, DB }, () => NOW);
  return written;
}

test('a picture, and what a visit’s first one has more', async () => {
  expect([OPENING.length, PICTURE.length]).toEqual([TELEMETRY.opening.events, TELEMETRY.picture.events]);
  const first = await rowsWritten([...OPENING, ...PICTURE]);
  const next = await rowsWritten(PICTURE);
  expect({ picture: next, opening: first - next }).toEqual({
    picture: TELEMETRY.picture.rowsWritten,
    opening: TELEMETRY.opening.rowsWritten,
  });
});

test('all of its events and its batch are deleted when they are old', async () => {
  for (const table of ['telemetry_events', 'telemetry_batches']) await env.DB.prepare(`DELETE FROM ${table}`).run();
  const deleted = async () => {
    const results = await env.DB.batch(['telemetry_events', 'telemetry_batches'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
    return results.reduce((sum, { meta }) => sum + meta.rows_written, 0);
  };
  await rowsWritten([...OPENING, ...PICTURE]);
  const first = await deleted();
  await rowsWritten(PICTURE);
  const next = await deleted();
  expect({ picture: next, opening: first - next }).toEqual({
    picture: TELEMETRY.picture.rowsDeleted,
    opening: TELEMETRY.opening.rowsDeleted,
  });
});
