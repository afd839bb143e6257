import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportedLayers } from '../../../models-manifest/cli/lora/exported-layers.ts';
import { inspectLora, type LoraReport } from '../../../models-manifest/cli/lora/inspect-lora.ts';
import { normsPicture } from '../../../models-manifest/cli/lora/norms-picture.ts';
import { reportLines } from '../../../models-manifest/cli/lora/report-lines.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { float32 } from '../lora/tensors.ts';
import { diptych } from './diptych-process.ts';
import { SD15, SD3, SDXL } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const SUBJECT = path.join(SD15, 'lora/subject.kohya.safetensors');
const XL_SUBJECT = path.join(SDXL, 'lora/subject.kohya.safetensors');

type Edit = (tensors: Map<string, SafeTensor>, metadata: Record<string, string>) => void;

async function inspected(file: string, folder?: string, edit: Edit = () => undefined, beside?: string): Promise<LoraReport> {
  const { tensors, metadata } = readSafetensors(await readFile(file), file);
  edit(tensors, metadata);
  const base = folder === undefined ? undefined : { name: 'tiny', layers: await exportedLayers(folder) };
  return inspectLora(writeSafetensors(tensors, metadata), 'lora.safetensors', base, beside);
}

/** |(alpha / rank) up down|, from the dense product. */
function denseNorm(down: Float32Array, up: Float32Array, rank: number, alpha: number): number {
  const [inner, out] = [down.length / rank, up.length / rank];
  let sum = 0;
  for (let o = 0; o < out; o++)
    for (let i = 0; i < inner; i++) {
      let entry = 0;
      for (let r = 0; r < rank; r++) entry += up[o * rank + r]! * down[r * inner + i]!;
      sum += entry ** 2;
    }
  return Math.sqrt(sum) * (alpha / rank);
}

describe('against a base', () => {
  test.each([
    [
      'sd15-tiny',
      SUBJECT,
      SD15,
      'LoCon (LoRA with convolutions)',
      ['kohya'],
      { 'denoiser convolution': '13 of 33', 'textEncoder self-attention': '8 of 8', 'textEncoder feed-forward': '0 of 4' },
    ],
    [
      'sd15-tiny, attention processors',
      path.join(SD15, 'lora/style.processor.safetensors'),
      SD15,
      'LoRA',
      ['diffusers, attention processors'],
      { 'denoiser self-attention': '16 of 16', 'denoiser cross-attention': '16 of 16', 'denoiser feed-forward': '0 of 8' },
    ],
    [
      'sdxl-tiny, with two text encoders',
      XL_SUBJECT,
      SDXL,
      'LoCon (LoRA with convolutions)',
      ['kohya'],
      { 'denoiser self-attention': '32 of 32', 'textEncoder feed-forward': '6 of 6', 'textEncoder2 feed-forward': '4 of 4' },
    ],
    [
      'sd3-tiny',
      path.join(SD3, 'lora/style.peft.safetensors'),
      SD3,
      'LoRA',
      ['PEFT / diffusers'],
      { 'denoiser joint attention': '8 of 15', 'denoiser feed-forward': '0 of 6' },
    ],
  ])('%s: kind, names and coverage', async (_, file, folder, kind, naming, expected) => {
    const report = await inspected(file, folder);
    expect(report).toMatchObject({ kind, naming, base: 'tiny', problems: [], unplaced: [] });
    const coverage = Object.fromEntries(
      report.coverage.map(({ component, type, covered, of }) => [`${component} ${type}`, `${covered} of ${of}`]),
    );
    expect(coverage).toMatchObject(expected);
  });

  test('every norm is that of the dense change', async () => {
    const report = await inspected(SUBJECT, SD15);
    const lora = readLora(await readFile(SUBJECT), await exportedLayers(SD15), SUBJECT);
    const layers = [...lora.denoiser, ...lora.textEncoder];
    expect(report.layers.map(({ name }) => name)).toEqual(layers.map(({ module }) => module));
    const dense = layers.map(({ down, up, rank, alpha }) => denseNorm(down, up, rank, alpha));
    for (const [i, norm] of dense.entries()) expect(report.layers[i]!.norm! / norm).toBeCloseTo(1, 5);
    expect(report.norm / Math.hypot(...dense)).toBeCloseTo(1, 5);
  });

  test('one ONNX file is a base too', async () => {
    expect(await exportedLayers(path.join(SD15, 'text_encoder/model.onnx'))).toHaveProperty('textEncoder.length', 12);
    expect(await exportedLayers(path.join(SD15, 'unet/model.onnx'))).toHaveProperty('denoiser.length', 83);
  });

  test('a LoRA of another base covers nothing, and still has its norms', async () => {
    const [own, other] = [await inspected(SUBJECT, SD15), await inspected(SUBJECT, SDXL)];
    expect(other.problems[0]).toMatchObject({
      code: 'lora_shape_mismatch',
      message: expect.stringContaining('lora_unet_down_blocks_0_resnets_0_conv1'),
    });
    expect(other.coverage.map(({ covered }) => covered).filter((covered) => covered > 0)).toEqual([]);
    const conv = ({ layers }: LoraReport) => layers.find(({ name }) => name === 'down_blocks.0.resnets.0.conv1')!.norm;
    expect(conv(other)).toBeCloseTo(conv(own)!, 6);
  });
});

