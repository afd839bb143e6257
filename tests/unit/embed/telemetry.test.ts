import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../../../client/embed/studio/recorder.ts';
import { firstSettings, guide } from '../../../client/embed/studio/settings.ts';
import { refusesTracking, Telemetry } from '../../../client/embed/telemetry.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { EngineInfo, GenerateResult } from '../../../shared/protocol.ts';
import { MAX_EVENT_AGE_MS } from '../../../shared/telemetry-limits.ts';
import { TelemetryBatch } from '../../../shared/telemetry.ts';
import { catalogue } from './catalogue-fixture.ts';

function collect(accepts = () => true) {
  const sent: TelemetryBatch[] = [];
  const clock = { now: 1000 };
  const telemetry = new Telemetry({
    send: (batch) => accepts() && sent.push(batch) > 0,
    now: () => clock.now,
    randomUuid: () => crypto.randomUUID(),
  });
  return { sent, clock, telemetry };
}

describe('telemetry', () => {
  it('sends nothing before it is allowed, then everything once, with ages', () => {
    const { sent, clock, telemetry } = collect();
    telemetry.record({ event: 'view' });
    telemetry.flush();
    expect(sent).toEqual([]);
    telemetry.allow(true);
    clock.now += 250;
    telemetry.flush();
    telemetry.flush();
    expect(sent.map(({ events }) => events)).toEqual([[{ event: 'view', age_ms: 250 }]]);
  });

  it('forgets what it held, and records nothing, once it is refused', () => {
    const { sent, telemetry } = collect();
    telemetry.record({ event: 'view' });
    telemetry.allow(false);
    telemetry.record({ event: 'ready' });
    telemetry.allow(true);
    telemetry.flush();
    expect(sent).toEqual([]);
  });

  it('keeps a batch that the browser would not queue', () => {
    let accepted = false;
    const { sent, telemetry } = collect(() => accepted);
    telemetry.allow(true);
    telemetry.record({ event: 'view' });
    telemetry.flush();
    accepted = true;
    telemetry.flush();
    expect(sent).toHaveLength(1);
  });

  it('drops what a page held for more than a day: the edge would refuse the batch', () => {
    const { sent, clock, telemetry } = collect();
    telemetry.record({ event: 'view' });
    clock.now += MAX_EVENT_AGE_MS / 2;
    telemetry.record({ event: 'ready' });
    clock.now += MAX_EVENT_AGE_MS / 2 + 1;
    telemetry.allow(true);
    telemetry.flush();
    expect(sent.map(({ events }) => events.map(({ event }) => event))).toEqual([['ready']]);
    expect(v.safeParse(TelemetryBatch, sent[0]).success).toBe(true);
  });

  it('splits at the hundred events that the edge takes', () => {
    const { sent, telemetry } = collect();
    for (let i = 0; i < 150; i++) telemetry.record({ event: 'view' });
    telemetry.allow(true);
    telemetry.flush();
    expect(sent.map(({ events }) => events.length)).toEqual([100, 50]);
    expect(new Set(sent.map(({ batch }) => batch)).size).toBe(2);
  });

  it.each([
    [{ globalPrivacyControl: true }, true],
    [{ doNotTrack: '1' }, true],
    [{ doNotTrack: 'yes' }, true],
    [{ doNotTrack: '0', globalPrivacyControl: false }, false],
    [{ doNotTrack: null }, false],
  ])('%o refuses: %s', (navigator, refuses) => expect(refusesTracking(navigator)).toBe(refuses));
});

