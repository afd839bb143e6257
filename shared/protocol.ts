/**
 * What the page and the engine in its Web Worker say to each other, through comlink. Everything here survives structured clone;
 * `onEvent` is a comlink proxy.
 */
import type { GuidanceSettings, MetricName } from './guidance/settings.ts';
import type { BlobRef, LoraEntry, LoraKind, ModelEntry } from './manifest.ts';
import type { RuleName, RuleSettings } from './rules.ts';
import type { SamplerName, ScheduleName } from './samplers.ts';

/** Where the network runs. `cpu` is onnxruntime-node's, for the command line. */
export type Backend = 'webgpu' | 'wasm' | 'cpu';

export interface EngineOptions {
  /** `auto`: WebGPU, and wasm where there is no adapter. */
  backend: Backend | 'auto';
}

export interface EngineInfo {
  backend: Backend;
  /** Why not WebGPU, or what adapter: a sentence for people. */
  note: string;
  /** GPU vendor and architecture as WebGPU tells them; empty on wasm. */
  gpu: { vendor: string; architecture: string };
}

/** A signed address for each blob, as `POST /v1/downloads` answers. */
export interface SignedBlob extends BlobRef {
  url: string;
}

export interface GenerateRequest {
  model: ModelEntry;
  subject?: LoraEntry;
  style?: LoraEntry;
  prompt: string;
  negativePrompt?: string;
  /** An unsigned 32-bit integer. */
  seed: number;
  steps: number;
  /** What the model's scheduler says where left out. */
  sampler?: SamplerName;
  schedule?: ScheduleName;
  guidanceScale: number;
  /** [subject, style]; 1 is as trained, 0 is off. */
  strengths: readonly [number, number];
  rule: RuleName;
  ruleSettings?: RuleSettings;
  /** Metric guidance; off where left out. */
  guidance?: GuidanceSettings;
  /** Pictures of the visitor's own that guidance takes for references, in place of the LoRAs'. */
  referenceImages?: Partial<Record<LoraKind, RgbaImage>>;
  /** Show the picture as the network sees it so far, now and then; off where left out. */
  preview?: boolean;
}

/** RGBA rows from the top, 8 bits a channel. */
export interface RgbaImage {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

export type EngineEvent =
  | { type: 'download'; loaded: number; total: number; cached: number; secondsLeft: number | null }
  /** The edge asks for less haste: part of the download goes on after so many seconds. */
  | { type: 'pause'; seconds: number }
  | { type: 'session'; graph: keyof ModelEntry['graphs'] | 'guidance'; index: number; count: number }
  | {
      type: 'step';
      step: number;
      steps: number;
      secondsLeft: number;
      distances: Float32Array;
      choice: Uint8Array;
      /** With guidance: cosine of the picture so far with each metric's reference, before this step's correction. */
      scores?: Scores;
    }
  /** Between two steps, as often as a small part of the run's time allows. */
  | { type: 'preview'; image: RgbaImage }
  | { type: 'decode' }
  /** The run goes on, but not quite as asked: a sentence for people. It may quote the prompt, so it stays on the device. */
  | { type: 'warning'; message: string };

export type Scores = Partial<Record<MetricName, number>>;

/**
 * What was done in each layer and step of one run. Row-major: `distances` [steps, layers, 2], how far subject and style move the layer's
 * feature by the rule's criterion, as last measured (zeros under a rule that does not measure); `choice` [steps, layers], 0 subject, 1 style,
 * 2 both, 3 neither. Where parts of a layer choose by themselves, `choice` is what the layer's mean distances would choose.
 */
export interface FusionMap {
  modules: string[];
  steps: number;
  distances: Float32Array;
  choice: Uint8Array;
}

export interface Timings {
  downloadMs: number;
  sessionMs: number;
  textMs: number;
  stepMs: number[];
  decodeMs: number;
  totalMs: number;
  bytesDownloaded: number;
  bytesCached: number;
}

export interface GenerateResult {
  image: RgbaImage;
  fusionMap: FusionMap;
  /** With guidance: the scores of each step in its window, in order, and last those of the final latent. */
  scores?: Scores[];
  timings: Timings;
}

/** The engine as the page sees it. One picture at a time: a second call rejects with `engine_busy`. */
export interface EngineApi {
  start(options: EngineOptions): Promise<EngineInfo>;
  /** Which bytes of `blobs` are not in the cache yet. */
  missing(blobs: readonly BlobRef[]): Promise<BlobRef[]>;
  generate(request: GenerateRequest, onEvent: (event: EngineEvent) => void): Promise<GenerateResult>;
  /** Ends the run in progress within one step; its `generate` rejects with `cancelled`. */
  cancel(): Promise<void>;
}
