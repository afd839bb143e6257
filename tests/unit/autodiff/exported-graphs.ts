/** The exported graphs of tests/fixtures/autodiff and what PyTorch's autograd says of them. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tensor } from 'onnxruntime-node';
import { gradientName } from '../../../shared/autodiff/gradient.ts';
import { readSafetensors, type SafeTensor, toFloat32 } from '../../../shared/lora/safetensors.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/autodiff');
const golden = readSafetensors(await readFile(path.join(FOLDER, 'golden.safetensors')), 'golden.safetensors').tensors;

export const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.onnx'));
export const networks = new Set([...golden.keys()].map((key) => key.split('/')[0]!));

export const read = async (file: string): Promise<Model> => readModel(await readFile(path.join(FOLDER, file)), file);

/** The golden tensors of a network by name: its inputs, or its gradients. */
export function goldens(file: string, kind: 'input' | 'gradient'): Map<string, SafeTensor> {
  const prefix = `${file.split('.')[0]!}/${kind}/`;
  return new Map([...golden].flatMap(([key, tensor]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), tensor]] : [])));
}

export const goldenLoss = (file: string): number => toFloat32(golden.get(`${file.split('.')[0]!}/loss`)!, 'loss', file)[0]!;

/** What an exporter left in the graph by its own name: folding renames transposed weights. */
export function present({ graph }: Model, name: string): boolean {
  return (
    graph.initializers.has(name) ||
    graph.inputs.some((input) => input.name === name) ||
    graph.nodes.some(({ outputs }) => outputs.includes(name))
  );
}

/** The dims of the inputs that a graph has, for `makeGradient`. */
export const dimsOf = (file: string, model: Model): { name: string; sizes: number[] }[] =>
  [...goldens(file, 'input')].filter(([name]) => present(model, name)).map(([name, { shape }]) => ({ name, sizes: shape }));

/** The golden inputs of `names` as tensors of a runtime. */
export function feedsOf(file: string, names: readonly string[], TensorOf: typeof Tensor): Record<string, Tensor> {
  const values = (tensor: SafeTensor, name: string) =>
    tensor.dtype === 'I64' ? new BigInt64Array(new Uint8Array(tensor.bytes).buffer) : toFloat32(tensor, name, file);
  const inputs = [...goldens(file, 'input')].filter(([name]) => names.includes(name));
  return Object.fromEntries(
    inputs.map(([name, tensor]) => [name, new TensorOf(tensor.dtype === 'I64' ? 'int64' : 'float32', values(tensor, name), tensor.shape)]),
  );
}

interface Found {
  dims: readonly number[];
  data: ArrayLike<unknown>;
}

/** The largest difference of each gradient from PyTorch's as a share of its largest element; Infinity for one of another shape. */
export function errorsOf(file: string, names: readonly string[], outputs: Record<string, Found>): { name: string; error: number }[] {
  return names.map((name) => {
    const wanted = goldens(file, 'gradient').get(name)!;
    const { dims, data } = outputs[gradientName(name)]!;
    if (dims.join() !== wanted.shape.join()) return { name, error: Infinity };
    const values = toFloat32(wanted, name, file);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = values.reduce((most, value, i) => Math.max(most, Math.abs(Number(data[i]) - value)), 0);
    return { name, error: difference / largest };
  });
}