describe('without a base', () => {
  test('the file’s own names stand for the layers', async () => {
    const [own, based] = [await inspected(XL_SUBJECT), await inspected(XL_SUBJECT, SDXL)];
    expect(own.problems).toEqual([]);
    expect(own.layers).toHaveLength(based.layers.length);
    expect(own.norm).toBeCloseTo(based.norm, 6);
    expect(own.coverage).toEqual(
      based.coverage
        .filter(({ covered }) => covered > 0)
        .map((entry) => expect.objectContaining({ covered: entry.covered, component: entry.component, of: null })),
    );
    expect(new Set(own.layers.map(({ block }) => block))).toEqual(new Set(based.layers.map(({ block }) => block)));
  });

  test('says where every alpha comes from', async () => {
    const stem = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
    const style = path.join(SD15, 'lora/style.peft.safetensors');
    const report = await inspected(style, undefined, (tensors) => tensors.set(`${stem}.alpha`, float32([], 0)));
    expect(report.layers.slice(0, 2)).toMatchObject([
      { name: stem, rank: 8, alpha: 0, alphaFrom: 'tensor', norm: 0 },
      { rank: 8, alpha: 8, alphaFrom: 'rank' },
    ]);
    expect(reportLines(report)).toContainEqual(expect.stringMatching(/rank 8 +alpha 0; changes nothing +1 layers/));
    const configured = await inspected(style, undefined, undefined, JSON.stringify({ r: 8, lora_alpha: 4 }));
    expect(configured.layers[0]).toMatchObject({ alpha: 4, alphaFrom: 'configuration' });
  });
});

describe('what cannot be fused is told as far as it goes:', () => {
  const STEM = 'lora_unet_mid_block_attentions_0_proj_in';
  test.each<[about: string, edit: Edit, kind: RegExp, message: RegExp]>([
    ['LoHa', (tensors) => tensors.set('lora_unet_x.hada_w1_a', float32([1])), /^LoHa$/, /Hadamard/],
    ['DoRA', (tensors) => tensors.set(`${STEM}.dora_scale`, float32([1])), /^DoRA$/, /whole changed weight/],
    ['DoRA by its configuration', (_, metadata) => void (metadata.use_dora = 'true'), /^LoCon/, /use_dora/],
    ['a missing half', (tensors) => tensors.delete(`${STEM}.lora_up.weight`), /^LoCon/, /lora_down\.weight has no up matrix/],
    ['a NaN', (tensors) => tensors.set(`${STEM}.lora_up.weight`, float32([64, 4], Number.NaN)), /^LoCon/, /lora_up\.weight holds NaN/],
    ['a stray tensor', (tensors) => tensors.set('stray', float32([1])), /^LoCon/, /tensor stray is no part of a low-rank pair/],
    ['nothing', (tensors) => tensors.clear(), /^no LoRA$/, /holds no tensor/],
  ])('%s', async (_, edit, kind, message) => {
    const report = await inspected(SUBJECT, undefined, edit);
    expect(report.kind).toMatch(kind);
    expect(report.problems.map((problem) => problem.message).join('\n')).toMatch(message);
    const lines = reportLines(report).join('\n');
    expect(lines).toMatch(/can be fused +no\n/);
    expect(lines).toMatch(message);
  });

  test('a LoHa names its layers, and has one problem', async () => {
    const report = await inspected(SUBJECT, SD15, (tensors) => {
      for (const [key, tensor] of new Map(tensors)) {
        if (key.endsWith('.alpha')) continue;
        tensors.delete(key);
        for (const half of ['a', 'b'])
          tensors.set(
            key.replace(/lora_(down|up)\.weight/, (_, part) => `hada_w${part === 'up' ? 1 : 2}_${half}`),
            tensor,
          );
      }
    });
    expect(report).toMatchObject({ kind: 'LoHa', problems: { length: 1 }, unplaced: [], layers: { length: 61 }, norm: 0 });
    expect(report.coverage).toContainEqual({ component: 'denoiser', type: 'convolution', covered: 13, of: 33 });
  });

  test('the pairs beside a broken one keep their numbers', async () => {
    const [whole, broken] = [
      await inspected(SUBJECT),
      await inspected(SUBJECT, undefined, (tensors) => tensors.delete(`${STEM}.lora_up.weight`)),
    ];
    expect(broken.layers.filter(({ norm }) => norm !== null)).toEqual(whole.layers.filter(({ name }) => name !== STEM));
  });
});

