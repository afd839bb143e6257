/** Rewrites of a folder's models into forms that exporters leave: weights in another file, weights transposed in the graph. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ints, makeNode, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';
import { editModel } from './edit-file.ts';

/** Moves every initializer of `ROOT/PART/model.onnx` into one file beside it. */
export async function moveWeightsOut(root: string, part: string, location = 'weights.bin'): Promise<void> {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const moved = (tensor: Tensor): Tensor => {
    if (tensor.data.kind === 'external') throw new Error('the weights are outside already');
    const { bytes } = tensor.data;
    chunks.push(bytes);
    offset += bytes.length;
    return { ...tensor, data: { kind: 'external', location, offset: offset - bytes.length, length: bytes.length } };
  };
  await editModel(root, part, (model) => {
    const initializers = new Map(Array.from(model.graph.initializers, ([name, tensor]) => [name, moved(tensor)]));
    return { ...model, graph: { ...model.graph, initializers } };
  });
  await writeFile(path.join(root, part, location), Buffer.concat(chunks));
}

/** Undoes the constant folding of an export: every Linear reads its weight through a Transpose. Returns how many do. */
export async function unfoldTransposes(root: string, part: string): Promise<number> {
  let count = 0;
  await editModel(root, part, (model) => {
    const unfolded = unfoldModel(model);
    count = unfolded.graph.nodes.length - model.graph.nodes.length;
    return unfolded;
  });
  return count;
}

function unfoldModel(model: Model): Model {
  const initializers = new Map(model.graph.initializers);
  const nodes = model.graph.nodes.flatMap((node): Node[] => {
    const weight = node.opType === 'MatMul' ? initializers.get(node.inputs[1]!) : undefined;
    if (weight?.dims.length !== 2) return [node];
    const name = `unfolded.${node.name}`;
    initializers.set(`${name}.weight`, transposed(weight));
    const transpose = makeNode('Transpose', name, [`${name}.weight`], [name], { perm: ints(1, 0) });
    return [transpose, { ...node, inputs: [node.inputs[0]!, name] }];
  });
  return { ...model, graph: { ...model.graph, nodes, initializers } };
}

function transposed({ dataType, dims, data }: Tensor): Tensor {
  if (data.kind === 'external' || dataType !== 'float32') throw new Error('a weight of an export is float32, and in the model');
  const [rows, columns] = dims as [number, number];
  const source = new Float32Array(data.bytes.slice().buffer);
  const values = Float32Array.from(source, (_, i) => source[(i % rows) * columns + Math.floor(i / rows)]!);
  return { dataType, dims: [columns, rows], data: { kind: 'inline', bytes: new Uint8Array(values.buffer) } };
}
