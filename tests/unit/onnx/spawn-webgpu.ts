/**
 * The WebGPU backend of onnxruntime-node on SwiftShader, as Debian's Chromium ships it: no GPU needed. The Vulkan loader is looked for
 * when a process starts, so each model runs in a process of its own.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Tensor } from 'onnxruntime-node';
import { onTestFinished } from 'vitest';
import type { Model } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import type { Output } from './run-model.ts';

const CHROMIUM = '/usr/lib/chromium';
const DRIVER = `${CHROMIUM}/vk_swiftshader_icd.json`;
const SCRIPT = fileURLToPath(new URL('./run-on-webgpu.ts', import.meta.url));

export const HAS_WEBGPU = existsSync(DRIVER);

/** Runs a model with every node on WebGPU; creating the session fails if any would fall to the CPU. */
export async function runOnWebGPU(model: Model, feeds: Record<string, Tensor>): Promise<Record<string, Output>> {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-webgpu-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'model.onnx'), writeModel(model));
  const plain = Object.entries(feeds).map(([name, { type, dims, data }]) => [
    name,
    { type, dims, data: Array.from(data as Float32Array, Number) },
  ]);
  writeFileSync(join(folder, 'feeds.json'), JSON.stringify(Object.fromEntries(plain)));
  const env = { ...process.env, VK_ICD_FILENAMES: DRIVER, LD_LIBRARY_PATH: CHROMIUM };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, folder], { env, maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as Record<string, Output>;
}
