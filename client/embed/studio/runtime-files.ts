import type { Backend } from '../../../shared/protocol.ts';

/** Written by the build: onnxruntime's version, and the gzipped size of each of its builds in bytes. */
declare const ORT_VERSION: string;
declare const ORT_BYTES: { jspi: number; asyncify: number; wasm: number };

/** Where the build puts onnxruntime's files. */
export const ORT_PATH = `/embed/ort/${ORT_VERSION}/`;

const KEPT = 'diptych.onnxruntime';
/** In place of storage where that is blocked; ends with the page. */
let kept: string | null = null;

/** Bytes of onnxruntime that this browser has yet to load. Which build it takes is decided as in the engine. */
export function runtimeBytesMissing(backend: Backend): number {
  return (kept ?? storage()?.getItem(KEPT)) === stamp(backend) ? 0 : ORT_BYTES[build(backend)];
}

/** Called once a network has run: from now on the browser's own cache has the files. */
export function rememberRuntime(backend: Backend): void {
  kept = stamp(backend);
  storage()?.setItem(KEPT, kept);
}

const stamp = (backend: Backend): string => `${ORT_VERSION} ${build(backend)}`;

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
