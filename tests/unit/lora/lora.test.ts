import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { findSites } from '../../../shared/fusion/sites.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { sgmNamer } from '../../../shared/lora/sgm.ts';
import { writeLora } from '../../../shared/lora/write.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { readModel } from '../../../shared/onnx/read.ts';

const ROOT = 'tests/fixtures/sd15-tiny';
const SUBJECT = 'subject.kohya.safetensors';
const STYLE = 'style.peft.safetensors';
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${ROOT}/lora/${name}`));
const layersOf = (part: string): LayerEntry[] =>
  findSites(readModel(new Uint8Array(readFileSync(`${ROOT}/${part}/model.onnx`)), part).graph).map((site) => site.layer);

let base: { denoiser: LayerEntry[]; textEncoder: LayerEntry[] };
const read = (name: string) => readLora(bytesOf(name), base, name);

beforeAll(() => {
  base = { denoiser: layersOf('unet'), textEncoder: layersOf('text_encoder') };
});

describe('names', () => {
  it('reads kohya names: attention, feed-forward, 1x1 and 3x3 convolutions, text encoder', () => {
    const lora = read(SUBJECT);
    expect(lora.denoiser).toHaveLength(53);
    expect(lora.textEncoder.length).toBeGreaterThan(0);
    expect(lora.denoiser.length * 3 + lora.textEncoder.length * 3).toBe(readSafetensors(bytesOf(SUBJECT), SUBJECT).tensors.size);
    expect(lora.denoiser[0]).toMatchObject({
      module: 'down_blocks.0.resnets.0.conv1',
      kind: 'conv',
      rank: 4,
      alpha: 2,
      downShape: [4, 32, 3, 3],
    });
    expect(lora.metadata.ss_network_dim).toBe('4');
  });

  it('reads the numbered text encoder of SDXL trainers', () => {
    const renamed = new Map(
      [...readSafetensors(bytesOf(SUBJECT), SUBJECT).tensors].map(([key, tensor]) => [key.replace(/^lora_te_/, 'lora_te1_'), tensor]),
    );
    expect(readLora(writeSafetensors(renamed, {}), base, 'renamed').textEncoder).toEqual(read(SUBJECT).textEncoder);
  });

  it('reads PEFT names, and takes the rank for a missing alpha', () => {
    const lora = read(STYLE);
    expect(lora.denoiser).toHaveLength(32);
    expect(lora.textEncoder).toEqual([]);
    expect(new Set(lora.denoiser.map(({ rank, alpha }) => `${rank} ${alpha}`))).toEqual(new Set(['8 8']));
  });

  it('reads the attention-processor names to the same LoRA', () => {
    expect(read('style.processor.safetensors').denoiser).toEqual(read(STYLE).denoiser);
  });

  it('reads float16 to the same LoRA within its rounding', () => {
    const [half, full] = [read('style.peft.fp16.safetensors').denoiser, read(STYLE).denoiser];
    expect(half.map((layer) => layer.module)).toEqual(full.map((layer) => layer.module));
    const errors = half.flatMap((layer, i) =>
      [...layer.down].map((value, k) => Math.abs(value - full[i]!.down[k]!) / Math.max(Math.abs(value), 1e-4)),
    );
    expect(Math.max(...errors)).toBeLessThan(2 ** -11 + 1e-6);
  });

  it.each(['base_model.model.unet.', 'base_model.model.', 'transformer.', ''])('reads PEFT names below the prefix "%s"', (prefix) => {
    const renamed = new Map(
      [...readSafetensors(bytesOf(STYLE), STYLE).tensors].map(([key, tensor]) => [key.replace(/^unet\./, prefix), tensor]),
    );
    expect(readLora(writeSafetensors(renamed, {}), base, 'renamed').denoiser).toEqual(read(STYLE).denoiser);
  });

  it('reads a Node Buffer, whose slices are views of the whole file, as it reads plain bytes', () => {
    expect(readLora(readFileSync(`${ROOT}/lora/${STYLE}`), base, STYLE)).toEqual(read(STYLE));
  });

  it.each([
    ['kohya’s', (module: string) => `lora_unet_${module.replaceAll('.', '_')}`],
    ['ComfyUI’s', (module: string) => `diffusion_model.${module}`],
  ])('reads the names of the original code in %s spelling', (_, spelling) => {
    const original = sgmNamer(base.denoiser.map(({ module }) => module));
    const renamed = new Map(
      [...readSafetensors(bytesOf(STYLE), STYLE).tensors].map(([key, tensor]) => {
        const [, module, end] = /^unet\.(.*)(\.lora_[AB]\.weight)$/.exec(key)!;
        return [`${spelling(original(module!)!)}${end}`, tensor];
      }),
    );
    expect(readLora(writeSafetensors(renamed, {}), base, 'renamed').denoiser).toEqual(read(STYLE).denoiser);
  });

  it('reads bfloat16', () => {
    const cut = new Map(
      [...readSafetensors(bytesOf(STYLE), STYLE).tensors].map(([key, { shape, bytes }]) => {
        const high = Uint16Array.from(new Uint32Array(bytes.slice().buffer), (bits) => bits >>> 16);
        return [key, { dtype: 'BF16', shape, bytes: new Uint8Array(high.buffer) }];
      }),
    );
    const [layer, full] = [readLora(writeSafetensors(cut, {}), base, 'bf16').denoiser[3]!, read(STYLE).denoiser[3]!];
    layer.down.forEach((value, i) => expect(Math.abs(value - full.down[i]!)).toBeLessThanOrEqual(Math.abs(full.down[i]!) / 128));
  });
});

describe('writeLora', () => {
  it.each([SUBJECT, STYLE])('is read back to the same LoRA: %s', (name) => {
    const lora = read(name);
    expect(readLora(writeLora(lora), base, 'canonical')).toEqual(lora);
  });

  it('keeps both text encoders of SDXL', () => {
    const root = 'tests/fixtures/sdxl-tiny';
    const layers = (part: string) =>
      findSites(readModel(new Uint8Array(readFileSync(`${root}/${part}/model.onnx`)), part).graph).map((site) => site.layer);
    const xl = { denoiser: layers('unet'), textEncoder: layers('text_encoder'), textEncoder2: layers('text_encoder_2') };
    const lora = readLora(new Uint8Array(readFileSync(`${root}/lora/${SUBJECT}`)), xl, SUBJECT);
    expect([lora.denoiser, lora.textEncoder, lora.textEncoder2].map((found) => found.length)).toEqual([96, 18, 12]);
    expect(readLora(writeLora(lora), xl, 'canonical')).toEqual(lora);
  });

  it('keeps float16 exactly', () => {
    const lora = read('style.peft.fp16.safetensors');
    const bytes = writeLora(lora, 'F16');
    expect(readLora(bytes, base, 'canonical')).toEqual(lora);
    expect(bytes.length).toBeLessThan(writeLora(lora).length * 0.7);
  });
});

describe('what a LoRA file can have wrong', () => {
  const KEY = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight';
  const float32 = (shape: number[], fill = 0.1): SafeTensor => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill);
    return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
  };
  const edits: [string, (tensors: Map<string, SafeTensor>) => void, string, string][] = [
    ['a wrong shape', (t) => t.set(KEY, float32([8, 33])), 'lora_shape_mismatch', KEY],
    ['a missing half', (t) => t.delete(KEY), 'lora_pair_incomplete', KEY.replace('lora_A', 'lora_B')],
    [
      'a key of no layer',
      (t) => t.set('unet.down_blocks.9.to_q.lora_A.weight', float32([8, 32])),
      'lora_key_unknown',
      'unet.down_blocks.9.to_q.lora_A.weight',
    ],
    ['a NaN', (t) => t.set(KEY, float32([8, 32], Number.NaN)), 'lora_not_finite', KEY],
    ['an infinity', (t) => t.set(KEY, float32([8, 32], -Infinity)), 'lora_not_finite', KEY],
    [
      'a rank larger than the layer',
      (t) => void t.set(KEY, float32([40, 32])).set(KEY.replace('lora_A', 'lora_B'), float32([32, 40])),
      'lora_rank_too_large',
      KEY,
    ],
    ['integers', (t) => t.set(KEY, { dtype: 'I32', shape: [8, 32], bytes: new Uint8Array(1024) }), 'lora_dtype_unsupported', KEY],
    ['LoHa', (t) => t.set('lora_unet_conv_in.hada_w1_a', float32([1])), 'lora_variant_unsupported', 'lora_unet_conv_in.hada_w1_a'],
    ['LoKr', (t) => t.set('lora_unet_conv_in.lokr_w1', float32([1])), 'lora_variant_unsupported', 'lora_unet_conv_in.lokr_w1'],
    ['DoRA', (t) => t.set('lora_unet_conv_in.dora_scale', float32([1])), 'lora_variant_unsupported', 'lora_unet_conv_in.dora_scale'],
    ['a full difference', (t) => t.set('lora_unet_conv_in.diff', float32([1])), 'lora_variant_unsupported', 'lora_unet_conv_in.diff'],
    [
      'the same matrix under two names',
      (t) => t.set(KEY.replace('unet.', 'base_model.model.unet.'), float32([8, 32])),
      'lora_header_invalid',
      KEY.replace('unet.', 'base_model.model.unet.'),
    ],
  ];
  it.each(edits)('%s', (_, edit, code, key) => {
    const { tensors } = readSafetensors(bytesOf(STYLE), STYLE);
    edit(tensors);
    const reading = () => readLora(writeSafetensors(tensors, {}), base, 'broken.safetensors');
    expect(reading).toThrowError(
      expect.objectContaining({
        code,
        details: expect.objectContaining({ key, file: 'broken.safetensors' }),
        message: expect.stringContaining(key),
      }),
    );
  });

  const whole = bytesOf(STYLE);
  const hugeHeader = new Uint8Array(64);
  new DataView(hugeHeader.buffer).setBigUint64(0, 2n ** 60n, true);
  const container: [string, Uint8Array, string][] = [
    ['no bytes', new Uint8Array(), 'lora_truncated'],
    ['a truncated header', whole.slice(0, 100), 'lora_truncated'],
    ['truncated tensors', whole.slice(0, -1), 'lora_truncated'],
    ['a header of 2^60 bytes', hugeHeader, 'lora_header_invalid'],
    ['a header that is not JSON', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b), 'lora_header_invalid'],
    ['a header that is a list', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x5b, 0x5d), 'lora_header_invalid'],
    ['no tensor', writeSafetensors(new Map(), {}), 'lora_header_invalid'],
    [
      'bytes that do not fit the shape',
      writeSafetensors(new Map([['x', { dtype: 'F32', shape: [3], bytes: new Uint8Array(8) }]]), {}),
      'lora_header_invalid',
    ],
    [
      'an unknown data type',
      writeSafetensors(new Map([['x', { dtype: 'Q3', shape: [1], bytes: new Uint8Array(1) }]]), {}),
      'lora_dtype_unsupported',
    ],
  ];
  it.each(container)('%s', (_, bytes, code) => {
    expect(() => readLora(bytes, base, 'broken.safetensors')).toThrowError(
      expect.objectContaining({ code, message: expect.stringContaining('broken.safetensors') }),
    );
  });
});
