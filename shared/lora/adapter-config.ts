/**
 * How a LoRA is to be scaled where its file has no `.alpha` tensors: PEFT's LoraConfig, as `adapter_config.json` or as the metadata that
 * diffusers writes into the file (https://huggingface.co/docs/peft/package_reference/lora).
 */
import * as v from 'valibot';
import { DiptychError } from '../errors.ts';
import type { Component } from './lora.ts';
import { ModulePatterns } from './module-patterns.ts';
import type { SafetensorsFile } from './safetensors.ts';

export interface AdapterConfig {
  /** Where it was read, for messages. */
  source: string;
  rank: number | undefined;
  alpha: number | undefined;
  rankPattern: ModulePatterns;
  alphaPattern: ModulePatterns;
  /** rsLoRA: the scale is alpha / sqrt(rank). */
  rankStabilised: boolean;
}

type Raw = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);

const Patterns = v.nullish(v.pipe(v.custom<Raw>(isObject, 'must be an object'), v.record(v.string(), v.pipe(v.number(), v.finite()))), {});

const Fields = v.object({
  r: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1))),
  lora_alpha: v.nullish(v.pipe(v.number(), v.finite())),
  rank_pattern: Patterns,
  alpha_pattern: Patterns,
  use_rslora: v.nullish(v.boolean(), false),
  use_dora: v.nullish(v.boolean(), false),
  peft_type: v.nullish(v.string(), 'LORA'),
});

const FIELDS = Object.keys(Fields.entries);

/** Metadata entries that hold a configuration as JSON; the first is diffusers' own. */
const METADATA_KEYS = ['lora_adapter_metadata', 'adapter_config', 'adapter_config.json', 'peft_config', 'lora_config'];

/** diffusers writes the configurations of all components into one object: `unet.lora_alpha`, `text_encoder.r`. */
const PREFIXES: Record<Component, readonly string[]> = {
  denoiser: ['unet', 'transformer'],
  textEncoder: ['text_encoder'],
  textEncoder2: ['text_encoder_2'],
};

/** The configurations of one file; `undefined` for a component that has none. */
export type AdapterConfigs = Readonly<Record<Component, AdapterConfig | undefined>>;

/**
 * The configurations in a file's metadata or, where the file says nothing of alpha itself, in `beside`: the text of an
 * `adapter_config.json`. (One folder may hold several files: what says its own alphas does not take another's.)
 *
 * @throws DiptychError `lora_header_invalid` naming the field that is not of the form, `lora_variant_unsupported` for DoRA and for every
 * `peft_type` but LORA
 */
export function adapterConfigs({ tensors, metadata }: SafetensorsFile, file: string, beside?: string): AdapterConfigs {
  const sources: [string, Raw][] = METADATA_KEYS.filter((key) => Object.hasOwn(metadata, key)).map((key) => [
    `metadata ${key}`,
    parseObject(metadata[key]!, `${file}: the metadata ${key}`, file),
  ]);
  sources.push(['metadata', fieldsAsText(metadata)]);
  if (beside !== undefined && ![...tensors.keys()].some((key) => key.endsWith('.alpha')))
    sources.push(['adapter_config.json', parseObject(beside, `the adapter_config.json beside ${file}`, file)]);
  const first = (component: Component): AdapterConfig | undefined => {
    for (const [source, raw] of sources) {
      const fields = fieldsOf(raw, PREFIXES[component]);
      if (fields) return configOf(fields, source, file);
    }
    return undefined;
  };
  return { denoiser: first('denoiser'), textEncoder: first('textEncoder'), textEncoder2: first('textEncoder2') };
}

const isField = (key: string): boolean => FIELDS.includes(key.slice(key.lastIndexOf('.') + 1));

/** Metadata without the configurations: what they say is settled once the file is read. */
export function withoutConfigs(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !METADATA_KEYS.includes(key) && !isField(key)));
}

function parseObject(text: string, what: string, file: string): Raw {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw new DiptychError('lora_header_invalid', `${what} is not JSON; remove it or write it again`, { file }, { cause });
  }
  throw new DiptychError('lora_header_invalid', `${what} is not a JSON object; remove it or write it again`, { file });
}

/** Entries of the metadata that are PEFT's fields themselves; every one is text there. */
function fieldsAsText(metadata: Readonly<Record<string, string>>): Raw {
  const found = Object.entries(metadata).filter(([key]) => isField(key));
  return Object.fromEntries(found.map(([key, text]) => [key, literal(text)]));
}

function literal(text: string): unknown {
  if (text === 'None') return null;
  try {
    return JSON.parse(/^(True|False)$/.test(text) ? text.toLowerCase() : text);
  } catch {
    return text;
  }
}

/** The fields of one component: `unet.r`, or `r` in `{"unet": {...}}`, or a plain `r`. */
function fieldsOf(raw: Raw, prefixes: readonly string[]): Raw | undefined {
  const fields: Record<string, unknown> = {};
  const nested = prefixes.map((prefix) => raw[prefix]).find(isObject);
  for (const field of FIELDS) {
    const prefix = prefixes.find((candidate) => Object.hasOwn(raw, `${candidate}.${field}`));
    if (prefix !== undefined) fields[field] = raw[`${prefix}.${field}`];
    else if (nested && Object.hasOwn(nested, field)) fields[field] = nested[field];
    else if (Object.hasOwn(raw, field)) fields[field] = raw[field];
  }
  return Object.keys(fields).length > 0 ? fields : undefined;
}

function configOf(fields: Raw, source: string, file: string): AdapterConfig {
  const parsed = v.safeParse(Fields, fields);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue) ?? 'the whole';
    throw new DiptychError('lora_header_invalid', `${file}: ${source}: ${field}: ${issue.message}`, { file, field });
  }
  const { r, lora_alpha, rank_pattern, alpha_pattern, use_rslora, use_dora, peft_type } = parsed.output;
  const kind = use_dora ? 'DoRA (use_dora)' : peft_type.toUpperCase() === 'LORA' ? undefined : `${peft_type} (peft_type)`;
  if (kind !== undefined) {
    const reason = `${file}: its ${source} says that it is ${kind}; only low-rank pairs (LoRA, LoCon) can be fused`;
    throw new DiptychError('lora_variant_unsupported', reason, { file, field: use_dora ? 'use_dora' : 'peft_type' });
  }
  return {
    source,
    rank: r ?? undefined,
    alpha: lora_alpha ?? undefined,
    rankPattern: new ModulePatterns(rank_pattern, `${file}: ${source}: rank_pattern`, file),
    alphaPattern: new ModulePatterns(alpha_pattern, `${file}: ${source}: alpha_pattern`, file),
    rankStabilised: use_rslora,
  };
}
