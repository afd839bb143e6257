import { describe, expect, it } from 'vitest';
import { namer } from '../../../shared/lora/names.ts';
import { sgmNamer } from '../../../shared/lora/sgm.ts';
import { SD15_SHAPE, SDXL_SHAPE, type Shape, unetModules } from './unet-modules.ts';

const asLayers = (modules: readonly string[]) => modules.map((module) => ({ module }));
const TEXT = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.out_proj', 'mlp.fc1', 'mlp.fc2'].map(
  (name) => `text_model.encoder.layers.0.${name}`,
);
const XL = { denoiser: asLayers(unetModules(SDXL_SHAPE)), textEncoder: asLayers(TEXT), textEncoder2: asLayers(TEXT) };
const Q = 'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q';
const SGM_Q = 'input_blocks.4.1.transformer_blocks.0.attn1.to_q';

describe('every module has one name in the original code, at the places that are known', () => {
  const SDXL_PLACES = {
    'down_blocks.0.resnets.0.conv1': 'input_blocks.1.0.in_layers.2',
    'down_blocks.0.resnets.1.time_emb_proj': 'input_blocks.2.0.emb_layers.1',
    'down_blocks.0.downsamplers.0.conv': 'input_blocks.3.0.op',
    'down_blocks.1.resnets.0.conv_shortcut': 'input_blocks.4.0.skip_connection',
    'down_blocks.1.attentions.0.proj_in': 'input_blocks.4.1.proj_in',
    'down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj': 'input_blocks.8.1.transformer_blocks.9.ff.net.0.proj',
    'mid_block.resnets.0.conv2': 'middle_block.0.out_layers.3',
    'mid_block.attentions.0.proj_out': 'middle_block.1.proj_out',
    'mid_block.resnets.1.conv1': 'middle_block.2.in_layers.2',
    'up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0': 'output_blocks.0.1.transformer_blocks.0.attn2.to_out.0',
    'up_blocks.0.upsamplers.0.conv': 'output_blocks.2.2.conv',
    'up_blocks.1.attentions.2.proj_in': 'output_blocks.5.1.proj_in',
    'up_blocks.1.upsamplers.0.conv': 'output_blocks.5.2.conv',
    'up_blocks.2.resnets.2.conv1': 'output_blocks.8.0.in_layers.2',
    'time_embedding.linear_2': 'time_embed.2',
    'add_embedding.linear_1': 'label_emb.0.0',
    conv_in: 'input_blocks.0.0',
    conv_out: 'out.2',
  };
  const SD15_PLACES = {
    'down_blocks.0.attentions.1.proj_in': 'input_blocks.2.1.proj_in',
    'down_blocks.2.downsamplers.0.conv': 'input_blocks.9.0.op',
    'down_blocks.3.resnets.1.conv2': 'input_blocks.11.0.out_layers.3',
    // Without attention in its block the upsampler comes right after the resnet.
    'up_blocks.0.upsamplers.0.conv': 'output_blocks.2.1.conv',
    'up_blocks.2.upsamplers.0.conv': 'output_blocks.8.2.conv',
    'up_blocks.3.attentions.2.proj_out': 'output_blocks.11.1.proj_out',
  };
  const ONE_LAYER: Shape = { depths: [1, 0], middle: 1, layers: 1, added: false };
  const ONE_LAYER_PLACES = {
    'down_blocks.0.downsamplers.0.conv': 'input_blocks.2.0.op',
    'down_blocks.1.resnets.0.conv1': 'input_blocks.3.0.in_layers.2',
    'up_blocks.0.upsamplers.0.conv': 'output_blocks.1.1.conv',
    'up_blocks.1.attentions.1.proj_in': 'output_blocks.3.1.proj_in',
  };
  it.each<[string, Shape, Record<string, string>]>([
    ['SDXL', SDXL_SHAPE, SDXL_PLACES],
    ['SD 1.5', SD15_SHAPE, SD15_PLACES],
    ['a UNet of one layer a block', ONE_LAYER, ONE_LAYER_PLACES],
  ])('%s', (_, shape, places) => {
    const modules = unetModules(shape);
    const original = sgmNamer(modules);
    expect(Object.fromEntries(Object.keys(places).map((module) => [module, original(module)]))).toEqual(places);
    expect(new Set(modules.map(original)).size).toBe(modules.length);
    expect(modules.map(original)).not.toContain(undefined);
  });

  it('a transformer has none', () => {
    const module = 'transformer_blocks.0.attn.to_q';
    expect(sgmNamer([module])(module)).toBeUndefined();
  });
});

