import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../client/embed/attributes.ts';
import { type StudioEngine, StudioModel } from '../../../client/embed/studio/studio-model.ts';
import { guide, pick } from '../../../client/embed/studio/settings.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { BlobRef } from '../../../shared/manifest.ts';
import type { EngineEvent, GenerateRequest, GenerateResult, Scores } from '../../../shared/protocol.ts';
import { catalogue } from './catalogue-fixture.ts';

const RUNTIME_BYTES = 16_000_000;
/** Of `main` in the fixture: three graphs, the tokenizer, two LoRAs. */
const MODEL_BYTES = 3 * 1_001_000 + 500 + 2 * 200_000;

/** The tiny decoder and two image encoders. */
const GUIDANCE_BYTES = 3 * 1_001_000;

const result: GenerateResult = {
  image: { width: 1, height: 1, data: new Uint8ClampedArray(4) },
  fusionMap: { modules: ['a'], steps: 1, distances: Float32Array.of(1, 0), choice: Uint8Array.of(0) },
  timings: { downloadMs: 1, sessionMs: 2, textMs: 3, stepMs: [4], decodeMs: 5, totalMs: 15, bytesDownloaded: 7, bytesCached: 8 },
};
const step: EngineEvent = { type: 'step', step: 1, steps: 1, secondsLeft: 0, distances: Float32Array.of(1, 0), choice: Uint8Array.of(0) };

interface StudioTest {
  cached?: boolean;
  fail?: DiptychError[];
  noCatalogue?: number;
  warnings?: string[];
  scores?: Scores[];
  /** Of the edge, when it is asked whether a picture may be made. */
  refuse?: DiptychError;
}

/** A studio whose engine's answers the test decides; `said` is what the host page heard. */
function studio({ cached = false, fail, noCatalogue = 0, warnings = [], scores, refuse }: StudioTest = {}) {
  const said: [string, ...unknown[]][] = [];
  const requests: GenerateRequest[] = [];
  const engines: { ended: boolean }[] = [];
  const here = { cached, runtime: cached };
  const gate = { cancel: () => {}, hold: false };
  const connect = (): StudioEngine => {
    const state = { ended: false };
    engines.push(state);
    return {
      start: async () => ({ backend: 'wasm', note: 'WebAssembly.', gpu: { vendor: '', architecture: '' } }),
      missing: async (blobs: readonly BlobRef[]) => (here.cached ? [] : [...blobs]),
      async generate(request, onEvent) {
        requests.push(request);
        const failure = fail?.shift();
        if (failure) throw failure;
        onEvent({ ...step, ...(scores && { scores: scores[0]! }) });
        for (const message of warnings) onEvent({ type: 'warning', message });
        if (gate.hold)
          await new Promise((_, reject) => {
            gate.cancel = () => reject(new DiptychError('cancelled', 'Cancelled.'));
          });
        here.cached = true;
        setTimeout(() => onEvent({ type: 'decode' }));
        return { ...result, ...(scores && { scores }) };
      },
      cancel: async () => gate.cancel(),
      terminate() {
        state.ended = true;
      },
    };
  };
  const model = new StudioModel({
    connect,
    async fetchCatalogue() {
      if (noCatalogue-- > 0) throw new DiptychError('download_failed', 'The catalogue could not be reached.');
      return catalogue;
    },
    admit: async () => {
      if (refuse) throw refuse;
    },
    toPng: async () => new Blob(['png'], { type: 'image/png' }),
    runtimeBytesMissing: () => (here.runtime ? 0 : RUNTIME_BYTES),
    rememberRuntime() {
      here.runtime = true;
    },
    recorder: {
      ready: () => said.push(['ready']),
      consented: (bytes) => said.push(['consented', bytes]),
      started: () => {},
      finished: () => {},
      failed: () => {},
    },
    host: {
      progress: (progress) => said.push([progress.phase]),
      step: ({ step, steps, scores: at }) => said.push(['step', step, steps, ...(at ? [at] : [])]),
      complete: ({ seed }, requested) => said.push(['complete', seed, requested]),
      error: ({ code }, requested) => said.push(['error', code, requested]),
    },
    firstSeed: 5,
  });
  return { model, said, requests, engines, gate, here };
}

