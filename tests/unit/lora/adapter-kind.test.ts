import { describe, expect, it } from 'vitest';
import { readLora } from '../../../shared/lora/read.ts';
import { writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { float32 } from './tensors.ts';

const BASE = { denoiser: [{ kind: 'linear', module: 'proj', in: 3, out: 4 } as const] };
const PAIR = ['lora_unet_proj.lora_down.weight', 'lora_unet_proj.lora_up.weight'];

describe('what is no plain LoRA is refused by name, with the reason', () => {
  it.each<[name: RegExp, key: string, others?: string[]]>([
    [/LoHa: .*Hadamard/, 'lora_unet_proj.hada_w1_a'],
    [/LoHa/, 'lora_unet_proj.hada_t1'],
    [/LoKr: .*Kronecker/, 'lora_unet_proj.lokr_w1'],
    [/LoKr/, 'lora_unet_proj.lokr_w2_b'],
    [/LoKr/, 'lora_unet_proj.lokr_t2'],
    [/DoRA: .*whole changed weight/, 'lora_unet_proj.dora_scale'],
    [/DoRA/, 'unet.proj.lora_magnitude_vector', ['unet.proj.lora_A.weight']],
    [/DoRA/, 'unet.proj.lora_magnitude_vector.default.weight'],
    [/Tucker core: .*lora_mid/, 'lora_unet_proj.lora_mid.weight', PAIR],
    [/LoRA with biases/, 'unet.proj.lora_B.bias'],
    [/LoRA with biases/, 'unet.proj.lora_B.default.bias'],
    [/LoRA with biases/, 'lora_unet_proj.lora_up.bias', PAIR],
    [/a full difference/, 'lora_unet_proj.diff'],
    [/a full difference/, 'lora_unet_proj.diff_b', PAIR],
    [/a full difference/, 'lora_unet_norm.w_norm', PAIR],
    [/OFT: .*orthogonal/, 'lora_unet_proj.oft_blocks'],
    [/OFT/, 'unet.proj.oft_R.default.weight'],
    [/BOFT/, 'unet.proj.boft_R.default'],
    [/IA3/, 'lora_unet_proj.on_input'],
    [/IA3/, 'unet.proj.ia3_l.default'],
    [/GLoRA/, 'lora_unet_proj.a1.weight'],
    [/VeRA/, 'unet.proj.vera_lambda_b'],
    [/embedding table/, 'text_encoder.lora_embedding_A'],
    [/textual inversion/, 'emb_params'],
    [/textual inversion/, '<pip>'],
    [/textual inversion/, 'clip_g'],
    [/textual inversion/, 'bundle_emb.pip.string_to_param.*', PAIR],
    [/a ControlNet/, 'lora_controlnet', PAIR],
    [/an IP-Adapter/, 'ip_adapter.1.to_k_ip.weight'],
    [/a whole checkpoint: .*weights of a model/, 'model.diffusion_model.input_blocks.0.0.weight', ['cond_stage_model.x.weight']],
    [/a whole checkpoint/, 'down_blocks.0.resnets.0.conv1.weight'],
    [/a whole checkpoint/, 'conv_in.weight', ['conv_in.bias']],
  ])('%s by %s', (name, key, others = []) => {
    const file = writeSafetensors(new Map([...others, key].map((each) => [each, float32([1])])), {});
    expect(() => readLora(file, BASE, 'lora.safetensors')).toThrowError(
      expect.objectContaining({ code: 'lora_variant_unsupported', message: expect.stringMatching(name), details: expect.anything() }),
    );
  });

  it('an adapter that PEFT calls b1 is no GLoRA', () => {
    const tensors = { 'unet.proj.lora_A.b1.weight': float32([2, 3]), 'unet.proj.lora_B.b1.weight': float32([4, 2]) };
    expect(readLora(writeSafetensors(new Map(Object.entries(tensors)), {}), BASE, 'f').denoiser).toHaveLength(1);
  });

  // An adapter with one stray weight is no checkpoint: the stray key is what must be named.
  it('a weight among pairs is an unknown key', () => {
    const file = writeSafetensors(new Map([...PAIR, 'unet.proj.weight'].map((key) => [key, float32([1])])), {});
    expect(() => readLora(file, BASE, 'f')).toThrowError(
      expect.objectContaining({ code: 'lora_key_unknown', details: { file: 'f', key: 'unet.proj.weight' } }),
    );
  });
});
