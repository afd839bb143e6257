import { rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { addLora } from '../../../models-manifest/cli/lora/add-lora.ts';
import { makePicture, type Picture, type PictureOptions } from '../../../models-manifest/cli/generate/make-picture.ts';
import { reportOf } from '../../../models-manifest/cli/generate/report.ts';
import { prepareModel } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import type { EngineEvent } from '../../../shared/protocol.ts';
import { copyOf, SD15 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const never = new AbortController().signal;
const BOTH: PictureOptions = {
  subject: 'subject',
  style: 'style',
  prompt: 'a b',
  seed: 1,
  steps: 2,
  strengths: [1, 1],
  rule: 'kl',
  backend: 'cpu',
};

/** With both LoRAs, under `kl`; and without any. */
let both: Picture;
let base: Picture;
beforeAll(async () => {
  await prepareModel(await tinyPipeline(path.join(root, 'pipeline')), store, TINY_OPTIONS, () => undefined);
  const meta = { model: 'tiny', license: 'CC0-1.0', author: 'Diptych' };
  await addLora(path.join(SD15, 'lora/subject.kohya.safetensors'), store, { ...meta, kind: 'subject', id: 'subject', trigger: 'a' });
  await addLora(path.join(SD15, 'lora/style.peft.safetensors'), store, { ...meta, kind: 'style', id: 'style', trigger: 'b' });
  both = await pictureOf();
  base = await pictureOf({}, ['subject', 'style']);
});

/** `without` leaves LoRAs out. */
async function pictureOf(options: Partial<PictureOptions> = {}, without: ('subject' | 'style')[] = []): Promise<Picture> {
  const all = { ...BOTH, ...options };
  for (const kind of without) delete all[kind];
  return makePicture(store, all, () => undefined, never);
}

/** The largest difference of a pixel, of 255. */
function difference(one: Picture, other: Picture): number {
  expect(one.image.data.length).toBe(other.image.data.length);
  return one.image.data.reduce((worst, value, index) => Math.max(worst, Math.abs(value - other.image.data[index]!)), 0);
}

test('a seed makes one picture, another seed another', async () => {
  const again = await pictureOf();
  expect(again.image).toEqual(both.image);
  expect(again.fusionMap).toEqual(both.fusionMap);
  expect(difference(both, await pictureOf({ seed: 2 }))).toBeGreaterThan(20);
});

describe('a rule of one LoRA makes the picture of a run that has only that LoRA:', () => {
  test.each([
    ['subject-only', 'style'],
    ['style-only', 'subject'],
  ] as const)('%s, without %s', async (rule, other) => {
    const ruled = await pictureOf({ rule });
    expect(difference(ruled, await pictureOf({ rule: 'kl' }, [other]))).toBeLessThanOrEqual(1);
    expect(difference(ruled, both)).toBeGreaterThan(1);
    expect(reportOf(ruled)).toMatchObject({ subjectShare: null });
  });

  test('both strengths at 0 make the picture of the base', async () => {
    expect(difference(await pictureOf({ strengths: [0, 0] }), base)).toBeLessThanOrEqual(1);
  });
});

test('a run without LoRAs reports no layers', () => {
  expect(base.fusionMap).toMatchObject({ modules: [], steps: 2 });
  expect(reportOf(base)).toMatchObject({
    request: { subject: null, style: null },
    subjectShare: null,
    steps: [{ layers: [] }, { layers: [] }],
  });
});

test('the prompt is that of the triggers, steps and guidance those of the model, where none are given', async () => {
  const { backend, rule, seed, strengths } = BOTH;
  const { request } = await makePicture(
    store,
    { subject: 'subject', style: 'style', backend, rule, seed, strengths },
    () => undefined,
    never,
  );
  expect(request).toMatchObject({ prompt: 'a b', steps: 2, guidanceScale: 3, model: { id: 'tiny' } });
});

test('a sampler and a schedule that are asked for make another picture, and are reported', async () => {
  const asked = await pictureOf({ sampler: 'heun', schedule: 'karras' });
  expect(difference(asked, both)).toBeGreaterThan(1);
  expect(reportOf(asked)).toMatchObject({ request: { sampler: 'heun', schedule: 'karras' }, steps: [{}, {}] });
  expect(reportOf(both)).not.toHaveProperty('request.sampler');
});

describe('cancelled', () => {
  test('while it samples, it ends within a step', async () => {
    const cancelling = new AbortController();
    const steps: number[] = [];
    const onEvent = (event: EngineEvent) => {
      if (event.type !== 'step') return;
      steps.push(event.step);
      cancelling.abort();
    };
    const picture = makePicture(store, { ...BOTH, steps: 50 }, onEvent, cancelling.signal);
    await expect(picture).rejects.toMatchObject({ code: 'cancelled' });
    expect(steps).toEqual([1]);
  });

  // The engine knows nothing of a cancellation that came before its run.
  test('before it starts, it does nothing', async () => {
    const events: EngineEvent[] = [];
    const picture = makePicture(store, BOTH, (event) => events.push(event), AbortSignal.abort());
    await expect(picture).rejects.toMatchObject({ code: 'cancelled' });
    expect(events).toEqual([]);
  });
});

test('a file that the store lost is named', async () => {
  const lost = new Store(await copyOf(store.root, path.join(root, 'lost')));
  const { graphs } = await lost.model('tiny');
  await rm(lost.blobPath(graphs.decoder.topology.sha256));
  await expect(makePicture(lost, BOTH, () => undefined, never)).rejects.toMatchObject({
    code: 'store_invalid',
    message: expect.stringContaining(`${graphs.decoder.topology.sha256} is missing`),
  });
});
