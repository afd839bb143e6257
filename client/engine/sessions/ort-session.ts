import type * as Ort from 'onnxruntime-web/wasm';
import { asDiptychError, DiptychError } from '../../../shared/errors.ts';
import type { EngineInfo } from '../../../shared/protocol.ts';
import type { LogTap } from './log-tap.ts';
import { parsePlacement } from './node-placement.ts';
import type { Runtime, RuntimeTensor, Session, SessionOptions, WeightData } from './runtime.ts';

/** WebGPU's flag namespaces (https://www.w3.org/TR/webgpu/#namespacedef-gpubufferusage), which the DOM's types leave out. */
declare const GPUBufferUsage: { readonly [flag in 'MAP_READ' | 'COPY_SRC' | 'COPY_DST' | 'STORAGE']: number };
declare const GPUMapMode: { readonly READ: number };

/** What differs between the backends. */
export interface OrtBackend {
  /** The onnxruntime module: onnxruntime-web's builds and onnxruntime-node export the same names. */
  ort: Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;
  info: EngineInfo;
  provider: Ort.InferenceSession.ExecutionProviderConfig;
  /** Threads that share one operator, where onnxruntime is not to decide. */
  threads?: number | undefined;
  /** The WebGPU device, where tensors can stay in its buffers. */
  device?: GPUDevice;
  /** onnxruntime's log, where it can be read. */
  log?: LogTap;
  close?: () => Promise<void>;
}

/** A runtime over any build of onnxruntime. */
export class OrtRuntime implements Runtime {
  readonly #backend: OrtBackend;
  #lost: DiptychError | undefined;
  /** Settles when the last session asked for is there: onnxruntime refuses to create two at a time on WebGPU. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(backend: OrtBackend) {
    this.#backend = backend;
    if (backend.device) void this.#watch(backend.device);
  }

  get info(): EngineInfo {
    return this.#backend.info;
  }

  get lost(): DiptychError | undefined {
    return this.#lost;
  }

  async #watch(device: GPUDevice): Promise<void> {
    const { message } = await device.lost;
    this.#lost = new DiptychError('session_failed', `The GPU device was lost: ${message}. Try again.`);
  }

  createSession(topology: Uint8Array, weights: readonly WeightData[], options: SessionOptions = {}): Promise<Session> {
    const created = this.#queue.then(() => this.#create(topology, weights, options));
    this.#queue = created.catch(() => undefined);
    return created;
  }

  async #create(topology: Uint8Array, weights: readonly WeightData[], options: SessionOptions): Promise<Session> {
    const create = () => this.#backend.ort.InferenceSession.create(topology, this.#sessionOptions(weights, options));
    try {
      return new OrtSession(await this.#withPlacement(create, options.onPlacement), () => this.#lost);
    } catch (thrown) {
      throw this.#lost ?? sessionError(thrown);
    }
  }

  async #withPlacement<T>(create: () => Promise<T>, onPlacement: SessionOptions['onPlacement']): Promise<T> {
    if (!onPlacement) return create();
    if (!this.#backend.log)
      throw new DiptychError('session_failed', 'Only onnxruntime-web in a browser has a log that tells the placement of nodes.');
    const { value, log } = await this.#backend.log.collect(create);
    onPlacement(parsePlacement(log));
    return value;
  }

  #sessionOptions(
    weights: readonly WeightData[],
    { onDevice = [], strict = false, onPlacement }: SessionOptions,
  ): Ort.InferenceSession.SessionOptions {
    return {
      executionProviders: [this.#backend.provider],
      externalData: weights.map(({ path, data }) => ({ path, data })),
      // Errors only: below that, onnxruntime warns about every shape operator it leaves on the CPU.
      logSeverityLevel: onPlacement ? 0 : 3,
      ...(this.#backend.threads === undefined ? {} : { intraOpNumThreads: this.#backend.threads }),
      ...(this.#backend.device
        ? { preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer' as const])) }
        : {}),
      ...(strict && this.info.backend === 'webgpu' ? { extra: { session: { disable_cpu_ep_fallback: '1' } } } : {}),
    };
  }

  host(data: Float32Array | BigInt64Array | Int32Array, dims: readonly number[]): RuntimeTensor {
    const { Tensor } = this.#backend.ort;
    if (data instanceof Float32Array) return new Tensor('float32', data, dims);
    return data instanceof BigInt64Array ? new Tensor('int64', data, dims) : new Tensor('int32', data, dims);
  }

  flag(value: boolean): RuntimeTensor {
    return new this.#backend.ort.Tensor('bool', Uint8Array.of(value ? 1 : 0), []);
  }

  upload(data: Float32Array, dims: readonly number[]): RuntimeTensor {
    const { device, ort } = this.#backend;
    if (!device) return new ort.Tensor('float32', data, dims);
    // An absent LoRA has rank 0 and no bytes, but a binding may not be empty.
    const size = Math.max(16, Math.ceil(data.byteLength / 16) * 16);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const gpuBuffer = device.createBuffer({ size, usage, mappedAtCreation: true });
    new Float32Array(gpuBuffer.getMappedRange()).set(data);
    gpuBuffer.unmap();
    const download = async () => new Float32Array(await readBuffer(device, gpuBuffer, data.byteLength));
    return ort.Tensor.fromGpuBuffer(gpuBuffer, { dataType: 'float32', dims, download, dispose: () => gpuBuffer.destroy() });
  }

  async read(tensor: RuntimeTensor): Promise<Float32Array> {
    return (await tensor.getData()) as Float32Array;
  }

  release(tensor: RuntimeTensor): void {
    tensor.dispose();
  }

  async idle(): Promise<void> {
    await this.#backend.device?.queue.onSubmittedWorkDone();
    // WebAssembly computes within `run` and resolves it at once: without a turn of the event loop no message would be read between steps.
    await new Promise((resolve) => setTimeout(resolve));
  }

  async close(): Promise<void> {
    await this.#backend.close?.();
  }
}

class OrtSession implements Session {
  readonly #session: Ort.InferenceSession;
  readonly #lost: () => DiptychError | undefined;

  constructor(session: Ort.InferenceSession, lost: () => DiptychError | undefined) {
    this.#session = session;
    this.#lost = lost;
  }

  get inputs(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputs(): readonly string[] {
    return this.#session.outputNames;
  }

  async run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>> {
    const lost = this.#lost();
    if (lost) throw lost;
    try {
      return (await this.#session.run(feeds)) as Record<string, RuntimeTensor>;
    } catch (thrown) {
      throw this.#lost() ?? sessionError(thrown);
    }
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

/** onnxruntime throws plain errors, and bare numbers (exception pointers) from WebAssembly when its memory is exhausted. */
function sessionError(thrown: unknown): DiptychError {
  if (typeof thrown === 'number') {
    return new DiptychError(
      'session_failed',
      'onnxruntime ran out of memory. Close other tabs, or choose a smaller model.',
      {},
      { cause: thrown },
    );
  }
  return asDiptychError(thrown, 'session_failed');
}

async function readBuffer(device: GPUDevice, source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
  const staging = device.createBuffer({ size: source.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    return staging.getMappedRange().slice(0, bytes);
  } finally {
    staging.destroy();
  }
}
