/**
 * The names that trainers give to the layers of a LoRA. Each convention says under which stems a module of the base would be stored; a
 * file's keys are then looked up. (Parsing a key cannot work: kohya's `_` stands for `.` and for `_` alike.)
 */
import { type Component, COMPONENTS } from './lora.ts';
import { type SgmName, sgmNamer } from './sgm.ts';
import { type Part, tensorName } from './tensor-name.ts';

/** Where one tensor of a file belongs. */
export interface Place {
  component: Component;
  module: string;
  part: Part;
}

/** A module of the base, and its path in the original code where that differs. */
interface Module {
  component: Component;
  path: string;
  original: string | undefined;
}

type Stems = (module: Module) => string[];

/** Where modules are written with `_` for `.`. SDXL trainers number the text encoders; the first is `te1`. */
const KOHYA_PREFIXES: Record<Component, string[]> = {
  denoiser: ['lora_unet_', 'lora_transformer_'],
  textEncoder: ['lora_te_', 'lora_te1_'],
  textEncoder2: ['lora_te2_'],
};

/** Before a module's own path; a file of one component may have none. The last ones are ComfyUI's; its clip_h is SD 2.x's encoder. */
const PATH_PREFIXES: Record<Component, string[]> = {
  denoiser: ['unet.', 'transformer.', '', 'diffusion_model.', 'model.diffusion_model.'],
  textEncoder: ['text_encoder.', '', 'text_encoders.clip_l.transformer.', 'text_encoders.clip_h.transformer.'],
  textEncoder2: ['text_encoder_2.', '', 'text_encoders.clip_g.transformer.'],
};

/** PEFT's wrapper, which stands around a component or around all of them. */
const WRAPPER = 'base_model.model.';

const prefixed = (component: Component, path: string): string[] =>
  PATH_PREFIXES[component].flatMap((prefix) => [prefix, `${WRAPPER}${prefix}`, `${prefix}${WRAPPER}`].map((before) => `${before}${path}`));

const kohyaName = (component: Component, path: string): string[] =>
  KOHYA_PREFIXES[component].map((prefix) => `${prefix}${path.replaceAll('.', '_')}`);

/** kohya-ss trainers: `lora_unet_down_blocks_0_..._to_q`, of SDXL mostly `lora_unet_input_blocks_4_1_..._to_q`. */
const kohya: Stems = ({ component, path, original }) => [path, original ?? path].flatMap((name) => kohyaName(component, name));

/** PEFT and diffusers: `unet.down_blocks.0...to_q`; ComfyUI: `diffusion_model.input_blocks.4.1...to_q`. */
const peft: Stems = ({ component, path, original }) => [path, original ?? path].flatMap((name) => prefixed(component, name));

/** diffusers before PEFT: `unet....attn1.processor.to_q_lora` (the ending holds `_lora`); `to_out_lora` is module `to_out.0`. */
const attentionProcessor: Stems = ({ component, path }) => {
  const match = /^(.*\.attn\d*)\.((?:to|add)_[a-z_]+)(\.0)?$/.exec(path);
  return match ? prefixed(component, `${match[1]}.processor.${match[2]}`) : [];
};

const TEXT_PROJECTIONS: Record<string, string> = { q_proj: 'to_q', k_proj: 'to_k', v_proj: 'to_v', out_proj: 'to_out' };

/** The text encoder's layers in files of that time: `text_encoder....self_attn.to_q_lora`. */
const textProcessor: Stems = ({ component, path }) => {
  const match = /^(.*\.self_attn)\.([a-z]+_proj)$/.exec(path);
  const name = match && TEXT_PROJECTIONS[match[2]!];
  return name ? prefixed(component, `${match[1]}.${name}`) : [];
};

const CONVENTIONS = [kohya, peft, attentionProcessor, textProcessor];

/**
 * A function that tells where a key can belong in a base with these modules: nowhere, in one place, or, as `_` stands for `.` too, in
 * several.
 */
export function namer(base: { readonly [component in Component]?: readonly { module: string }[] | undefined }): (key: string) => Place[] {
  const byStem = new Map<string, Omit<Place, 'part'>[]>();
  const original = sgmNamer((base.denoiser ?? []).map(({ module }) => module));
  for (const module of modulesOf(base, original)) {
    const place = { component: module.component, module: module.path };
    for (const stem of new Set(CONVENTIONS.flatMap((stems) => stems(module)))) byStem.set(stem, [...(byStem.get(stem) ?? []), place]);
  }
  return (key) => {
    const name = tensorName(key);
    if (!name) return [];
    return (byStem.get(name.stem) ?? []).map((place) => ({ ...place, part: name.part }));
  };
}

function modulesOf(base: Parameters<typeof namer>[0], original: SgmName): Module[] {
  return COMPONENTS.flatMap((component) =>
    (base[component] ?? []).map(({ module: path }) => ({
      component,
      path,
      original: component === 'denoiser' ? original(path) : undefined,
    })),
  );
}