describe('studio', () => {
  it('counts every file once, and onnxruntime, before anything is downloaded', async () => {
    const { model, requests } = studio();
    await model.open();
    expect(model.state.bytesMissing).toBe(MODEL_BYTES + RUNTIME_BYTES);
    expect(requests).toEqual([]);
  });

  it('takes the visitor’s press as consent and shows the picture', async () => {
    const { model, said, requests } = studio();
    await model.open();
    await model.generate();
    expect(requests[0]).toMatchObject({
      prompt: 'a pip creature in knit style',
      seed: 5,
      steps: 12,
      guidanceScale: 3,
      strengths: [1, 1],
      rule: 'kl-soft',
    });
    expect(said).toEqual([['ready'], ['consented', MODEL_BYTES + RUNTIME_BYTES], ['step', 1, 1], ['complete', 5, false]]);
    expect(model.state).toMatchObject({ progress: undefined, bytesMissing: 0, result: { picture: { seed: 5, width: 1, height: 1 } } });
  });

  it('keeps what the engine warns of until the next run, and does not tell the host page, which may not see the prompt', async () => {
    const warnings = ['The prompt is too long: “knit”'];
    const { model, said } = studio({ cached: true, warnings });
    await model.open();
    await model.generate();
    expect(model.state.warnings).toEqual(['The prompt is too long: “knit”']);
    expect(JSON.stringify(said)).not.toContain('knit');
    warnings.pop();
    await model.generate();
    expect(model.state.warnings).toEqual([]);
  });

  it('makes no picture when the edge says that the day is used up, and tells the host page why', async () => {
    const { model, said, requests } = studio({ cached: true, refuse: new DiptychError('quota_exceeded', 'Used up.', { retryAfter: 60 }) });
    await model.open();
    await model.generate();
    expect(requests).toEqual([]);
    expect(model.state).toMatchObject({ progress: undefined, error: { code: 'quota_exceeded' } });
    expect(said.at(-1)).toEqual(['error', 'quota_exceeded', false]);
  });

  it('lets the host page wait for consent when files are missing', async () => {
    const { model, said, requests } = studio();
    await model.generateForHost();
    expect(requests).toEqual([]);
    expect(model.state.progress).toEqual({ phase: 'consent', bytes: MODEL_BYTES + RUNTIME_BYTES });
    await model.generate();
    expect(said.slice(1)).toEqual([['consent'], ['consented', MODEL_BYTES + RUNTIME_BYTES], ['step', 1, 1], ['complete', 5, true]]);
  });

  it('runs at once for the host page when everything is here', async () => {
    const { model, said } = studio({ cached: true });
    await model.generateForHost();
    expect(said.at(-1)).toEqual(['complete', 5, true]);
    await model.generate();
    expect(said.at(-1)).toEqual(['complete', 5, false]);
  });

  it('answers a host page that asks twice with engine_busy, and goes on with the first', async () => {
    const { model, said } = studio();
    await model.generateForHost();
    await model.generateForHost();
    expect(said.at(-1)).toEqual(['error', 'engine_busy', true]);
    expect(model.state.progress?.phase).toBe('consent');
  });

  it('tells the host page when consent is not given', async () => {
    const { model, said } = studio();
    await model.generateForHost();
    await model.cancel();
    expect(said.at(-1)).toEqual(['error', 'cancelled', true]);
    expect(model.state).toMatchObject({ progress: undefined, error: undefined });
  });

  it('cancels a run without calling it an error, and shows the last picture’s map again', async () => {
    const { model, said, gate } = studio({ cached: true });
    await model.open();
    await model.generate();
    gate.hold = true;
    const run = model.generate();
    await expect.poll(() => model.state.progress?.phase).toBe('step');
    await model.cancel();
    await run;
    expect(said.at(-1)).toEqual(['error', 'cancelled', false]);
    expect(model.state).toMatchObject({ progress: undefined, error: undefined, map: result.fusionMap });
  });

  it('does not ask for onnxruntime again after a run that was cancelled', async () => {
    const { model, gate } = studio();
    gate.hold = true;
    await model.open();
    const run = model.generate();
    await expect.poll(() => model.state.progress?.phase).toBe('step');
    await model.cancel();
    await run;
    expect(model.state.bytesMissing).toBe(MODEL_BYTES);
  });

  it('ignores events that arrive after the result', async () => {
    const { model } = studio({ cached: true });
    await model.open();
    await model.generate();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(model.state.progress).toBeUndefined();
  });

  it('replaces an engine that died', async () => {
    const { model, engines } = studio({ cached: true, fail: [new DiptychError('engine_died', 'The background worker stopped.')] });
    await model.open();
    await model.generate();
    expect(engines.map(({ ended }) => ended)).toEqual([true, false]);
    await model.generate();
    expect(model.state.result).toBeDefined();
    expect(engines).toHaveLength(2);
  });

  it('shows what failed, and clears it with the next run', async () => {
    const { model } = studio({ fail: [new DiptychError('blob_corrupt', 'The shard is damaged.')] });
    await model.open();
    await model.generate();
    expect(model.state.error?.code).toBe('blob_corrupt');
    await model.generate();
    expect(model.state.error).toBeUndefined();
  });

  it('opens again at the next press when the catalogue could not be had', async () => {
    const { model, said } = studio({ noCatalogue: 1 });
    await model.open();
    expect([model.state.error?.code, said.at(-1)]).toEqual(['download_failed', ['error', 'download_failed', false]]);
    await model.generate();
    expect(model.state).toMatchObject({ error: undefined, result: undefined, bytesMissing: MODEL_BYTES + RUNTIME_BYTES });
  });

  it('applies options that came before the catalogue', async () => {
    const { model } = studio();
    model.setOptions(readOptions((name) => (name === 'subject' ? 'zorp' : null)));
    await model.open();
    expect(model.state.settings?.prompt).toBe('a zorp creature in knit style');
  });

  it('counts anew for another LoRA', async () => {
    const { model, here } = studio();
    await model.open();
    Object.assign(here, { cached: true, runtime: true });
    model.setSettings(
      pick(
        model.state.settings!,
        'subject',
        catalogue.loras.find(({ id }) => id === 'zorp')!,
      ),
    );
    expect(model.state.bytesMissing).toBeUndefined();
    await expect.poll(() => model.state.bytesMissing).toBe(0);
  });

  it('counts guidance’s networks apart while it is off, and with the rest once it is on', async () => {
    const { model, requests } = studio();
    await model.open();
    expect(model.state).toMatchObject({ bytesMissing: MODEL_BYTES + RUNTIME_BYTES, guidanceBytesMissing: GUIDANCE_BYTES });
    model.setSettings(guide(model.state.settings!, { on: true }));
    await expect.poll(() => model.state.bytesMissing).toBe(MODEL_BYTES + RUNTIME_BYTES + GUIDANCE_BYTES);
    await model.generate();
    expect(requests[0]).toMatchObject({ guidance: { eta: 0.05 } });
  });

  it('does not count again for another strength', async () => {
    const { model } = studio();
    await model.open();
    model.setSettings(guide(model.state.settings!, { eta: 0.1 }));
    expect(model.state.bytesMissing).toBe(MODEL_BYTES + RUNTIME_BYTES);
  });

  it('shows the scores as they come, tells the host page of them, and ends with the picture’s', async () => {
    const scores = [{ dino: 0.4 }, { dino: 0.6 }];
    const { model, said, gate } = studio({ cached: true, scores });
    await model.open();
    model.setSettings(guide(model.state.settings!, { on: true }));
    gate.hold = true;
    await expect.poll(() => model.state.bytesMissing).toBe(0);
    const cancelled = model.generate();
    await expect.poll(() => model.state.scores).toEqual([{ dino: 0.4 }]);
    expect(said.at(-1)).toEqual(['step', 1, 1, { dino: 0.4 }]);
    await model.cancel();
    await cancelled;
    expect(model.state.scores).toEqual([]);
    gate.hold = false;
    await model.generate();
    expect(model.state.scores).toEqual(scores);
  });
});
