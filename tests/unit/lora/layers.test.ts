import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findSites } from '../../../shared/fusion/sites.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { readModel } from '../../../shared/onnx/read.ts';

const linear = (module: string): LayerEntry => ({ kind: 'linear', module, in: 3, out: 4 });
const conv = (module: string, size: number): LayerEntry => ({ kind: 'conv', module, in: 3, out: 4, kernel: [size, size] });

/** Elements 0, 0.5, 1 ... */
function float32(shape: number[]): SafeTensor {
  const values = Float32Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, (_, i) => i / 2);
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

function read(tensors: Record<string, SafeTensor>, denoiser: LayerEntry[], textEncoder: LayerEntry[] = []) {
  return readLora(writeSafetensors(new Map(Object.entries(tensors)), {}), { denoiser, textEncoder }, 'lora.safetensors');
}

describe('a matrix stored as a 1x1 convolution, or the other way round', () => {
  const DOWN = { matrix: [2, 3], conv: [2, 3, 1, 1] };
  const UP = { matrix: [4, 2], conv: [4, 2, 1, 1] };
  const cases = [linear('proj'), conv('proj', 1)].flatMap((layer) =>
    [DOWN.matrix, DOWN.conv].flatMap((down) => [UP.matrix, UP.conv].map((up) => [layer.kind, down, up, layer] as const)),
  );
  it.each(cases)('%s layer, down %j, up %j', (kind, down, up, layer) => {
    const [found] = read({ 'proj.lora_A.weight': float32(down), 'proj.lora_B.weight': float32(up) }, [layer]).denoiser;
    expect(found).toMatchObject({ kind, rank: 2, downShape: kind === 'conv' ? DOWN.conv : DOWN.matrix });
    expect([found!.down.length, found!.up.length]).toEqual([6, 8]);
  });

  it('does not pass for a 3x3 convolution', () => {
    const file = { 'proj.lora_A.weight': float32([2, 3]), 'proj.lora_B.weight': float32([4, 2]) };
    expect(() => read(file, [conv('proj', 3)])).toThrowError(expect.objectContaining({ code: 'lora_shape_mismatch' }));
  });
});

describe('alpha', () => {
  const pair = { 'proj.lora_A.weight': float32([2, 3]), 'proj.lora_B.weight': float32([4, 2]) };
  const alphaOf = (alpha: SafeTensor) => read({ ...pair, 'proj.alpha': alpha }, [linear('proj')]).denoiser[0]!.alpha;
  const typed = (dtype: string, shape: number[], values: { buffer: ArrayBufferLike }): SafeTensor => ({
    dtype,
    shape,
    bytes: new Uint8Array(values.buffer as ArrayBuffer),
  });

  it.each([
    ['a scalar', typed('F32', [], Float32Array.of(8)), 8],
    ['one element', typed('F32', [1], Float32Array.of(0.5)), 0.5],
    ['zero, which is no missing one', typed('F32', [], Float32Array.of(0)), 0],
    // kohya's trainer without network_alpha: torch.tensor(rank).
    ['an int64', typed('I64', [], BigInt64Array.of(16n)), 16],
    ['a float64', typed('F64', [], Float64Array.of(2.5)), 2.5],
    ['a negative one, which turns the change round', typed('F32', [], Float32Array.of(-1)), -1],
    ['a float16', typed('F16', [], Uint16Array.of(0x4800)), 8],
  ])('is read from %s', (_, tensor, expected) => {
    expect(alphaOf(tensor)).toBe(expected);
  });

  it.each([
    ['NaN', typed('F32', [], Float32Array.of(Number.NaN))],
    ['infinity', typed('F32', [], Float32Array.of(Infinity))],
    ['beyond single precision', typed('F64', [], Float64Array.of(1e300))],
  ])('is refused where it is %s', (_, tensor) => {
    expect(() => alphaOf(tensor)).toThrowError(
      expect.objectContaining({ code: 'lora_not_finite', details: { file: 'lora.safetensors', key: 'proj.alpha' } }),
    );
  });

  it('must be one number', () => {
    expect(() => alphaOf(float32([2]))).toThrowError(expect.objectContaining({ code: 'lora_shape_mismatch' }));
  });

  it('alone is no layer', () => {
    expect(() => read({ 'proj.alpha': float32([]) }, [linear('proj')])).toThrowError(
      expect.objectContaining({ code: 'lora_pair_incomplete', details: { file: 'lora.safetensors', key: 'proj.alpha' } }),
    );
  });
});

