import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiptychError, ERRORS } from '../../../shared/errors.ts';
import { COMPONENTS } from '../../../shared/lora/lora.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { writeSafetensors } from '../../../shared/lora/safetensors.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { float32 } from './tensors.ts';

const BASE: { denoiser: LayerEntry[]; textEncoder: LayerEntry[] } = {
  denoiser: [
    { kind: 'linear', module: 'mid_block.attentions.0.proj_in', in: 4, out: 4 },
    { kind: 'conv', module: 'conv_in', in: 2, out: 4, kernel: [3, 3] },
  ],
  textEncoder: [{ kind: 'linear', module: 'text_model.q_proj', in: 4, out: 3 }],
};
const FILE = writeSafetensors(
  new Map([
    ['unet.mid_block.attentions.0.proj_in.lora_A.weight', float32([2, 4])],
    ['unet.mid_block.attentions.0.proj_in.lora_B.weight', float32([4, 2])],
    ['lora_unet_conv_in.lora_down.weight', float32([1, 2, 3, 3])],
    ['lora_unet_conv_in.lora_up.weight', float32([4, 1, 1, 1])],
    ['lora_unet_conv_in.alpha', float32([], 2)],
    ['text_encoder.text_model.q_proj.lora.down.weight', float32([3, 4])],
    ['text_encoder.text_model.q_proj.lora.up.weight', float32([3, 3])],
  ]),
  { lora_adapter_metadata: JSON.stringify({ 'unet.lora_alpha': 4, 'unet.r': 2, 'unet.rank_pattern': { conv_in: 1 } }), trigger: 'a pip' },
);
const HEADER = 8 + Number(new DataView(FILE.buffer).getBigUint64(0, true));

/** `read` for a LoRA whose numbers are all finite, `refused` for a refusal that names the file, else what is wrong. */
function outcomeOf(bytes: Uint8Array): string {
  try {
    const lora = readLora(bytes, BASE, 'fuzz.safetensors');
    const layers = COMPONENTS.flatMap((component) => lora[component]);
    const finite = layers.every(({ rank, alpha, down, up }) => rank > 0 && [alpha, ...down, ...up].every(Number.isFinite));
    return finite ? 'read' : 'read a number that is not finite';
  } catch (error) {
    if (!(error instanceof DiptychError)) return String(error);
    return error.code in ERRORS && error.message.includes('fuzz.safetensors') ? 'refused' : error.message;
  }
}

const EITHER = ['read', 'refused'];

const byteAt = (last: number) => fc.tuple(fc.nat(last), fc.nat(255));

describe('a damaged file', () => {
  it.each([
    ['anywhere', byteAt(FILE.length - 1), 8],
    ['in its header', byteAt(HEADER), 3],
    ['in the length of its header', byteAt(7), 3],
  ])('%s is a LoRA or a refusal', (_, edit, most) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: most }), fc.option(fc.nat(FILE.length)), (edits, cut) => {
        const bytes = FILE.slice(0, cut ?? FILE.length);
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        const outcome = outcomeOf(bytes);
        seen.add(outcome);
        expect(EITHER).toContain(outcome);
      }),
      { numRuns: 5000 },
    );
    expect(seen).toContain('refused');
  });

  it('whose header is another JSON is refused', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(64), (json, dataBytes) => {
        const text = new TextEncoder().encode(json);
        const bytes = new Uint8Array(8 + text.length + dataBytes);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
        bytes.set(text, 8);
        expect(outcomeOf(bytes)).toBe('refused');
      }),
      { numRuns: 2000 },
    );
  });

  it('whose configuration is any other is a LoRA or a refusal', () => {
    const field = fc.constantFrom(
      'r',
      'lora_alpha',
      'rank_pattern',
      'alpha_pattern',
      'use_rslora',
      'use_dora',
      'peft_type',
      'unet.r',
      'unet',
    );
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (config) => {
        expect(EITHER).toContain(outcomeOf(withConfig(JSON.stringify(config))));
      }),
      { numRuns: 2000 },
    );
  });

  it('that is whole is a LoRA', () => {
    expect(outcomeOf(FILE)).toBe('read');
  });
});

function withConfig(text: string): Uint8Array {
  return writeSafetensors(
    new Map([
      ['lora_unet_conv_in.lora_down.weight', float32([1, 2, 3, 3])],
      ['lora_unet_conv_in.lora_up.weight', float32([4, 1])],
    ]),
    { lora_adapter_metadata: text },
  );
}
