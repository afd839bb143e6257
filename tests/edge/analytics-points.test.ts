import { expect, test } from 'vitest';
import { TELEMETRY_COLUMNS } from '../../shared/telemetry.ts';
import { ANALYTICS_BLOBS, ANALYTICS_DOUBLES, writePoints } from '../../worker/telemetry/analytics-points.ts';

const RECEIVED = 1_000_000;

function pointsOf(events: Parameters<typeof writePoints>[1]['batch']['events']): AnalyticsEngineDataPoint[] {
  const points: AnalyticsEngineDataPoint[] = [];
  const dataset = { writeDataPoint: (point: AnalyticsEngineDataPoint) => void points.push(point) };
  writePoints(dataset as AnalyticsEngineDataset, { site: 'pk_page', received: RECEIVED, batch: { batch: crypto.randomUUID(), events } });
  return points;
}

test('a point holds every column of the schema, its site and its time', () => {
  const [point] = pointsOf([{ event: 'download', age_ms: 400, bytes: 0, cached_bytes: 7, model: 'sd15' }]);
  expect(point!.indexes).toEqual(['pk_page']);
  const blobs = Object.fromEntries(ANALYTICS_BLOBS.map((name, i) => [name, point!.blobs![i]]));
  const doubles = Object.fromEntries(ANALYTICS_DOUBLES.map((name, i) => [name, point!.doubles![i]]));
  expect(blobs).toMatchObject({ event: 'download', model: 'sd15', subject: '', code: '' });
  expect(doubles).toMatchObject({ at: RECEIVED - 400, bytes: 0, cached_bytes: 7, duration_ms: -2 });
  expect(Object.keys({ ...blobs, ...doubles }).toSorted()).toEqual(['at', ...Object.keys(TELEMETRY_COLUMNS)].toSorted());
});

test('within the limits of Analytics Engine: 20 texts, 20 numbers, 25 points a request', () => {
  expect([ANALYTICS_BLOBS.length, ANALYTICS_DOUBLES.length].every((length) => length <= 20)).toBe(true);
  expect(pointsOf(Array.from({ length: 100 }, () => ({ event: 'view', age_ms: 0 })))).toHaveLength(25);
});