describe('names of modules', () => {
  it.each([
    ['attn1.to_q', 'attn1.processor.to_q_lora'],
    ['attn1.to_out.0', 'attn1.processor.to_out_lora'],
    ['attn.add_k_proj', 'attn.processor.add_k_proj_lora'],
    ['attn.to_add_out', 'attn.processor.to_add_out_lora'],
  ])('%s in a file of the attention-processor time is %s', (module, stem) => {
    const file = { [`unet.block.${stem}.down.weight`]: float32([2, 3]), [`unet.block.${stem}.up.weight`]: float32([4, 2]) };
    expect(read(file, [linear(`block.${module}`)]).denoiser.map((layer) => layer.module)).toEqual([`block.${module}`]);
  });

  it('reads the text encoder names of diffusers before PEFT', () => {
    const stem = 'text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer';
    const file = { [`${stem}.down.weight`]: float32([2, 3]), [`${stem}.up.weight`]: float32([4, 2]) };
    const module = 'text_model.encoder.layers.0.self_attn.q_proj';
    expect(read(file, [], [linear(module)]).textEncoder.map((layer) => layer.module)).toEqual([module]);
  });

  it('tells kohya names apart by the base, where `_` stands for `.` and for `_`', () => {
    const file = { 'lora_unet_a_b_to_q.lora_down.weight': float32([2, 3]), 'lora_unet_a_b_to_q.lora_up.weight': float32([4, 2]) };
    expect(read(file, [linear('a.b.to_k'), linear('a_b.to_q')]).denoiser[0]!.module).toBe('a_b.to_q');
    // One name for two layers must not go to either in silence.
    expect(() => read(file, [linear('a.b.to_q'), linear('a_b.to_q')])).toThrowError(
      expect.objectContaining({ code: 'lora_key_unknown', message: expect.stringMatching(/denoiser a\.b\.to_q or denoiser a_b\.to_q/) }),
    );
  });

  it.each(['lora_te3_encoder_q.alpha', 'text_encoder_3.encoder.q.lora_A.weight'])('says that %s is of the third text encoder', (key) => {
    expect(() => read({ [key]: float32([1]) }, [linear('proj')])).toThrowError(
      expect.objectContaining({ code: 'lora_key_unknown', message: expect.stringContaining('third text encoder') }),
    );
  });

  it.each(['lora_unet_proj.lora_mid.weight', 'proj.lora_magnitude_vector', 'proj.diff_b'])('refuses %s by its kind', (key) => {
    expect(() => read({ [key]: float32([1]) }, [linear('proj')])).toThrowError(
      expect.objectContaining({ code: 'lora_variant_unsupported', details: { file: 'lora.safetensors', key } }),
    );
  });
});

describe('LoRAs of a multimodal transformer', () => {
  const root = 'tests/fixtures/sd3-tiny';
  const layers = findSites(readModel(new Uint8Array(readFileSync(`${root}/transformer/model.onnx`)), 'transformer').graph).map(
    (site) => site.layer,
  );

  it.each([
    ['subject.peft', 19, 4],
    ['style.peft', 8, 8],
  ])('%s: every tensor is used', (name, count, rank) => {
    const bytes = new Uint8Array(readFileSync(`${root}/lora/${name}.safetensors`));
    const { denoiser } = readLora(bytes, { denoiser: layers, textEncoder: [] }, name);
    expect(denoiser).toHaveLength(count);
    expect(denoiser.every((layer) => layer.rank === rank)).toBe(true);
    expect(readSafetensors(bytes, name).tensors.size).toBe(2 * count);
  });
});
