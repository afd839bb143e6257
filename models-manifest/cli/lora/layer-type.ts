/** What a layer does and where it stands, told by its name: a module path, or a name in a file whose dots may be `_`. */
import { COMPONENTS } from '../../../shared/lora/lora.ts';

export const LAYER_TYPES = ['self-attention', 'cross-attention', 'joint attention', 'feed-forward', 'convolution', 'other'] as const;
export type LayerType = (typeof LAYER_TYPES)[number];

const TYPES: readonly (readonly [mark: RegExp, type: LayerType])[] = [
  [/[._](attn1|self_attn)[._]/, 'self-attention'],
  [/[._]attn2[._]/, 'cross-attention'],
  [/[._]attn[._]/, 'joint attention'],
  [/[._](ff|ff_context|mlp)[._]/, 'feed-forward'],
];

export function layerType(name: string, kind: 'linear' | 'conv'): LayerType {
  return TYPES.find(([mark]) => mark.test(name))?.[1] ?? (kind === 'conv' ? 'convolution' : 'other');
}

/** Components that files have layers for. The third text encoder, T5, is none of those that are fused. */
export const FILE_COMPONENTS = [...COMPONENTS, 'textEncoder3'] as const;
export type FileComponent = (typeof FILE_COMPONENTS)[number];

const COMPONENT_MARKS: readonly (readonly [mark: RegExp, component: FileComponent])[] = [
  [/^(base_model\.model\.)?(lora_te3_|text_encoder_3\.|text_encoders\.t5)/, 'textEncoder3'],
  [/^(base_model\.model\.)?(lora_te2_|text_encoder_2\.|text_encoders\.clip_g)/, 'textEncoder2'],
  [/^(base_model\.model\.)?(lora_te1?_|text_encoder\.|text_encoders\.clip_[lh]|text_model\.)/, 'textEncoder'],
];

/** The component that a layer's name in a file tells; no mark is the denoiser's. */
export function componentOfStem(stem: string): FileComponent {
  return COMPONENT_MARKS.find(([mark]) => mark.test(stem))?.[1] ?? 'denoiser';
}

const BLOCK = /(down_blocks|up_blocks|input_blocks|output_blocks|single_transformer_blocks|transformer_blocks|layers)[._](\d+)/;
const BLOCK_NAMES: Record<string, string> = {
  down_blocks: 'down',
  up_blocks: 'up',
  input_blocks: 'in',
  output_blocks: 'out',
  single_transformer_blocks: 'single',
  transformer_blocks: 'block',
  layers: 'layer',
};

/** A short label of the block that a layer belongs to: `down 1`, `mid`, `layer 11`. */
export function blockOf(name: string): string {
  if (/mid_block|middle_block/.test(name)) return 'mid';
  const match = BLOCK.exec(name);
  return match ? `${BLOCK_NAMES[match[1]!]} ${match[2]}` : 'other';
}