describe('where a tensor belongs', () => {
  const denoiser = { component: 'denoiser', module: Q };
  const text = (component: string, name: string) => ({ component, module: `text_model.encoder.layers.0.${name}` });
  it.each<[key: string, place: object]>([
    ['lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight', { ...denoiser, part: 'down' }],
    ['lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_up.weight', { ...denoiser, part: 'up' }],
    ['lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.alpha', { ...denoiser, part: 'alpha' }],
    ['lora_unet_middle_block_0_in_layers_2.alpha', { component: 'denoiser', module: 'mid_block.resnets.0.conv1', part: 'alpha' }],
    ['lora_unet_label_emb_0_2.alpha', { component: 'denoiser', module: 'add_embedding.linear_2', part: 'alpha' }],
    ['lora_transformer_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.alpha', { ...denoiser, part: 'alpha' }],
    [`${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`unet.${Q}.lora_B.weight`, { ...denoiser, part: 'up' }],
    [`unet.${Q}.lora_A.default.weight`, { ...denoiser, part: 'down' }],
    [`unet.${Q}.lora_B.my-adapter_0.weight`, { ...denoiser, part: 'up' }],
    [`base_model.model.${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`base_model.model.unet.${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`unet.base_model.model.${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`transformer.${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`diffusion_model.${Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`diffusion_model.${SGM_Q}.lora_A.weight`, { ...denoiser, part: 'down' }],
    [`model.diffusion_model.${SGM_Q}.lora_down.weight`, { ...denoiser, part: 'down' }],
    [`unet.${Q}.lora.down.weight`, { ...denoiser, part: 'down' }],
    [`unet.${Q}.lora_linear_layer.up.weight`, { ...denoiser, part: 'up' }],
    [`unet.${Q.replace('.to_q', '.processor.to_q_lora')}.up.weight`, { ...denoiser, part: 'up' }],
    [`unet.${Q.replace('.to_q', '.processor.to_q_lora')}.alpha`, { ...denoiser, part: 'alpha' }],
    [
      `${Q.replace('.to_q', '.processor.to_out_lora')}.up.weight`,
      { component: 'denoiser', module: Q.replace('to_q', 'to_out.0'), part: 'up' },
    ],
    ['lora_te_text_model_encoder_layers_0_mlp_fc1.alpha', { ...text('textEncoder', 'mlp.fc1'), part: 'alpha' }],
    ['lora_te1_text_model_encoder_layers_0_mlp_fc2.alpha', { ...text('textEncoder', 'mlp.fc2'), part: 'alpha' }],
    ['lora_te2_text_model_encoder_layers_0_self_attn_k_proj.alpha', { ...text('textEncoder2', 'self_attn.k_proj'), part: 'alpha' }],
    [
      'text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight',
      { ...text('textEncoder', 'self_attn.q_proj'), part: 'down' },
    ],
    [
      'text_encoder.text_model.encoder.layers.0.self_attn.to_out_lora.up.weight',
      { ...text('textEncoder', 'self_attn.out_proj'), part: 'up' },
    ],
    ['text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_linear_layer.up.weight', { ...text('textEncoder', 'mlp.fc1'), part: 'up' }],
    ['text_encoder_2.text_model.encoder.layers.0.mlp.fc2.lora_A.weight', { ...text('textEncoder2', 'mlp.fc2'), part: 'down' }],
    [
      'text_encoders.clip_g.transformer.text_model.encoder.layers.0.mlp.fc2.lora_down.weight',
      { ...text('textEncoder2', 'mlp.fc2'), part: 'down' },
    ],
    [
      'text_encoders.clip_h.transformer.text_model.encoder.layers.0.mlp.fc1.lora_up.weight',
      { ...text('textEncoder', 'mlp.fc1'), part: 'up' },
    ],
  ])('%s', (key, place) => {
    expect(namer(XL)(key)).toEqual([place]);
  });

  it.each([
    'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.alpha', // SD 1.5 has attention there, SDXL has none
    `unet.${Q}.weight`,
    `unet.${Q}.lora_C.weight`,
    'lora_te3_encoder_block_0_layer_0_SelfAttention_q.alpha',
    'alpha',
    '',
  ])('%s: nowhere', (key) => {
    expect(namer(XL)(key)).toEqual([]);
  });

  it('a text encoder without a prefix may be either of two', () => {
    expect(namer(XL)(`${TEXT[0]}.lora_A.weight`).map(({ component }) => component)).toEqual(['textEncoder', 'textEncoder2']);
    expect(namer({ textEncoder: asLayers(TEXT) })(`${TEXT[0]}.lora_A.weight`)).toHaveLength(1);
  });

  it.each([
    ['SDXL', SDXL_SHAPE],
    ['SD 1.5', SD15_SHAPE],
  ])('no two modules of %s share a name, in either spelling', (_, shape) => {
    const modules = unetModules(shape);
    const placeOf = namer({ denoiser: asLayers(modules) });
    const original = sgmNamer(modules);
    const named = modules.flatMap((module) =>
      [module, original(module)!].flatMap((name) =>
        [`lora_unet_${name.replaceAll('.', '_')}.alpha`, `unet.${name}.alpha`, `diffusion_model.${name}.alpha`].map((key) => [key, module]),
      ),
    );
    const found = named.map(([key]) => [key, ...placeOf(key!).map((place) => place.module)]);
    expect(found).toEqual(named);
  });
});
