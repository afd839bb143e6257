import type { TelemetryBatch } from '../../shared/telemetry.ts';

/** Totals that anybody could add up by hand. Shares and scores in whole millionths, each event's rounded. */
export interface Totals {
  events: number;
  duration_ms: number;
  bytes: number;
  cached_bytes: number;
  steps: number;
  subject_share_e6: number;
  score_subject_e6: number;
}

/** Of each site and event, by the name `site event`, from what was sent. */
export function totalsOf(batches: readonly { site: string; batch: TelemetryBatch }[]): Record<string, Totals> {
  const totals: Record<string, Totals> = {};
  for (const { site, batch } of batches)
    for (const event of batch.events) {
      const sum = (totals[`${site} ${event.event}`] ??= {
        events: 0,
        duration_ms: 0,
        bytes: 0,
        cached_bytes: 0,
        steps: 0,
        subject_share_e6: 0,
        score_subject_e6: 0,
      });
      sum.events += 1;
      sum.duration_ms += event.duration_ms ?? 0;
      sum.bytes += event.bytes ?? 0;
      sum.cached_bytes += event.cached_bytes ?? 0;
      sum.steps += event.steps ?? 0;
      sum.subject_share_e6 += Math.round((event.subject_share ?? 0) * 1e6);
      sum.score_subject_e6 += Math.round((event.score_subject ?? 0) * 1e6);
    }
  return totals;
}
