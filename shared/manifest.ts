/**
 * The catalogue: what `diptych publish` writes, the edge serves at `GET /v1/manifest` and the engine reads. Files are named by their
 * SHA-256 everywhere, so that a manifest fixes every byte it leads to.
 */
import * as v from 'valibot';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(400));

/** Identifiers of models, LoRAs and sites: lower-case words joined by dots, dashes or underscores. */
export const Id = v.pipe(
  v.string(),
  v.maxLength(80),
  v.regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, 'must be lower-case letters, digits, and . _ - between them'),
);

export const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits'));

/** One file of the store. */
export const BlobRef = v.object({ sha256: Sha256, bytes: count });
export type BlobRef = v.InferOutput<typeof BlobRef>;

/** An ONNX graph: a small topology, and the weight shards it names in `external_data.location` (`path`). */
export const GraphEntry = v.object({
  topology: BlobRef,
  weights: v.array(v.object({ path: text, ...BlobRef.entries })),
});
export type GraphEntry = v.InferOutput<typeof GraphEntry>;

/** A layer that a LoRA can change. `kernel` is [height, width] of a Conv. */
export const LayerEntry = v.variant('kind', [
  v.object({ kind: v.literal('linear'), module: text, in: positive, out: positive }),
  v.object({ kind: v.literal('conv'), module: text, in: positive, out: positive, kernel: v.tuple([positive, positive]) }),
]);
export type LayerEntry = v.InferOutput<typeof LayerEntry>;

/** `scheduler/scheduler_config.json`, as far as sampling depends on it. */
export const SchedulerConfig = v.object({
  _class_name: v.optional(v.string()),
  num_train_timesteps: v.optional(positive, 1000),
  beta_start: v.optional(v.number(), 0.00085),
  beta_end: v.optional(v.number(), 0.012),
  beta_schedule: v.optional(v.picklist(['linear', 'scaled_linear', 'squaredcos_cap_v2']), 'scaled_linear'),
  prediction_type: v.optional(v.picklist(['epsilon', 'v_prediction', 'flow_prediction']), 'epsilon'),
  timestep_spacing: v.optional(v.picklist(['leading', 'trailing', 'linspace']), 'leading'),
  steps_offset: v.optional(count, 0),
  set_alpha_to_one: v.optional(v.boolean(), true),
  rescale_betas_zero_snr: v.optional(v.boolean(), false),
  shift: v.optional(v.number()),
});
export type SchedulerConfig = v.InferOutput<typeof SchedulerConfig>;

/** A prepared base model. Shapes: latent [1, channels, height, width]; picture [height, width, 3]. */
export const ModelEntry = v.object({
  id: Id,
  name: text,
  license: text,
  author: text,
  latent: v.object({ channels: positive, height: positive, width: positive, scalingFactor: v.number() }),
  image: v.object({ height: positive, width: positive }),
  scheduler: SchedulerConfig,
  text: v.object({ maxLength: positive, startId: count, endId: count, padId: count, tokenizer: BlobRef }),
  graphs: v.object({ textEncoder: GraphEntry, denoiser: GraphEntry, decoder: GraphEntry }),
  layers: v.object({ denoiser: v.array(LayerEntry), textEncoder: v.array(LayerEntry), textEncoder2: v.optional(v.array(LayerEntry)) }),
  defaults: v.object({ steps: positive, guidanceScale: v.number() }),
});
export type ModelEntry = v.InferOutput<typeof ModelEntry>;

export const LORA_KINDS = ['subject', 'style'] as const;
export type LoraKind = (typeof LORA_KINDS)[number];

/** A LoRA of the catalogue, for one model. `file` is canonical safetensors (see `shared/lora`). */
export const LoraEntry = v.object({
  id: Id,
  model: Id,
  kind: v.picklist(LORA_KINDS),
  name: text,
  /** The words that call the concept in a prompt: `a pip creature`, `in knit style`. */
  trigger: text,
  license: text,
  author: text,
  rank: positive,
  layerCount: positive,
  file: BlobRef,
  /** A small picture as a `data:` URL, at most 32 KiB. */
  thumbnail: v.optional(v.pipe(v.string(), v.startsWith('data:image/'), v.maxLength(32 * 1024))),
});
export type LoraEntry = v.InferOutput<typeof LoraEntry>;

export const Manifest = v.object({ version: v.literal(1), models: v.array(ModelEntry), loras: v.array(LoraEntry) });
export type Manifest = v.InferOutput<typeof Manifest>;

/** Every blob that making pictures with `model` needs, LoRAs apart. */
export function modelBlobs(model: ModelEntry): BlobRef[] {
  return [model.text.tokenizer, ...Object.values(model.graphs).flatMap((graph) => [graph.topology, ...graph.weights])];
}
