import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { SEEDED_SITES } from '../../../models-manifest/cli/demo/seeded-traffic/audience.ts';
import { RandomSource } from '../../../models-manifest/cli/demo/seeded-traffic/random-source.ts';
import { seededMessages } from '../../../models-manifest/cli/demo/seeded-traffic/seeded-messages.ts';
import { pairsOf } from '../../../models-manifest/cli/demo/seeded-traffic/visit-events.ts';
import { TelemetryEvent } from '../../../shared/telemetry.ts';

const DAY_MS = 86_400_000;
/** A Thursday at 15:20; the first day is a Monday. */
const PERIOD = { start: Date.UTC(2026, 7, 31), end: Date.UTC(2026, 10, 26, 15, 20) };
const VISITS = 6000;
const LORAS = [
  { id: 'pip', kind: 'subject' },
  { id: 'zorp', kind: 'subject' },
  { id: 'knit', kind: 'style' },
  { id: 'riso', kind: 'style' },
] as const;

const messagesOf = (seed: number) => seededMessages(seed, PERIOD, VISITS, pairsOf(new RandomSource(seed), LORAS));
const messages = messagesOf(1);
const events = messages.flatMap(({ site, received, batch }) =>
  batch.events.map((event) => ({ site, at: received - event.age_ms, ...event })),
);
const count = (passes: (event: (typeof events)[number]) => boolean): number => events.filter(passes).length;
const dayOf = (at: number): number => Math.floor((at - PERIOD.start) / DAY_MS);

describe('seeded traffic', () => {
  test('is the same for the same seed, and other for another', () => {
    expect(messagesOf(1)).toEqual(messages);
    expect(messagesOf(2)).not.toEqual(messages);
  });

  test('has as many visits as were asked for, all within the period, every event of the schema and every message of one day', () => {
    expect(count(({ event }) => event === 'view')).toBe(VISITS);
    expect(count(({ at }) => at < PERIOD.start || at >= PERIOD.end)).toBe(0);
    const schema = v.array(TelemetryEvent);
    for (const { received, batch } of messages) {
      v.parse(schema, batch.events);
      expect(new Set(batch.events.map(({ age_ms }) => dayOf(received - age_ms))).size).toBe(1);
    }
    expect(new Set(messages.map(({ batch }) => batch.batch)).size).toBe(messages.length);
  });

  test('grows, follows day and week, and has a launch', () => {
    const views = events.filter(({ event }) => event === 'view');
    const ofDays = (from: number, to: number, site?: string) =>
      views.filter((view) => dayOf(view.at) >= from && dayOf(view.at) < to && (!site || view.site === site)).length;
    expect(ofDays(70, 84) / ofDays(0, 14)).toBeGreaterThan(1.5);
    // 60 % of 87.6 days is day 52.
    expect(ofDays(53, 55, 'seeded-atelier') / ofDays(46, 48, 'seeded-atelier')).toBeGreaterThan(2);
    const hour = (at: number) => new Date(at).getUTCHours();
    const atelier = views.filter(({ site }) => site === 'seeded-atelier');
    expect(atelier.filter(({ at }) => hour(at) === 19).length).toBeGreaterThan(4 * atelier.filter(({ at }) => hour(at) === 6).length);
    const classroom = views.filter(({ site }) => site === 'seeded-classroom');
    const isWeekend = ({ at }: { at: number }) => [0, 6].includes(new Date(at).getUTCDay());
    expect(classroom.filter(isWeekend).length / classroom.length).toBeLessThan(0.08);
  });

  test('has a day on which downloads fail', () => {
    const failed = Map.groupBy(
      events.filter(({ code }) => code === 'download_failed'),
      ({ at }) => dayOf(at),
    );
    const [worst, second] = [...failed].toSorted(([, a], [, b]) => b.length - a.length);
    expect(worst![0]).toBe(70);
    expect(worst![1].length).toBeGreaterThan(4 * second![1].length);
  });

  test('has browsers without WebGPU, caches of returning visitors, and every site', () => {
    const ready = count(({ event }) => event === 'ready');
    const wasm = count(({ event, backend }) => event === 'ready' && backend === 'wasm') / ready;
    expect(wasm).toBeGreaterThan(0.1);
    expect(wasm).toBeLessThan(0.16);
    expect(count(({ code }) => code === 'model_too_large_for_wasm')).toBeGreaterThan(20);
    const downloads = events.filter(({ event }) => event === 'download');
    const cached = downloads.filter(({ bytes }) => bytes === 0).length / downloads.length;
    expect(cached).toBeGreaterThan(0.5);
    expect(cached).toBeLessThan(0.9);
    expect(new Set(events.map(({ site }) => site))).toEqual(new Set(SEEDED_SITES.map(({ id }) => id)));
  });
});
