import { DiptychError } from '../../../shared/errors.ts';
import type { Backend, EngineInfo } from '../../../shared/protocol.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { latentGraph } from '../latent-graph.ts';
import { LogTap } from './log-tap.ts';
import { OrtRuntime } from './ort-session.ts';
import type { Runtime } from './runtime.ts';

/** One a page, as onnxruntime's WebAssembly module is. */
const log = new LogTap();

export interface WebRuntimeOptions {
  /** `auto`: WebGPU, and wasm where there is no adapter. */
  backend: Backend | 'auto';
  /** URL prefix of onnxruntime's `.wasm` and `.mjs` files, ending in `/`. */
  ortPath: string;
}

/**
 * onnxruntime-web, in a page or a worker. The build is chosen at run time so that a browser loads only one: JSPI (a third smaller) where
 * WebAssembly can suspend, else asyncify; the plain one without WebGPU.
 *
 * @throws `webgpu_unavailable` when WebGPU is asked for by name and there is no adapter.
 */
export async function openWebRuntime({ backend, ortPath }: WebRuntimeOptions): Promise<Runtime> {
  if (backend === 'cpu')
    throw new DiptychError('session_failed', 'The backend `cpu` is the command line’s; a browser has `webgpu` and `wasm`.');
  if (backend === 'wasm') return openWasm(ortPath, 'WebAssembly, as asked.');
  const adapter = await requestAdapter();
  if (adapter) return openWebGpu(adapter, ortPath);
  const reason = 'gpu' in navigator ? 'this browser has WebGPU but no adapter for it' : 'this browser has no WebGPU';
  if (backend === 'webgpu') throw new DiptychError('webgpu_unavailable', `Cannot run on WebGPU: ${reason}.`);
  return openWasm(ortPath, `WebAssembly on the CPU: ${reason}.`);
}

async function openWebGpu(adapter: GPUAdapter, ortPath: string): Promise<Runtime> {
  const ort = await ('Suspending' in WebAssembly ? import('onnxruntime-web/jspi') : import('onnxruntime-web/webgpu'));
  configure(ort.env.wasm, ortPath);
  const { vendor, architecture } = adapter.info;
  const name = [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  const info: EngineInfo = { backend: 'webgpu', note: `WebGPU on ${name}.`, gpu: { vendor, architecture } };
  // One provider only: with a second one, nodes would fall to the CPU without a word.
  const provider = 'webgpu';
  // onnxruntime opens its device with the first session and drops it with the last, so one tiny session lives as long as the runtime.
  // (1.29 takes a device of ours as well, but then fails in the first run: "No cached or pending pipeline for deferred dispatch".)
  const anchor = await log.install(() => ort.InferenceSession.create(writeModel(latentGraph(1, [1])), { executionProviders: [provider] }));
  const device = (await ort.env.webgpu.device) as GPUDevice;
  return new OrtRuntime({ ort, info, provider, device, log, close: () => anchor.release() });
}

async function openWasm(ortPath: string, note: string): Promise<Runtime> {
  const ort = await import('onnxruntime-web/wasm');
  configure(ort.env.wasm, ortPath);
  return new OrtRuntime({ ort, info: { backend: 'wasm', note, gpu: { vendor: '', architecture: '' } }, provider: 'wasm' });
}

function configure(env: { numThreads?: number; wasmPaths?: unknown }, ortPath: string): void {
  // Threads need SharedArrayBuffer, which a page has only when it is cross-origin isolated.
  if (!globalThis.crossOriginIsolated) env.numThreads = 1;
  env.wasmPaths = ortPath;
}

async function requestAdapter(): Promise<GPUAdapter | null> {
  if (!('gpu' in navigator)) return null;
  return navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
}
