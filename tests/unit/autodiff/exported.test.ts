/** Gradients of exported graphs, against PyTorch's autograd: tests/fixtures/autodiff/make.py. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as cpu from 'onnxruntime-node';
import * as wasm from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { makeGradient } from '../../../models-manifest/cli/grad/make-gradient.ts';
import { gradientName } from '../../../shared/autodiff/gradient.ts';
import { readSafetensors, type SafeTensor, toFloat32 } from '../../../shared/lora/safetensors.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

wasm.env.wasm.numThreads = 1;

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/autodiff');
const golden = readSafetensors(await readFile(path.join(FOLDER, 'golden.safetensors')), 'golden.safetensors').tensors;
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.onnx'));

/** Of the largest element of a gradient. */
const TOLERANCE = 1e-4;

const read = async (file: string): Promise<Model> => readModel(await readFile(path.join(FOLDER, file)), file);

/** The golden tensors of a network by name: its inputs, or its gradients. */
function goldens(file: string, kind: 'input' | 'gradient'): Map<string, SafeTensor> {
  const prefix = `${file.split('.')[0]!}/${kind}/`;
  return new Map([...golden].flatMap(([key, tensor]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), tensor]] : [])));
}

const valuesOf = (tensor: SafeTensor, key: string) =>
  tensor.dtype === 'I64' ? new BigInt64Array(new Uint8Array(tensor.bytes).buffer) : toFloat32(tensor, key, 'golden.safetensors');

/** What an exporter left in the graph by its own name: folding renames transposed weights. */
function present({ graph }: Model, name: string): boolean {
  return (
    graph.initializers.has(name) ||
    graph.inputs.some((input) => input.name === name) ||
    graph.nodes.some(({ outputs }) => outputs.includes(name))
  );
}

interface Runtime {
  InferenceSession: typeof cpu.InferenceSession;
  Tensor: typeof cpu.Tensor;
}

async function outputsOf({ InferenceSession, Tensor }: Runtime, model: Model, file: string) {
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  const inputs = [...goldens(file, 'input')].filter(([name]) => session.inputNames.includes(name));
  const feeds = inputs.map(([name, tensor]) => [
    name,
    new Tensor(tensor.dtype === 'I64' ? 'int64' : 'float32', valuesOf(tensor, name), tensor.shape),
  ]);
  const outputs = await session.run(Object.fromEntries(feeds));
  await session.release();
  return outputs;
}

/** The largest difference from what PyTorch found, as a share of the largest element. */
function errorOf(found: ArrayLike<number>, wanted: Float32Array): number {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0) / largest;
}

describe.each(files)('%s', (file) => {
  const isOpen = file.includes('.batch.');

  it.each([
    ['cpu', cpu, false],
    ['wasm', wasm as unknown as Runtime, false],
    ['cpu, recomputing', cpu, true],
  ] as const)('has the gradients of autograd on %s', async (_, runtime, recompute) => {
    const model = await read(file);
    const wanted = [...goldens(file, 'gradient')].filter(([name]) => present(model, name));
    const inputs = wanted.map(([name]) => name);
    const dims = isOpen
      ? []
      : [...goldens(file, 'input')].filter(([name]) => present(model, name)).map(([name, { shape }]) => ({ name, sizes: shape }));
    const made = makeGradient(model, { loss: 'loss', inputs, dims, prefix: 'grad', recompute });
    expect(made.open).toBe(isOpen ? 'batch' : undefined);
    const outputs = await outputsOf(runtime as Runtime, made.model, file);
    const loss = golden.get(`${file.split('.')[0]!}/loss`)!;
    expect((outputs['loss']!.data as Float32Array)[0]).toBeCloseTo(toFloat32(loss, 'loss', file)[0]!, 3);
    const errors = wanted.map(([name, tensor]) => ({
      name,
      dims: outputs[gradientName(name)]!.dims,
      error: errorOf(outputs[gradientName(name)]!.data as Float32Array, toFloat32(tensor, name, file)),
    }));
    expect(errors.map(({ dims: found }) => found)).toEqual(wanted.map(([, { shape }]) => shape));
    expect(errors.filter(({ error }) => !(error < TOLERANCE))).toEqual([]);
  });
});

it('covers every network by inputs and weights, at two operator sets, folded and not, with the batch open and not', async () => {
  const networks = new Set([...golden.keys()].map((key) => key.split('/')[0]!));
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
