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

/** A field that must not be set: `false` or a number would be passed over silently. */
const unset = (fix: string) => v.nullish(v.never(fix));
const off = (fix: string) => v.nullish(v.literal(false, fix));

/** `scheduler/scheduler_config.json`, as far as sampling depends on it, with the defaults of Stable Diffusion. */
export const SchedulerConfig = v.object({
  /** The sampler, where none is asked for; DDIM where it is left out. */
  _class_name: v.optional(v.string()),
  num_train_timesteps: v.optional(positive, 1000),
  beta_start: v.optional(v.number(), 0.00085),
  beta_end: v.optional(v.number(), 0.012),
  beta_schedule: v.optional(v.picklist(['linear', 'scaled_linear', 'squaredcos_cap_v2']), 'scaled_linear'),
  /** In place of the schedule: one a training timestep. */
  trained_betas: v.nullish(v.array(v.number())),
  prediction_type: v.optional(v.picklist(['epsilon', 'v_prediction', 'sample', 'flow_prediction']), 'epsilon'),
  /** The scheduler's own default where left out. */
  timestep_spacing: v.optional(v.picklist(['leading', 'trailing', 'linspace'])),
  steps_offset: v.optional(count, 0),
  set_alpha_to_one: v.optional(v.boolean(), true),
  rescale_betas_zero_snr: v.optional(v.boolean(), false),
  use_karras_sigmas: v.nullish(v.boolean()),
  /** Where Euler's and DPM-Solver++'s last step ends: at no noise, or at the level of timestep 0. */
  final_sigmas_type: v.nullish(v.picklist(['zero', 'sigma_min'])),
  /** DPM-Solver++; the third order is run at the second. */
  solver_order: v.nullish(v.picklist([1, 2, 3])),
  solver_type: v.nullish(v.string()),
  lower_order_final: v.nullish(v.boolean()),
  /** LCM. */
  original_inference_steps: v.nullish(positive),
  timestep_scaling: v.nullish(v.number()),
  /** Flows. */
  shift: v.nullish(v.number()),
  flow_shift: v.nullish(v.number()),
  algorithm_type: v.nullish(v.picklist(['dpmsolver++', 'deis'], 'must be "dpmsolver++": the others are not supported')),
  interpolation_type: v.nullish(v.literal('linear', 'must be "linear"')),
  timestep_type: v.nullish(v.literal('discrete', 'must be "discrete": the network must take training timesteps')),
  sigma_min: unset('must be null: the sigmas are those of the training process'),
  sigma_max: unset('must be null: the sigmas are those of the training process'),
  shift_terminal: unset('must be null: a stretched flow is not supported'),
  clip_sample: off('must be false: clipping is for models of pixels'),
  thresholding: off('must be false: thresholding is for models of pixels'),
  use_dynamic_shifting: off('must be false, with a number for shift: one shift for all sizes of the picture'),
  use_exponential_sigmas: off('must be false: use_karras_sigmas is supported'),
  use_beta_sigmas: off('must be false: use_karras_sigmas is supported'),
  use_lu_lambdas: off('must be false: use_karras_sigmas is supported'),
});
export type SchedulerConfig = v.InferOutput<typeof SchedulerConfig>;

/** How one text encoder is fed. `startId` is left out where its texts have no start token (T5). */
export const TextEntry = v.object({
  maxLength: positive,
  startId: v.optional(count),
  endId: count,
  padId: count,
  tokenizer: BlobRef,
});
export type TextEntry = v.InferOutput<typeof TextEntry>;

/** The text encoders that a model can have, in the order of the public pipelines' folders `text_encoder`, `text_encoder_2`, `text_encoder_3`. */
export const TEXT_ENCODERS = ['textEncoder', 'textEncoder2', 'textEncoder3'] as const;
export type TextEncoderName = (typeof TEXT_ENCODERS)[number];

/**
 * One input of the denoiser beside latent and timestep, [2, ...]: row 0 for the negative prompt, row 1 for the prompt; of batch 1, the prompt.
 * It is zero but for `blocks`, outputs of text encoders laid at the offsets `at` of the axes after the batch; or it is the same `values` in each row.
 */
export const ConditioningInput = v.union([
  v.object({
    input: text,
    blocks: v.array(v.object({ encoder: v.picklist(TEXT_ENCODERS), output: v.optional(text), at: v.array(count) })),
  }),
  v.object({ input: text, values: v.array(v.number()) }),
]);
export type ConditioningInput = v.InferOutput<typeof ConditioningInput>;

/** How prompts become inputs of the denoiser. */
export const Conditioning = v.object({
  inputs: v.array(ConditioningInput),
  /** Row 0 of every block is zero where no negative prompt is given, instead of the embedding of an empty text. */
  zeroWithoutNegative: v.boolean(),
});
export type Conditioning = v.InferOutput<typeof Conditioning>;

const channels = v.tuple([v.number(), v.number(), v.number()]);

