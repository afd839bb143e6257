/** Who named the tensors of a file, told without a base. */
const CONVENTIONS: readonly (readonly [mark: RegExp, name: string])[] = [
  [/^lora_(unet|te\d?|transformer)_(?!(input|output)_blocks_|middle_block_)/, 'kohya'],
  [/^lora_unet_((input|output)_blocks|middle_block)_/, 'kohya, UNet blocks of the original code (SGM)'],
  [/(\.processor\.|\.self_attn\.to_)\w+_lora\./, 'diffusers, attention processors'],
  [/(\.lora|\.lora_linear_layer)\.(down|up)\.weight$/, 'diffusers before PEFT'],
  [/^(model\.)?diffusion_model\.|^text_encoders\./, 'ComfyUI'],
  [/^(?!(model\.)?diffusion_model\.|text_encoders\.|lora_).*\.lora_[AB]\./, 'PEFT / diffusers'],
];

/** The conventions found, in the order of the list above; a file may mix them. */
export function namingOf(keys: Iterable<string>): string[] {
  const all = [...keys];
  return CONVENTIONS.filter(([mark]) => all.some((key) => mark.test(key))).map(([, name]) => name);
}
