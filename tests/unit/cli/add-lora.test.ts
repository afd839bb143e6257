import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { addLora, type AddLoraOptions } from '../../../models-manifest/cli/lora/add-lora.ts';
import { prepareModel } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import type { LoraEntry, ModelEntry } from '../../../shared/manifest.ts';
import { diptych } from './diptych-process.ts';
import { SD15, SD3 } from './fixture-folder.ts';
import { refusalOf, refused } from './refusal.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const SUBJECT = path.join(SD15, 'lora/subject.kohya.safetensors');
const STYLES = ['style.peft', 'style.processor', 'style.peft.fp16'].map((name) => path.join(SD15, `lora/${name}.safetensors`));
const DEMO_LORA = path.join(SD15, '../../../models-manifest/demo/lora/subject-pip.safetensors');
const OPTIONS: AddLoraOptions = { kind: 'style', model: 'tiny', trigger: 'in tiny style', license: 'CC0-1.0', author: 'Diptych' };

let base: ModelEntry;
beforeAll(async () => {
  base = await prepareModel(await tinyPipeline(path.join(root, 'pipeline')), store, TINY_OPTIONS, () => undefined);
});

async function written(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = path.join(root, name);
  await writeFile(file, bytes);
  return file;
}

/** A style with other metadata. */
async function withMetadata(name: string, metadata: Record<string, string>): Promise<string> {
  return written(name, writeSafetensors(readSafetensors(await readFile(STYLES[0]!), name).tensors, metadata));
}

const stored = (entry: LoraEntry) => readFile(store.blobPath(entry.file.sha256));