describe('recorder', () => {
  const engine: EngineInfo = { backend: 'webgpu', note: 'WebGPU on nvidia.', gpu: { vendor: 'nvidia', architecture: 'ada-lovelace' } };
  const settings = { ...firstSettings(catalogue, 4242)!, prompt: 'a secret garden' };
  const result: GenerateResult = {
    image: { width: 1, height: 1, data: new Uint8ClampedArray(4) },
    fusionMap: { modules: ['a', 'b'], steps: 1, distances: Float32Array.of(1, 0, 0, 1), choice: Uint8Array.of(0, 1) },
    timings: {
      downloadMs: 1.5,
      sessionMs: 2,
      textMs: 3,
      stepMs: [5.66, 4.06, 3],
      decodeMs: 5,
      totalMs: 16.2,
      bytesDownloaded: 7,
      bytesCached: 8,
    },
  };

  function visit() {
    const { sent, telemetry, clock } = collect();
    telemetry.allow(true);
    const recorder = new Recorder(telemetry, () => clock.now);
    recorder.ready(engine);
    recorder.consented(12, settings);
    recorder.started(settings, engine);
    clock.now += 100;
    return { sent, recorder };
  }

  it('writes batches that the edge accepts, without prompt or seed', () => {
    const { sent, recorder } = visit();
    recorder.finished(settings, engine, result);
    const [batch] = sent.map((raw) => v.parse(TelemetryBatch, raw));
    expect(batch!.events.map(({ event }) => event)).toEqual([
      'view',
      'ready',
      'consent',
      'generate_start',
      'download',
      'generate_step_summary',
      'generate_complete',
    ]);
    expect(batch!.events.at(-2)).toMatchObject({
      steps: 3,
      duration_ms: 13,
      step_p50_ms: 4.1,
      step_p95_ms: 5.7,
      gpu_architecture: 'ada-lovelace',
    });
    expect(batch!.events.at(-1)).toMatchObject({
      duration_ms: 16,
      load_ms: 4,
      model: 'main',
      subject: 'pip',
      style: 'knit',
      subject_share: 0.5,
      backend: 'webgpu',
      guidance: 0,
    });
    expect(batch!.events.at(-1)).not.toHaveProperty('score_subject');
    expect(JSON.stringify(sent)).not.toMatch(/secret|4242/);
  });

  it('tells the loading time of the first finished run alone', () => {
    const { sent, recorder } = visit();
    recorder.finished(settings, engine, result);
    recorder.started(settings, engine);
    recorder.finished(settings, engine, result);
    const complete = sent.map(({ events }) => events.at(-1)!);
    expect(complete.map(({ event, load_ms }) => [event, load_ms])).toEqual([
      ['generate_complete', 4],
      ['generate_complete', undefined],
    ]);
  });

  it('writes the strength of guidance and the finished picture’s scores, and nothing of the visitor’s pictures', () => {
    const { sent, recorder } = visit();
    const picture = { name: 'secret-cat.png', image: { width: 1, height: 1, data: Uint8ClampedArray.of(42, 42, 42, 255) } };
    const guided = guide(settings, { on: true, eta: 0.08, pictures: { subject: picture } });
    recorder.finished(guided, engine, {
      ...result,
      scores: [
        { dino: 0.4, clip: 0.7 },
        { dino: 0.5, clip: 0.8, gram: 0.9 },
      ],
    });
    const { events } = v.parse(TelemetryBatch, sent[0]);
    expect(events.at(-1)).toMatchObject({ guidance: 0.08, score_subject: 0.5, score_style: 0.8 });
    expect(JSON.stringify(sent)).not.toMatch(/secret|42,42/);
  });

  it.each([
    [
      'a failure by its code',
      new DiptychError('blob_corrupt', 'The file secret.bin …'),
      { event: 'generate_error', code: 'blob_corrupt', duration_ms: 100 },
    ],
    ['a cancelled run as that', new DiptychError('cancelled', 'Cancelled.'), { event: 'cancel', duration_ms: 100 }],
  ])('writes %s', (_, error, expected) => {
    const { sent, recorder } = visit();
    recorder.failed(error, settings, engine);
    expect(v.parse(TelemetryBatch, sent[0]).events.at(-1)).toMatchObject(expected);
    expect(JSON.stringify(sent)).not.toContain('secret');
  });

  // The edge refuses before a run begins: its time is not that since an earlier one.
  it.each(['finished', 'failed'] as const)('writes what is refused after a run that %s without a time', (how) => {
    const { sent, recorder } = visit();
    if (how === 'finished') recorder.finished(settings, engine, result);
    else recorder.failed(new DiptychError('blob_corrupt', 'Broken.'), settings, engine);
    recorder.failed(new DiptychError('quota_exceeded', 'Used up.'), settings, engine);
    const refused = v.parse(TelemetryBatch, sent.at(-1)).events.at(-1)!;
    expect(refused).toMatchObject({ event: 'generate_error', code: 'quota_exceeded' });
    expect(refused).not.toHaveProperty('duration_ms');
  });
});