test('tells trigger words, tags and training metadata', async () => {
  const report = await inspected(SUBJECT, undefined, (_, metadata) => {
    metadata['modelspec.trigger_phrase'] = 'a pip creature';
    metadata.ss_tag_frequency = JSON.stringify({ '10_pip': { pip: 40, ' hat': 2 }, '5_more': { pip: 3, hat: 5 }, bad: 7 });
    metadata.ss_steps = '1200';
    metadata.ss_unet_lr = 'None';
  });
  expect(report).toMatchObject({
    trigger: 'a pip creature',
    tags: [
      { tag: 'pip', count: 43 },
      { tag: 'hat', count: 7 },
    ],
  });
  expect(report.training.map(({ key, value }) => `${key}=${value}`)).toEqual([
    'ss_network_module=networks.lora',
    'ss_network_dim=4',
    'ss_network_alpha=2.0',
    'ss_steps=1200',
  ]);
});

test('text of the file cannot steer the terminal', async () => {
  const report = await inspected(SUBJECT, undefined, (tensors, metadata) => {
    metadata.trigger = 'a\u001b[2Jpip\u0007\nforged  yes';
    tensors.set('stray\u001b[31m', float32([1]));
  });
  const lines = reportLines(report);
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}trigger +a \[2Jpip {2}forged {2}yes$/));
});

test.each(['[1', '{"a": null, "b": [1], "c": {"d": "e"}}', 'null', '7'])('tag lists of another form tell no tag: %s', async (text) => {
  expect((await inspected(SUBJECT, undefined, (_, metadata) => void (metadata.ss_tag_frequency = text))).tags).toEqual([]);
});

describe('the picture', () => {
  let svg: string;
  let report: LoraReport;
  beforeAll(async () => {
    report = await inspected(XL_SUBJECT, SDXL);
    svg = normsPicture({ ...report, file: '/a/<b>&"c".safetensors' });
  });

  test('has a bar for every layer, as high as its norm', () => {
    const bars = [...svg.matchAll(/height="([\d.]+)" fill="#\w+"><title>([^:]+): ([\d.]+),/g)];
    expect(bars).toHaveLength(report.layers.length);
    // Every panel has a scale of its own; the denoiser's is the first.
    const scales = bars.map(([, height, , norm]) => Number(height) / Number(norm));
    const first = scales.slice(0, report.layers.filter(({ component }) => component === 'denoiser').length);
    for (const scale of first) expect(scale / first[0]!).toBeCloseTo(1, 2);
  });

  test('names title, axes, blocks and kinds, and escapes what comes from the file', () => {
    const texts = [...svg.matchAll(/>([^<>]+)<\/text>/g)].map((match) => match[1]!);
    expect(texts).toEqual(
      expect.arrayContaining([
        'denoiser',
        'text encoder',
        'text encoder 2',
        'down 0',
        'mid',
        'up 1',
        'layer 0',
        'Frobenius norm of ΔW',
        'self-attention',
      ]),
    );
    expect(texts[0]).toBe('What &lt;b&gt;&amp;&quot;c&quot;.safetensors changes');
  });

  test('of a file without a pair says so', async () => {
    expect(normsPicture(await inspected(SUBJECT, undefined, (tensors) => tensors.clear()))).toContain('No layer can be read.');
  });
});

describe('the command', () => {
  test('prints a table, and draws', async () => {
    const picture = path.join(root, 'norms.svg');
    const { code, stdout, stderr } = await diptych('lora', 'inspect', SUBJECT, '--base', SD15, '--picture', picture);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/denoiser +convolution +13 of 33\n/);
    expect(stdout).toMatch(/rank 4 +alpha 2 +61 layers\n/);
    expect(await readFile(picture, 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
  });

  test('prints one JSON value, and reads the configuration beside the file', async () => {
    const file = path.join(root, 'adapter_model.safetensors');
    await writeFile(file, await readFile(path.join(SD15, 'lora/style.peft.safetensors')));
    await writeFile(path.join(root, 'adapter_config.json'), '{"peft_type": "LORA", "r": 8, "lora_alpha": 16}');
    const { code, stdout } = await diptych('--json', 'lora', 'inspect', file);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as LoraReport;
    expect(report).toMatchObject({ file, kind: 'LoRA', problems: [], layers: { length: 32 } });
    expect(new Set(report.layers.map(({ alpha }) => alpha))).toEqual(new Set([16]));
  });

  test.each([
    [['nothing.safetensors'], 2, /nothing\.safetensors cannot be read/],
    [[SUBJECT, '--base', 'nowhere'], 2, /nowhere is not there; give a pipeline folder or an ONNX file/],
    [[SUBJECT, '--base', SD15, '--model', 'tiny'], 2, /cannot be used with option/],
    [[path.join(SD15, 'golden.json')], 1, /error\[lora_header_invalid\]/],
  ])('%j exits with %i', async (args, expected, message) => {
    const { code, stdout, stderr } = await diptych('lora', 'inspect', ...args);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