describe('a LoRA of the base', () => {
  test('with kohya’s names, of convolutions and the text encoder too', async () => {
    const entry = await addLora(SUBJECT, store, { ...OPTIONS, kind: 'subject' });
    expect(entry).toMatchObject({ id: 'subject-kohya', name: 'subject.kohya', model: 'tiny', kind: 'subject', rank: 4 });
    const [source, kept] = [await readFile(SUBJECT), await stored(entry)].map((bytes) => readLora(bytes, base.layers, 'test'));
    expect({ ...kept, metadata: {} }).toEqual({ ...source, metadata: {} });
    expect(entry.layerCount).toBe(source!.denoiser.length + source!.textEncoder.length);
    expect(source!.textEncoder.length).toBeGreaterThan(0);
  });

  test.each(STYLES)('keeps the factors of %s', async (file) => {
    const entry = await addLora(file, store, OPTIONS);
    expect(entry).toMatchObject({ rank: 8, layerCount: 32, trigger: 'in tiny style' });
    const [source, kept] = [await readFile(file), await stored(entry)].map((bytes) => readLora(bytes, base.layers, 'test'));
    expect(kept!.denoiser).toEqual(source!.denoiser);
  });

  test('is one file in the store whatever its names were', async () => {
    const peft = await addLora(STYLES[0]!, store, OPTIONS);
    expect(await addLora(STYLES[1]!, store, OPTIONS)).toMatchObject({ file: peft.file });
  });

  test('stays float16 where it was', async () => {
    const whole = await addLora(STYLES[0]!, store, OPTIONS);
    const half = await addLora(STYLES[2]!, store, OPTIONS);
    const { tensors } = readSafetensors(await stored(half), 'test');
    const matrices = [...tensors].filter(([key]) => !key.endsWith('.alpha'));
    expect(new Set(matrices.map(([, tensor]) => tensor.dtype))).toEqual(new Set(['F16']));
    expect(half.file.bytes).toBeLessThan(0.6 * whole.file.bytes);
  });

  test.each([
    ['trigger', 'in knit style'],
    ['modelspec.trigger_phrase', 'a pip creature'],
  ])('is called by the words of its metadata’s %s', async (key, words) => {
    const file = await withMetadata('triggered.safetensors', { [key]: ` ${words} ` });
    const { trigger: _, ...options } = OPTIONS;
    expect(await addLora(file, store, options)).toMatchObject({ trigger: words });
  });

  test('takes its alphas from the adapter_config.json beside it, once and for all', async () => {
    const file = path.join(root, 'configured/adapter_model.safetensors');
    await mkdir(path.dirname(file));
    await copyFile(STYLES[0]!, file);
    await writeFile(path.join(root, 'configured/adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 8, lora_alpha: 4 }));
    const kept = readLora(await stored(await addLora(file, store, OPTIONS)), base.layers, 'test');
    expect(new Set(kept.denoiser.map(({ rank, alpha }) => `${rank} ${alpha}`))).toEqual(new Set(['8 4']));
  });

  test('is inspected against the model of the store', async () => {
    const { code, stdout } = await diptych('--store', store.root, 'lora', 'inspect', SUBJECT, '--model', 'tiny');
    expect(code).toBe(0);
    expect(stdout).toMatch(/can be fused +yes, into tiny\n/);
    expect(stdout).toMatch(/text encoder +self-attention +8 of 8\n/);
  });

  test('replaces the entry of its id, and is found among its kind', async () => {
    await addLora(STYLES[0]!, store, { ...OPTIONS, id: 'twice', name: 'First' });
    const second = await addLora(STYLES[0]!, store, { ...OPTIONS, id: 'twice', name: 'Second' });
    const { loras } = await store.manifest();
    expect(loras.filter((lora) => lora.id === 'twice')).toEqual([second]);
    expect(await store.lora('style', 'tiny', 'twice')).toEqual(second);
    await expect(store.lora('subject', 'tiny', 'twice')).rejects.toMatchObject({ code: 'not_in_catalogue' });
  });

  test('shows its thumbnail as a data URL', async () => {
    const thumbnail = await written('small.png', Uint8Array.of(137, 80, 78, 71));
    const entry = await addLora(STYLES[0]!, store, { ...OPTIONS, id: 'shown', thumbnail });
    expect(entry.thumbnail).toBe('data:image/png;base64,iVBORw==');
  });
});

describe('is refused, and nothing is added:', () => {
  type Changed = { [K in keyof AddLoraOptions]?: AddLoraOptions[K] | undefined };
  type Make = () => Promise<[file: string, options: Changed]>;
  const having =
    (options: Changed): Make =>
    async () => [STYLES[0]!, options];
  const cut =
    (bytes: number): Make =>
    async () => [await written('cut.safetensors', (await readFile(SUBJECT)).subarray(0, bytes)), {}];

  test.each<[about: string, make: Make, code: string, message: RegExp]>([
    ['a file without its last byte', cut(-1), 'lora_truncated', /cut\.safetensors/],
    ['a file cut in its header', cut(100), 'lora_truncated', /cut\.safetensors/],
    ['an empty file', cut(0), 'lora_truncated', /cut\.safetensors/],
    [
      'a page in place of the file',
      async () => [await written('page.safetensors', '<!doctype html><title>404</title>'), {}],
      'lora_header_invalid',
      /page\.safetensors/,
    ],
    [
      'a LoRA of a transformer',
      async () => [path.join(SD3, 'lora/style.peft.safetensors'), {}],
      'lora_key_unknown',
      /tensor transformer\..* belongs to no layer of this base/,
    ],
    ['a LoRA of another UNet', async () => [DEMO_LORA, {}], 'lora_key_unknown', /tensor unet\..* belongs to no layer of this base/],
    ['no such file', async () => [path.join(root, 'nothing.safetensors'), {}], 'usage', /nothing\.safetensors cannot be read/],
    ['a base that is not there', having({ model: 'sd15' }), 'not_in_catalogue', /no model named sd15; it has tiny$/],
    ['no trigger', having({ trigger: undefined }), 'usage', /style\.peft\.safetensors does not say which words call it; give --trigger/],
    [
      'no trigger, with tags that may be it',
      async () => [await withMetadata('tagged.safetensors', { ss_tag_frequency: '{"1_x": {"pip": 3, "hat": 1}}' }), { trigger: undefined }],
      'usage',
      /give --trigger "\.\.\." \(the most frequent tags of its pictures are: pip, hat\)/,
    ],
    ['an empty trigger', having({ trigger: '' }), 'manifest_invalid', /style\.peft\.safetensors: trigger: /],
    ['an id with blanks', having({ id: 'my style' }), 'manifest_invalid', /style\.peft\.safetensors: id: /],
    [
      'a large thumbnail',
      async () => [STYLES[0]!, { thumbnail: await written('large.png', new Uint8Array(25 * 1024)) }],
      'manifest_invalid',
      /style\.peft\.safetensors: thumbnail: /,
    ],
    [
      'a thumbnail that is no picture',
      having({ thumbnail: SUBJECT }),
      'usage',
      /subject\.kohya\.safetensors: a thumbnail is a PNG, JPEG or WebP file/,
    ],
    ['a thumbnail that is not there', having({ thumbnail: path.join(root, 'nothing.png') }), 'usage', /nothing\.png cannot be read/],
  ])('%s', async (_, make, code, message) => {
    const [file, options] = await make();
    const adding = (target: Store) => addLora(file, target, { ...OPTIONS, id: 'refused', ...options } as AddLoraOptions);
    expect(await refusalOf(adding, store)).toEqual(refused(code, message));
  });
});
