/**
 * The names that trainers give to the tensors of a LoRA. Each convention says under which stems a module of the base would be stored;
 * a file's keys are then looked up. (Parsing a key cannot work: kohya's `_` stands for `.` and for `_` alike.)
 */
import { type Component, COMPONENTS } from './lora.ts';

type Part = 'down' | 'up' | 'alpha';

/** Where one tensor of a file belongs. */
export interface Place {
  component: Component;
  module: string;
  part: Part;
}

const SUFFIXES: readonly (readonly [suffix: string, part: Part])[] = [
  ['.lora_down.weight', 'down'],
  ['.lora_up.weight', 'up'],
  ['.lora_A.weight', 'down'],
  ['.lora_B.weight', 'up'],
  ['.lora_A.default.weight', 'down'],
  ['.lora_B.default.weight', 'up'],
  ['.lora.down.weight', 'down'],
  ['.lora.up.weight', 'up'],
  ['.lora_linear_layer.down.weight', 'down'],
  ['.lora_linear_layer.up.weight', 'up'],
  ['_lora.down.weight', 'down'],
  ['_lora.up.weight', 'up'],
  ['.alpha', 'alpha'],
];

type Stems = (component: Component, module: string) => string[];

/** SDXL trainers number the text encoders; the first is `te1`. */
const KOHYA_PREFIXES: Record<Component, string[]> = {
  denoiser: ['lora_unet_'],
  textEncoder: ['lora_te_', 'lora_te1_'],
  textEncoder2: ['lora_te2_'],
};

/** kohya-ss trainers: `lora_unet_down_blocks_0_..._to_q.lora_down.weight`. */
const kohya: Stems = (component, module) => KOHYA_PREFIXES[component].map((prefix) => `${prefix}${module.replaceAll('.', '_')}`);

const PEFT_PREFIXES: Record<Component, string[]> = {
  denoiser: ['unet.', 'transformer.', ''],
  textEncoder: ['text_encoder.', ''],
  textEncoder2: ['text_encoder_2.'],
};

/** PEFT and diffusers: `unet.down_blocks.0...to_q.lora_A.weight`, also below PEFT's own wrapper. */
const peft: Stems = (component, module) =>
  PEFT_PREFIXES[component].flatMap((prefix) => [`${prefix}${module}`, `base_model.model.${prefix}${module}`]);

/** diffusers before PEFT: `unet....attn1.processor.to_q_lora.down.weight`; `to_out_lora` is module `to_out.0`. */
const attentionProcessor: Stems = (component, module) => {
  const match = /^(.*\.attn\d*)\.((?:to|add)_[a-z_]+)(\.0)?$/.exec(module);
  if (!match) return [];
  return PEFT_PREFIXES[component].map((prefix) => `${prefix}${match[1]}.processor.${match[2]}`);
};

const CONVENTIONS = [kohya, peft, attentionProcessor];

/**
 * A function that tells where a key can belong in a base with these modules: nowhere, in one place, or, as `_` stands for `.` too, in
 * several.
 */
export function namer(base: { readonly [component in Component]?: readonly { module: string }[] | undefined }): (key: string) => Place[] {
  const byStem = new Map<string, Omit<Place, 'part'>[]>();
  for (const component of COMPONENTS)
    for (const { module } of base[component] ?? [])
      for (const stem of new Set(CONVENTIONS.flatMap((stems) => stems(component, module))))
        byStem.set(stem, [...(byStem.get(stem) ?? []), { component, module }]);
  return (key) => {
    for (const [suffix, part] of SUFFIXES) {
      const found = key.endsWith(suffix) ? byStem.get(key.slice(0, -suffix.length)) : undefined;
      if (found) return found.map((place) => ({ ...place, part }));
    }
    return [];
  };
}

/** Adapters that are no plain LoRA, by what their keys contain. */
const VARIANTS: readonly (readonly [mark: RegExp, name: string])[] = [
  [/\.hada_w[12]_[ab]$|\.hada_t[12]$/, 'LoHa'],
  [/\.lokr_(w|t)[12](_[ab])?$/, 'LoKr'],
  [/\.dora_scale$|\.lora_magnitude_vector(\.|$)/, 'DoRA'],
  [/\.diff(_b)?$/, 'a full difference of weights'],
  [/\.lora_mid\.weight$/, 'LoCon with a Tucker core'],
  [/\.(oft_diag|oft_blocks)$/, 'OFT'],
  [/\.(on_input|a1\.weight|b1\.weight)$/, 'IA3 or GLoRA'],
];

/** The kind of adapter that a key belongs to, if it is a known one that is no plain LoRA. */
export function variantOf(key: string): string | undefined {
  return VARIANTS.find(([mark]) => mark.test(key))?.[1];
}
