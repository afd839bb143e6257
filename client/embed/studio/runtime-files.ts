import type { Backend } from '../../../shared/protocol.ts';

/** Written by the build: onnxruntime's version, and the gzipped size of each of its builds in bytes. */
declare const ORT_VERSION: string;
declare const ORT_BYTES: { jspi: number; asyncify: number; wasm: number };

/** Where the build puts onnxruntime's files. */
export const ORT_PATH = `/embed/ort/${ORT_VERSION}/`;

const KEPT = 'diptych.onnxruntime';

/** Bytes of onnxruntime that this browser has yet to load. Which build it takes is decided as in the engine; a browser without storage always asks. */
export function runtimeBytesMissing(backend: Backend): number {
  if (storage()?.getItem(KEPT) === `${ORT_VERSION} ${build(backend)}`) return 0;
  return ORT_BYTES[build(backend)];
}

/** Called once a run has gone through: from now on the browser's own cache has the files. */
export function rememberRuntime(backend: Backend): void {
  storage()?.setItem(KEPT, `${ORT_VERSION} ${build(backend)}`);
}

function build(backend: Backend): keyof typeof ORT_BYTES {
  if (backend !== 'webgpu') return 'wasm';
  return 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
}

/** Blocked in some third-party frames, where reading the property throws. */
function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
