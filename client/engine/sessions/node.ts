import { DiptychError } from '../../../shared/errors.ts';
import type { Backend, EngineInfo } from '../../../shared/protocol.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { latentGraph } from '../latent-graph.ts';
import { OrtRuntime, type OrtBackend } from './ort-session.ts';
import type { Runtime } from './runtime.ts';

const NOTES: Record<Backend, string> = {
  cpu: 'onnxruntime-node on the CPU.',
  webgpu: 'onnxruntime-node on WebGPU.',
  wasm: 'onnxruntime-web in Node, on WebAssembly.',
};

/**
 * The runtime of the command line and the tests. `auto` is the CPU. `webgpu` is the same native execution provider as the browser's; it needs
 * a Vulkan driver (a software one: `VK_ICD_FILENAMES` and `LD_LIBRARY_PATH` pointing at Chromium's).
 *
 * @param threads of the CPU that share one operator; onnxruntime takes all cores where left out
 * @throws `webgpu_unavailable` when there is no adapter.
 */
export async function openNodeRuntime(backend: Backend | 'auto', threads?: number): Promise<Runtime> {
  const chosen = backend === 'auto' ? 'cpu' : backend;
  const info: EngineInfo = { backend: chosen, note: NOTES[chosen], gpu: { vendor: '', architecture: '' } };
  if (chosen === 'wasm') return openWasm(info);
  const ort = await import('onnxruntime-node');
  const runtime = new OrtRuntime({ ort: ort as unknown as OrtBackend['ort'], info, provider: chosen, threads });
  if (chosen === 'webgpu') await probe(runtime);
  return runtime;
}

async function openWasm(info: EngineInfo): Promise<Runtime> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  return new OrtRuntime({ ort, info, provider: 'wasm' });
}

/** onnxruntime looks for an adapter only when the first session is created, so this creates a small one. */
async function probe(runtime: Runtime): Promise<void> {
  try {
    await (await runtime.createSession(writeModel(latentGraph(1, [1])), [])).release();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiptychError('webgpu_unavailable', `onnxruntime-node found no WebGPU adapter: ${reason}`, {}, { cause });
  }
}
