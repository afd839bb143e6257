import { describe, expect, it } from 'vitest';
import { readLora } from '../../../shared/lora/read.ts';
import { writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { writeLora } from '../../../shared/lora/write.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { float32 } from './tensors.ts';

const linear = (module: string): LayerEntry => ({ kind: 'linear', module, in: 6, out: 6 });
const BASE = {
  denoiser: [linear('down.attn1.to_q'), linear('down.attn2.to_q'), linear('down.attn2.to_k')],
  textEncoder: [linear('text_model.q_proj')],
};

/** Rank 4, but 2 in attn2.to_q. */
const RANKS = { 'unet.down.attn1.to_q': 4, 'unet.down.attn2.to_q': 2, 'unet.down.attn2.to_k': 4, 'text_encoder.text_model.q_proj': 4 };

function fileOf(metadata: Record<string, string>, alphas: Record<string, number> = {}): Uint8Array {
  const tensors = Object.entries(RANKS).flatMap(([stem, rank]) => [
    [`${stem}.lora_A.weight`, float32([rank, 6])] as const,
    [`${stem}.lora_B.weight`, float32([6, rank])] as const,
  ]);
  const scalars = Object.entries(alphas).map(([stem, alpha]) => [`${stem}.alpha`, float32([], alpha)] as const);
  return writeSafetensors(new Map([...tensors, ...scalars]), metadata);
}

const alphasOf = (bytes: Uint8Array, beside?: string): number[] => {
  const lora = readLora(bytes, BASE, 'f.safetensors', beside);
  return [...lora.denoiser, ...lora.textEncoder].map(({ alpha }) => alpha);
};

const diffusers = (config: object) => ({ format: 'pt', lora_adapter_metadata: JSON.stringify(config) });
const UNET = { 'unet.r': 4, 'unet.rank_pattern': { 'attn2.to_q': 2 } };
const RANK = { r: 4, rank_pattern: { 'attn2.to_q': 2 } };

describe('alpha of to_q, to_q, to_k and the text encoder, of ranks 4, 2, 4 and 4', () => {
  it.each<[string, Record<string, string>, number[]]>([
    ['no configuration: the rank', {}, [4, 2, 4, 4]],
    ['diffusers’ metadata, a component each', diffusers({ ...UNET, 'unet.lora_alpha': 8, 'text_encoder.lora_alpha': 1 }), [8, 8, 8, 1]],
    ['one component only', diffusers({ ...UNET, 'unet.lora_alpha': 8 }), [8, 8, 8, 4]],
    ['nested components', diffusers({ unet: { ...RANK, lora_alpha: 8 } }), [8, 8, 8, 4]],
    ['a configuration for all', { adapter_config: JSON.stringify({ ...RANK, lora_alpha: 8 }) }, [8, 8, 8, 8]],
    ['fields as text', { lora_alpha: '8', rank_pattern: '{"attn2.to_q": 2}', r: '4', use_dora: 'False' }, [8, 8, 8, 8]],
    ['an alpha of 0, which is no missing one', diffusers({ 'unet.lora_alpha': 0 }), [0, 0, 0, 4]],
    [
      'alpha_pattern by the end of the path',
      diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.alpha_pattern': { 'attn2.to_q': 3 } }),
      [8, 3, 8, 4],
    ],
    ['not by half a name', diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.alpha_pattern': { o_q: 3 } }), [8, 8, 8, 4]],
    ['by a whole path', diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.alpha_pattern': { '^down.attn1.to_q': 3 } }), [3, 8, 8, 4]],
    ['by a path with the component', diffusers({ ...UNET, 'unet.alpha_pattern': { 'unet.down.attn1.to_q': 3 } }), [3, 2, 4, 4]],
    [
      'by a regular expression',
      diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.alpha_pattern': { 'attn\\d\\.to_(q|v)': 3 } }),
      [3, 3, 8, 4],
    ],
    ['the first key that matches', diffusers({ ...UNET, 'unet.alpha_pattern': { to_q: 3, 'attn2.to_q': 5 } }), [3, 3, 4, 4]],
    ['rsLoRA: alpha / sqrt(rank)', diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.use_rslora': true }), [16, 8 * Math.SQRT2, 16, 4]],
    ['kohya’s own metadata only inform', { ss_network_alpha: '2', ss_network_dim: '4' }, [4, 2, 4, 4]],
    ['null is absent', diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.alpha_pattern': null, 'unet.use_rslora': null }), [8, 8, 8, 4]],
  ])('%s', (_, metadata, expected) => {
    expect(alphasOf(fileOf(metadata))).toEqual(expected);
  });

  it('a tensor decides before any metadata', () => {
    const metadata = diffusers({ ...UNET, 'unet.lora_alpha': 8 });
    expect(alphasOf(fileOf(metadata, { 'unet.down.attn1.to_q': 1, 'unet.down.attn2.to_q': 0 }))).toEqual([1, 0, 8, 4]);
  });

  it('an adapter_config.json beside the file counts where the file says nothing itself', () => {
    const beside = JSON.stringify({ ...RANK, lora_alpha: 12, peft_type: 'LORA', target_modules: ['to_q'] });
    expect(alphasOf(fileOf({}), beside)).toEqual([12, 12, 12, 12]);
    expect(alphasOf(fileOf(diffusers({ 'unet.lora_alpha': 8 })), beside)).toEqual([8, 8, 8, 12]);
    expect(alphasOf(fileOf({}, { 'unet.down.attn1.to_q': 1 }), beside)).toEqual([1, 2, 4, 4]);
  });

  it('is settled by reading: what is written needs no configuration', () => {
    const bytes = fileOf({ ...diffusers({ ...UNET, 'unet.lora_alpha': 8, 'unet.use_rslora': true }), lora_alpha: '3', trigger: 'a pip' });
    const lora = readLora(bytes, BASE, 'f');
    expect(lora.metadata).toEqual({ format: 'pt', trigger: 'a pip' });
    expect(readLora(writeLora(lora), BASE, 'canonical').denoiser.map(({ alpha }) => Math.fround(alpha))).toEqual(
      lora.denoiser.map(({ alpha }) => Math.fround(alpha)),
    );
  });
});

describe('is refused, naming the field:', () => {
  const DOWN = 'unet.down.attn2.to_q.lora_A.weight';
  it.each<[string, Record<string, string>, string, RegExp]>([
    ['DoRA', diffusers({ 'unet.use_dora': true }), 'lora_variant_unsupported', /DoRA \(use_dora\)/],
    ['DoRA as text', { use_dora: 'True' }, 'lora_variant_unsupported', /DoRA \(use_dora\)/],
    ['another method', diffusers({ 'unet.peft_type': 'LOHA' }), 'lora_variant_unsupported', /LOHA \(peft_type\)/],
    [
      'a rank_pattern of another rank',
      diffusers({ 'unet.rank_pattern': { 'attn2.to_q': 3 } }),
      'lora_shape_mismatch',
      RegExp(`tensor ${DOWN} has rank 2, but rank_pattern "attn2\\.to_q" of metadata lora_adapter_metadata says 3`),
    ],
    ['an r of another rank', diffusers({ 'unet.r': 4 }), 'lora_shape_mismatch', RegExp(`tensor ${DOWN} has rank 2, but r of .* says 4`)],
    ['an r that is no count', diffusers({ 'unet.r': 4.5 }), 'lora_header_invalid', /lora_adapter_metadata: r: /],
    ['an alpha as text', diffusers({ 'unet.lora_alpha': 'eight' }), 'lora_header_invalid', /lora_adapter_metadata: lora_alpha: /],
    ['a pattern to a text', diffusers({ 'unet.alpha_pattern': { to_q: 'x' } }), 'lora_header_invalid', /alpha_pattern\.to_q: /],
    ['a pattern that is a list', diffusers({ 'unet.rank_pattern': [4] }), 'lora_header_invalid', /rank_pattern/],
    [
      'no regular expression',
      diffusers({ 'unet.alpha_pattern': { '(to_q': 1 } }),
      'lora_header_invalid',
      /alpha_pattern has the key \(to_q, which is no regular/,
    ],
    // It would run for longer than anybody waits.
    ['a pattern that backtracks', diffusers({ 'unet.alpha_pattern': { '(.*)*x': 1 } }), 'lora_header_invalid', /too complex/],
    ['metadata that are no JSON', { lora_adapter_metadata: '{NaN' }, 'lora_header_invalid', /metadata lora_adapter_metadata is not JSON/],
    [
      'metadata that are a list',
      { lora_adapter_metadata: '[]' },
      'lora_header_invalid',
      /metadata lora_adapter_metadata is not a JSON object/,
    ],
  ])('%s', (_, metadata, code, message) => {
    const reading = () => readLora(fileOf(metadata), BASE, 'f.safetensors');
    expect(reading).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    expect(reading).toThrowError(expect.objectContaining({ details: expect.objectContaining({ file: 'f.safetensors' }) }));
  });

  it('an adapter_config.json that is no JSON', () => {
    expect(() => readLora(fileOf({}), BASE, 'f.safetensors', '{')).toThrowError(
      expect.objectContaining({
        code: 'lora_header_invalid',
        message: expect.stringMatching(/adapter_config\.json beside f\.safetensors is not JSON/),
      }),
    );
  });
});