/** A network [1, 3, height, width] -> [1, width] that scores pictures, and how pixels become its input (`shared/guidance/preprocess.ts`). */
export const ImageEncoderEntry = v.object({
  graph: GraphEntry,
  preprocessing: v.object({ height: positive, width: positive, mean: channels, std: channels }),
  /** Of CLIP's: the value in its graph whose Gram matrix the metric `gram` compares; `shared/guidance/gram-layer.ts` chooses it. */
  gramLayer: v.optional(text),
});
export type ImageEncoderEntry = v.InferOutput<typeof ImageEncoderEntry>;

/**
 * CLIP's own text tower with its projection, for the metric `clip-text`: the graph's one input, token ids [1, text.maxLength] int64 or int32, to its
 * first output [1, width], in the space of the image encoder `clip`.
 */
export const TextTowerEntry = v.object({ graph: GraphEntry, text: TextEntry });
export type TextTowerEntry = v.InferOutput<typeof TextTowerEntry>;

/** What metric guidance needs beside the model: loaded only when guidance is on. */
export const GuidanceEntry = v.object({
  /** A distilled decoder: latents as they are -> a picture in [0, 1]. */
  tinyDecoder: v.optional(GraphEntry),
  encoders: v.object({ dino: v.optional(ImageEncoderEntry), clip: v.optional(ImageEncoderEntry) }),
  clipText: v.optional(TextTowerEntry),
});
export type GuidanceEntry = v.InferOutput<typeof GuidanceEntry>;

/**
 * A prepared base model. Shapes: latent [1, channels, height, width], which the decoder takes as latent / scalingFactor + shiftFactor;
 * picture [height, width, 3].
 */
export const ModelEntry = v.object({
  id: Id,
  name: text,
  license: text,
  author: text,
  latent: v.object({
    channels: positive,
    height: positive,
    width: positive,
    scalingFactor: v.number(),
    shiftFactor: v.optional(v.number()),
  }),
  image: v.object({ height: positive, width: positive }),
  scheduler: SchedulerConfig,
  text: TextEntry,
  text2: v.optional(TextEntry),
  text3: v.optional(TextEntry),
  graphs: v.object({
    textEncoder: GraphEntry,
    textEncoder2: v.optional(GraphEntry),
    textEncoder3: v.optional(GraphEntry),
    denoiser: GraphEntry,
    decoder: GraphEntry,
  }),
  /** Rows of the denoiser: 2 for classifier-free guidance, also where left out; 1, the prompt's alone, for a model that takes none. */
  batch: v.optional(v.picklist([1, 2])),
  /** Left out by entries of models with one text encoder, whose only output is `encoder_hidden_states`. */
  conditioning: v.optional(Conditioning),
  layers: v.object({ denoiser: v.array(LayerEntry), textEncoder: v.array(LayerEntry), textEncoder2: v.optional(v.array(LayerEntry)) }),
  defaults: v.object({ steps: positive, guidanceScale: v.number() }),
  guidance: v.optional(GuidanceEntry),
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
  /**
   * Mean embedding of its reference pictures by each metric that sees pictures, of length 1: what guidance pulls towards. `gram` is a symmetric
   * matrix, row by row (`shared/guidance/gram.ts`).
   */
  references: v.optional(
    v.object({ dino: v.optional(v.array(v.number())), clip: v.optional(v.array(v.number())), gram: v.optional(v.array(v.number())) }),
  ),
  /** A small picture as a `data:` URL, at most 32 KiB. */
  thumbnail: v.optional(v.pipe(v.string(), v.startsWith('data:image/'), v.maxLength(32 * 1024))),
});
export type LoraEntry = v.InferOutput<typeof LoraEntry>;

export const Manifest = v.object({ version: v.literal(1), models: v.array(ModelEntry), loras: v.array(LoraEntry) });
export type Manifest = v.InferOutput<typeof Manifest>;

/** The texts of a model's encoders. */
export function modelTexts(model: ModelEntry): Partial<Record<TextEncoderName, TextEntry>> {
  const { text, text2, text3 } = model;
  return { textEncoder: text, ...(text2 && { textEncoder2: text2 }), ...(text3 && { textEncoder3: text3 }) };
}

export const modelGraphs = (model: ModelEntry): GraphEntry[] => Object.values(model.graphs).filter((graph) => graph !== undefined);

/** Every blob that a catalogue leads to. */
export function manifestBlobs({ models, loras }: Manifest): BlobRef[] {
  const guidance = models.flatMap((model) => (model.guidance ? guidanceFiles(model.guidance) : []));
  return [...models.flatMap(modelBlobs), ...guidance, ...loras.map((lora) => lora.file)];
}

function guidanceFiles({ tinyDecoder, encoders, clipText }: GuidanceEntry): BlobRef[] {
  const graphs = [tinyDecoder, encoders.dino?.graph, encoders.clip?.graph, clipText?.graph].filter((graph) => graph !== undefined);
  return [...graphs.flatMap((graph) => [graph.topology, ...graph.weights]), ...(clipText ? [clipText.text.tokenizer] : [])];
}

/** Every blob that making pictures with `model` needs, LoRAs and guidance apart. */
export function modelBlobs(model: ModelEntry): BlobRef[] {
  const tokenizers = Object.values(modelTexts(model)).map((entry) => entry.tokenizer);
  return [...tokenizers, ...modelGraphs(model).flatMap((graph) => [graph.topology, ...graph.weights])];
}
