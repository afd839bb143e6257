/**
 * Where networks run. One runtime a backend: `web.ts` for onnxruntime-web, `node.ts` for onnxruntime-node; both are the same class
 * (`ort-session.ts`) over a different onnxruntime module. Errors: `session_failed` for anything that onnxruntime refuses.
 */
import type { Tensor } from 'onnxruntime-web/wasm';
import type { DiptychError } from '../../../shared/errors.ts';
import type { EngineInfo } from '../../../shared/protocol.ts';

/** A tensor of the runtime: in a GPU buffer or in host memory. */
export type RuntimeTensor = Tensor;

/** One shard of a graph's weights: the `external_data.location` that the topology names, and its bytes. */
export interface WeightData {
  path: string;
  data: Uint8Array;
}

export interface SessionOptions {
  /** Outputs to leave where they were made (GPU buffers on WebGPU); the others come back to the host. */
  onDevice?: readonly string[];
  /** On WebGPU, fail with `session_failed` when a node would run on the CPU. */
  strict?: boolean;
  /** Receives how many nodes each execution provider got, by onnxruntime's verbose log (onnxruntime-web only: elsewhere the log is not ours to read). */
  onPlacement?: (placement: ReadonlyMap<string, number>) => void;
}

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs the graph; every output it was created with comes back, and the caller releases it. */
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

export interface Runtime {
  readonly info: EngineInfo;
  /** Set once the device is gone (driver reset, tab in the background too long): nothing made by this runtime works any more. */
  readonly lost: DiptychError | undefined;
  /** `topology` is the ONNX file; `weights` are the files it names. Sessions are created one after another, whoever asks. */
  createSession(topology: Uint8Array, weights: readonly WeightData[], options?: SessionOptions): Promise<Session>;
  /** A small tensor in host memory: scalars, gates, token ids. */
  host(data: Float32Array | BigInt64Array | Int32Array, dims: readonly number[]): RuntimeTensor;
  /** A scalar bool in host memory: the condition of an If. */
  flag(value: boolean): RuntimeTensor;
  /** A tensor on the device, for what stays there over many runs: latents, LoRA factors, prompt embeddings. */
  upload(data: Float32Array, dims: readonly number[]): RuntimeTensor;
  /** The numbers of a float32 tensor, wherever it lives. */
  read(tensor: RuntimeTensor): Promise<Float32Array>;
  release(tensor: RuntimeTensor): void;
  /**
   * Resolves when the device has done all that was asked of it (on WebGPU, `run` only queues the work) and messages that came meanwhile, like
   * a call to cancel, have been read.
   */
  idle(): Promise<void>;
  /** Gives the device back. Sessions must be released before. */
  close(): Promise<void>;
}
