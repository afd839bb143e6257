import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { decode } from 'fast-png';
import { beforeAll, describe, expect, test } from 'vitest';
import { seedStore } from '../../../models-manifest/cli/demo/seed-store.ts';
import { makePicture, type Picture, type PictureOptions } from '../../../models-manifest/cli/generate/make-picture.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { manifestBlobs } from '../../../shared/manifest.ts';
import { diptych } from './diptych-process.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const STEPS = 2;
const PIP_KNIT: PictureOptions = {
  subject: 'pip',
  style: 'knit',
  seed: 7,
  steps: STEPS,
  strengths: [1, 1],
  rule: 'kl-soft',
  backend: 'cpu',
};

let seeded: boolean;
let picture: Picture;
beforeAll(async () => {
  seeded = await seedStore(store, () => undefined);
  picture = await makePicture(store, PIP_KNIT, () => undefined, new AbortController().signal);
}, 60_000);

describe('the seeded store', () => {
  test('holds the demo model and its LoRAs, every file under its SHA-256', async () => {
    expect(seeded).toBe(true);
    const { models, loras } = await store.manifest();
    expect(models.map(({ id }) => id)).toEqual(['demo']);
    expect(loras.map(({ id, kind, model }) => `${model} ${kind} ${id}`)).toEqual([
      'demo subject bop',
      'demo style brick',
      'demo style handheld',
      'demo style knit',
      'demo subject momo',
      'demo subject nib',
      'demo style papercut',
      'demo subject pip',
      'demo style riso',
      'demo style topo',
      'demo subject tuli',
      'demo subject zorp',
    ]);
    const names = manifestBlobs(await store.manifest()).map(({ sha256 }) => sha256);
    expect((await readdir(path.join(store.root, 'blobs'))).toSorted()).toEqual([...new Set(names)].toSorted());
    for (const name of new Set(names)) {
      const bytes = await readFile(store.blobPath(name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
      expect(bytes.length).toBeLessThanOrEqual(8 * 2 ** 20);
    }
  });

  test('is not seeded again', async () => {
    const manifest = path.join(store.root, 'manifest.json');
    const before = await stat(manifest, { bigint: true });
    const stages: string[] = [];
    expect(await seedStore(store, (stage) => void stages.push(stage))).toBe(false);
    expect(stages).toEqual([]);
    expect((await stat(manifest, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
  });
});

interface Report {
  request: Record<string, unknown>;
  engine: object;
  timings: { stepMs: number[]; totalMs: number };
  subjectShare: number;
  steps: { layers: { module: string; distances: [number, number]; choice: string }[] }[];
}

describe('diptych generate', () => {
  test('makes the same picture in another process, as a PNG of the same pixels, and reports it', async () => {
    const [png, json] = ['pip.png', 'pip.json'].map((name) => path.join(root, name)) as [string, string];
    const flags = ['--subject', 'pip', '--style', 'knit', '--seed', '7', '--steps', String(STEPS), '--out', png, '--report', json];
    const { code, stdout } = await diptych('--store', store.root, 'generate', ...flags);
    expect(code).toBe(0);
    expect(stdout).toMatch(/pip\.png: \d+ x \d+, 2 steps in [\d.]+ s on cpu, \d+ % of the choices to the subject\n$/);

    const { width, height, channels, depth, data } = decode(await readFile(png));
    const { image, fusionMap } = picture;
    expect({ width, height, channels, depth }).toEqual({ width: image.width, height: image.height, channels: 3, depth: 8 });
    expect([...data]).toEqual([...image.data].filter((_, index) => index % 4 < 3));

    const report = JSON.parse(await readFile(json, 'utf8')) as Report;
    expect(report.request).toEqual({
      model: 'demo',
      subject: 'pip',
      style: 'knit',
      prompt: 'a pip creature in knit style',
      seed: 7,
      steps: STEPS,
      guidanceScale: 3.5,
      strengths: [1, 1],
      rule: 'kl-soft',
    });
    expect(report.engine).toMatchObject({ backend: 'cpu' });
    expect(report.timings.stepMs.length).toBe(STEPS);
    expect(report.steps.map(({ layers }) => layers.map(({ module }) => module))).toEqual([fusionMap.modules, fusionMap.modules]);
    const layers = report.steps.flatMap((step) => step.layers);
    expect(layers.map(({ choice }) => Number(choice === 'style'))).toEqual([...fusionMap.choice]);
    expect(layers.flatMap(({ distances }) => distances.map(Math.fround))).toEqual([...fusionMap.distances]);
    // What `kl` means: the LoRA that moves the layer's features more is taken.
    for (const { distances, choice } of layers) expect(choice).toBe(distances[0] > distances[1] ? 'subject' : 'style');
    expect(report.subjectShare).toBe(layers.filter(({ choice }) => choice === 'subject').length / layers.length);
  });

  test('tells what the store has where it has no such LoRA', async () => {
    const { signal } = new AbortController();
    const unknown = (options: Partial<PictureOptions>) => makePicture(store, { ...PIP_KNIT, ...options }, () => undefined, signal);
    await expect(unknown({ subject: 'pop' })).rejects.toMatchObject({
      code: 'not_in_catalogue',
      message: expect.stringMatching(/no subject LoRA for demo named pop; it has bop, momo, nib, pip, tuli, zorp$/),
      details: { known: ['bop', 'momo', 'nib', 'pip', 'tuli', 'zorp'] },
    });
    // A style is no subject.
    await expect(unknown({ subject: 'knit' })).rejects.toMatchObject({ code: 'not_in_catalogue' });
    await expect(unknown({ model: 'sd15' })).rejects.toMatchObject({ message: expect.stringMatching(/no model named sd15; it has demo$/) });
  });
});
