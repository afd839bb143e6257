/** Files that hold something else than low-rank pairs, told by a name that only such files have. */

export interface AdapterKind {
  name: string;
  /** Why it cannot be fused; reads on from "... ". */
  reason: string;
}

const PAIRS = 'only low-rank pairs (LoRA, LoCon) can be fused';

const KINDS: readonly (readonly [mark: RegExp, name: string, reason: string])[] = [
  [/\.hada_(w[12]_[ab]|t[12])$/, 'LoHa', `its change is a Hadamard product of two low-rank products; ${PAIRS}`],
  [/\.lokr_[wt][12](_[ab])?$/, 'LoKr', `its change is a Kronecker product; ${PAIRS}`],
  [
    /\.dora_scale$|\.lora_magnitude_vector(\.|$)/,
    'DoRA',
    'it scales every row of the whole changed weight, which a low-rank branch cannot',
  ],
  [/\.lora_mid\.weight$/, 'LoCon with a Tucker core', `its convolutions have a third factor, lora_mid; ${PAIRS}`],
  [
    /\.lora_(B|up)(\.[^.]+)?\.bias$|\.lora_(A|down)(\.[^.]+)?\.bias$/,
    'LoRA with biases',
    `it changes biases beside its pairs; train it without (lora_bias)`,
  ],
  [/\.(diff|diff_b|set_weight|w_norm|b_norm)$/, 'a full difference', `it holds whole weights or their differences; ${PAIRS}`],
  [/\.oft_blocks$|\.oft_diag$|\.oft_[rR](\.|$)/, 'OFT', 'it turns the weight by an orthogonal matrix instead of adding to it'],
  [/\.boft_[RsS](\.|$)/, 'BOFT', 'it turns the weight by orthogonal factors instead of adding to it'],
  [/\.on_input$|\.ia3_l(\.|$)/, 'IA3', 'it scales activations instead of adding to weights'],
  [/(?<!\.lora_[AB])\.[ab][12]\.weight$/, 'GLoRA', `its change depends on the base's own weight; ${PAIRS}`],
  [/\.vera_lambda_[bd](\.|$)/, 'VeRA', `its pairs are random matrices shared by all layers; ${PAIRS}`],
  [/\.lora_embedding_[AB](\.|$)/, 'LoRA of an embedding table', 'token embeddings are not changed in the browser'],
  [
    /^emb_params$|^<[^>]*>$|^string_to_param\b|^bundle_emb\.|^clip_[lg]$|^text_encoders_[01]$/,
    'a text embedding (textual inversion)',
    'it teaches the tokenizer a word; prompts with such words are not supported',
  ],
  [/^(lora_controlnet$|control_model\.|controlnet_)/, 'a ControlNet', 'it is a network of its own'],
  [/^(image_proj|ip_adapter)\./, 'an IP-Adapter', 'it adds attention layers of its own'],
];

/** Weights that stand in whole models under the same names as in no adapter. */
const CHECKPOINT =
  /^(model\.diffusion_model|first_stage_model|cond_stage_model|conditioner|vae|diffusion_model|unet|transformer|text_model|encoder|decoder|down_blocks|mid_block|up_blocks|transformer_blocks|conv_in|conv_out|time_embedding|double_blocks|joint_blocks)\..*(weight|bias)$|^(conv_in|conv_out)\.(weight|bias)$/;

/** What stands in the names of every adapter that is not known by a mark of its own. */
const ADAPTER = /lora|\.alpha$/i;

/** The first key that marks a file as no plain LoRA, and what it is then. `undefined` for what may be one. */
export function adapterKind(keys: Iterable<string>): (AdapterKind & { key: string }) | undefined {
  const all = [...keys];
  for (const key of all) {
    const found = KINDS.find(([mark]) => mark.test(key));
    if (found) return { key, name: found[1], reason: found[2] };
  }
  const key = all.some((candidate) => ADAPTER.test(candidate)) ? undefined : all.find((candidate) => CHECKPOINT.test(candidate));
  return key === undefined
    ? undefined
    : {
        key,
        name: 'a whole checkpoint',
        reason: 'it holds the weights of a model, not a change of one; npx diptych prepare takes pipelines',
      };
}
