import { expect, it } from 'vitest';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, largestDifference, runModel } from './run-model.ts';
import { HAS_WEBGPU, runOnWebGPU } from './spawn-webgpu.ts';

it.skipIf(!HAS_WEBGPU).each(Object.keys(FIXTURE_DIMS).filter((name) => name !== 'sd15-tiny/text_encoder'))(
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

it.skipIf(!HAS_WEBGPU)('an integer timestep would leave the GPU', async () => {
  const name = 'sd15-tiny/unet';
  const model = normalise(fixtureModel(name), FIXTURE_DIMS[name]!);
  await expect(runOnWebGPU(model, feedsFor(model, FIXTURE_DIMS[name]!))).rejects.toThrow(/fallback to CPU EP has been explicitly disabled/);
});
