/** Gradients of exported graphs, against PyTorch's autograd: tests/fixtures/autodiff/make.py. */
import * as cpu from 'onnxruntime-node';
import * as wasm from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { makeGradient } from '../../../models-manifest/cli/grad/make-gradient.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { HAS_WEBGPU, runOnWebGPU } from '../onnx/spawn-webgpu.ts';
import { dimsOf, errorsOf, feedsOf, files, goldenLoss, goldens, networks, present, read } from './exported-graphs.ts';

wasm.env.wasm.numThreads = 1;

/** Of the largest element of a gradient. */
const TOLERANCE = 1e-4;
const WEBGPU_TOLERANCE = 2e-3;

interface Runtime {
  InferenceSession: typeof cpu.InferenceSession;
  Tensor: typeof cpu.Tensor;
}

async function outputsOf({ InferenceSession, Tensor }: Runtime, model: Model, file: string) {
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  const outputs = await session.run(feedsOf(file, session.inputNames, Tensor));
  await session.release();
  return outputs;
}

describe.each(files)('%s', (file) => {
  const isOpen = file.includes('.batch.');

  it.each([
    ['cpu', cpu, false],
    ['wasm', wasm as unknown as Runtime, false],
    ['cpu, recomputing', cpu, true],
  ] as const)('has the gradients of autograd on %s', async (_, runtime, recompute) => {
    const model = await read(file);
    const inputs = [...goldens(file, 'gradient').keys()].filter((name) => present(model, name));
    const dims = isOpen ? [] : dimsOf(file, model);
    const made = makeGradient(model, { loss: 'loss', inputs, dims, prefix: 'grad', recompute });
    expect(made.open).toBe(isOpen ? 'batch' : undefined);
    const outputs = await outputsOf(runtime as Runtime, made.model, file);
    expect((outputs['loss']!.data as Float32Array)[0]).toBeCloseTo(goldenLoss(file), 3);
    expect(errorsOf(file, inputs, outputs).filter(({ error }) => !(error < TOLERANCE))).toEqual([]);
  });
});

// ResNet: onnxruntime 1.29 adds up a grouped ConvTranspose wrongly there, which the rules of pooling and convolution go around.
describe.runIf(HAS_WEBGPU)('on WebGPU, every node', () => {
  it.each(['resnet.14.folded.batch', 'convnext.14', 'swin.14'])(
    '%s',
    async (name) => {
      const file = `${name}.onnx`;
      const model = await read(file);
      const inputs = [...goldens(file, 'gradient').keys()].filter((input) => model.graph.inputs.some((given) => given.name === input));
      const made = makeGradient(model, { loss: 'loss', inputs, dims: dimsOf(file, model), prefix: 'grad', recompute: false });
      const names = made.model.graph.inputs.map((input) => input.name);
      const outputs = await runOnWebGPU(made.model, feedsOf(file, names, cpu.Tensor));
      expect(errorsOf(file, inputs, outputs).filter(({ error }) => !(error < WEBGPU_TOLERANCE))).toEqual([]);
    },
    60_000,
  );
});

it('covers every network by inputs and weights, at two operator sets, folded and not, with the batch open and not', async () => {
  for (const network of networks) {
    const own = files.filter((file) => file.startsWith(`${network}.`));
    expect(own.map((file) => file.split('.')[1]).toSorted()).toEqual(['14', '17']);
    expect(own.filter((file) => file.includes('.folded.batch.'))).toHaveLength(1);
    for (const file of own) {
      const model = await read(file);
      const names = [...goldens(file, 'gradient').keys()].filter((name) => present(model, name));
      expect(names.filter((name) => !goldens(file, 'input').has(name)), file).not.toEqual([]); // prettier-ignore
    }
  }
  expect(networks.size).toBeGreaterThan(10);
});
