/**
 * The WebGPU backend of onnxruntime-node on SwiftShader, as Debian's Chromium ships it: no GPU needed. The Vulkan loader is looked for
 * when a process starts, so each model runs in a process of its own.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, largestDifference, type Output, runModel } from './run-model.ts';

const CHROMIUM = '/usr/lib/chromium';
const DRIVER = `${CHROMIUM}/vk_swiftshader_icd.json`;
const SCRIPT = fileURLToPath(new URL('./run-on-webgpu.ts', import.meta.url));

/** Runs a model with every node on WebGPU; creating the session fails if any would fall to the CPU. */
async function runOnWebGPU(model: Model, feeds: ReturnType<typeof feedsFor>): Promise<Record<string, Output>> {
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

it.skipIf(!existsSync(DRIVER)).each(Object.keys(FIXTURE_DIMS).filter((name) => name !== 'sd15-tiny/text_encoder'))(
  'every node of %s runs on WebGPU and computes what the CPU does',
  async (name) => {
    const normal = normalise(fixtureModel(name), FIXTURE_DIMS[name]!);
    const model = normal.graph.inputs.some((input) => input.name === 'timestep') ? floatTimestep(normal) : normal;
    const feeds = feedsFor(model, FIXTURE_DIMS[name]!);
    const [actual, expected] = [await runOnWebGPU(model, feeds), await runModel(model, feeds)];
    for (const { name: output } of model.graph.outputs) expect(largestDifference(actual[output]!, expected[output]!)).toBeLessThan(1e-3);
  },
  300_000,
);

it.skipIf(!existsSync(DRIVER))('an integer timestep would leave the GPU', async () => {
  const name = 'sd15-tiny/unet';
  const model = normalise(fixtureModel(name), FIXTURE_DIMS[name]!);
  await expect(runOnWebGPU(model, feedsFor(model, FIXTURE_DIMS[name]!))).rejects.toThrow(/fallback to CPU EP has been explicitly disabled/);
});
