/** A LoRA file against a base: every tensor finds its layer and fits, or the file is refused. */
import type { LayerEntry } from '../manifest.ts';
import { adapterConfigs, withoutConfigs } from './adapter-config.ts';
import { adapterKind } from './adapter-kind.ts';
import type { Component, Lora, LoraLayer } from './lora.ts';
import { namer, type Place } from './names.ts';
import { type Pair, readPair } from './read-pair.ts';
import { refuseTensor } from './refuse-tensor.ts';
import { readSafetensors, type SafeTensor } from './safetensors.ts';
import { DiptychError } from '../errors.ts';

/** The layers of the base, by component; a component that it does not have is left out. */
export type BaseLayers = { readonly [component in Component]?: readonly LayerEntry[] | undefined };

/**
 * Reads the names of kohya, PEFT, diffusers, its attention processors and the original code, in float32, float16 or bfloat16. The layers
 * come in the base's order. A layer's alpha is that of its `.alpha` tensor, else of the file's PEFT configuration, else its rank.
 *
 * @param config the text of an `adapter_config.json` that belongs to the file; for files that say nothing of alpha themselves
 * @throws DiptychError `lora_truncated`, `lora_header_invalid`, `lora_dtype_unsupported` from the container; `lora_variant_unsupported`,
 * `lora_key_unknown`, `lora_pair_incomplete`, `lora_shape_mismatch`, `lora_rank_too_large`, `lora_not_finite`, each naming file and key
 */
export function readLora(bytes: Uint8Array, base: BaseLayers, file: string, config?: string): Lora {
  const container = readSafetensors(bytes, file);
  const { tensors, metadata } = container;
  if (tensors.size === 0) throw new DiptychError('lora_header_invalid', `${file} holds no tensor`, { file });
  const kind = adapterKind(tensors.keys());
  if (kind) throw refuseTensor('lora_variant_unsupported', file, kind.key, `is of ${kind.name}: ${kind.reason}`);
  const configs = adapterConfigs(container, file, config);
  const pairs = pairsByModule(tensors, namer(base), file);
  const layersOf = (component: Component): LoraLayer[] =>
    (base[component] ?? []).flatMap((layer) => {
      const pair = pairs[component].get(layer.module);
      return pair ? [readPair(layer, pair, configs[component], file)] : [];
    });
  return {
    denoiser: layersOf('denoiser'),
    textEncoder: layersOf('textEncoder'),
    textEncoder2: layersOf('textEncoder2'),
    metadata: withoutConfigs(metadata),
  };
}

function pairsByModule(
  tensors: ReadonlyMap<string, SafeTensor>,
  placeOf: (key: string) => Place[],
  file: string,
): Record<Component, Map<string, Pair>> {
  const pairs = { denoiser: new Map<string, Pair>(), textEncoder: new Map<string, Pair>(), textEncoder2: new Map<string, Pair>() };
  for (const [key, tensor] of tensors) {
    const { component, module, part } = onlyPlace(placeOf(key), key, file);
    const pair = pairs[component].get(module) ?? {};
    const twin = pair[part];
    if (twin) throw refuseTensor('lora_header_invalid', file, key, `is the ${part} of ${module}, but so is ${twin.key}; remove one`);
    pairs[component].set(module, { ...pair, [part]: { key, tensor } });
  }
  return pairs;
}

/** T5, of SD3. */
const THIRD_ENCODER = /^(lora_te3_|text_encoder_3\.|text_encoders\.t5)/;
const NO_THIRD = 'belongs to the third text encoder, which LoRAs cannot change here; save the file without those layers';
const NO_LAYER = 'belongs to no layer of this base; was it trained for another model?';

function onlyPlace([place, ...others]: readonly Place[], key: string, file: string): Place {
  if (!place) throw refuseTensor('lora_key_unknown', file, key, THIRD_ENCODER.test(key) ? NO_THIRD : NO_LAYER);
  if (others.length === 0) return place;
  const candidates = [place, ...others].map(({ component, module }) => `${component} ${module}`).join(' or ');
  const reason = `could belong to ${candidates}; save it under the names of diffusers, which tell them apart`;
  throw refuseTensor('lora_key_unknown', file, key, reason);
}
