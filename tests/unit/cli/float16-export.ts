/** Half precision as exporters and trainers leave it. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensors, type SafeTensor, toFloat32, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { codeOf } from '../../../shared/onnx/data-type.ts';
import { toFloat16 } from '../../../shared/onnx/float16.ts';
import { type Attribute, type GraphValue, int, intAttribute, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';

/** A float32 export as the same network exported in float16: weights, constants, casts, inputs and outputs. */
export function toFloat16Model(model: Model): Model {
  const { graph } = model;
  // Resize takes its scales in float32 only.
  const scales = new Set(graph.nodes.flatMap((node) => (node.opType === 'Resize' ? node.inputs.slice(1) : [])));
  return {
    ...model,
    graph: {
      ...graph,
      initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [name, scales.has(name) ? tensor : halved(tensor)])),
      nodes: graph.nodes.map((node) => (scales.has(node.outputs[0]!) ? node : halvedNode(node))),
      inputs: graph.inputs.map(halvedValue),
      outputs: graph.outputs.map(halvedValue),
      valueInfo: new Map(),
    },
  };
}

function halvedNode(node: Node): Node {
  const attributes = new Map<string, Attribute>(
    Array.from(node.attributes, ([key, value]) => [key, value.kind === 'tensor' ? { kind: 'tensor', value: halved(value.value) } : value]),
  );
  if (node.opType === 'Cast' && intAttribute(node, 'to', 0) === codeOf('float32')) attributes.set('to', int(codeOf('float16')));
  return { ...node, attributes };
}

function halved(tensor: Tensor): Tensor {
  if (tensor.dataType !== 'float32' || tensor.data.kind === 'external') return tensor;
  const values = new Float32Array(new Uint8Array(tensor.data.bytes).buffer);
  return { ...tensor, dataType: 'float16', data: { kind: 'inline', bytes: new Uint8Array(toFloat16(values).buffer) } };
}

const halvedValue = ({ name, type }: GraphValue): GraphValue => ({
  name,
  type: type.dataType === 'float32' ? { ...type, dataType: 'float16' } : type,
});

/** Replaces `FOLDER/NAME.safetensors` by `FOLDER/NAME.fp16.safetensors`. */
export async function halveLora(folder: string, name: string): Promise<void> {
  const file = path.join(folder, `${name}.safetensors`);
  const { tensors, metadata } = readSafetensors(new Uint8Array(await readFile(file)), file);
  const half = Array.from(tensors, ([key, tensor]): [string, SafeTensor] => [
    key,
    { dtype: 'F16', shape: tensor.shape, bytes: new Uint8Array(toFloat16(toFloat32(tensor, key, file)).buffer) },
  ]);
  await writeFile(path.join(folder, `${name}.fp16.safetensors`), writeSafetensors(new Map(half), metadata));
  await rm(file);
}
