import { codeOf } from './data-type.ts';
import { aligned } from './constant-values.ts';
import { toFloat16 } from './float16.ts';
import { HALF_WEIGHT_BYTES } from './fold/fold.ts';
import { type Graph, int, makeNode, type Model, type Node, type Tensor } from './ir.ts';
import { renameReads } from './rename.ts';

/** The largest finite float16 is 65504; what rounds to it stays finite. */
const FLOAT16_LIMIT = 65520;

/**
 * The model with large float32 initializers stored as float16 (nearest, ties to even), each widened again by a Cast named
 * `<initializer>/Cast`: the download halves, the computation stays in float32. A tensor with a value beyond float16's range stays
 * float32, and so do external tensors, whose values are not here, and initializers that are graph outputs.
 *
 * @param minBytes tensors of fewer float32 bytes stay as they are
 */
export function halveWeights(model: Model, minBytes = 2 * HALF_WEIGHT_BYTES): Model {
  const { graph } = model;
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const initializers = new Map(graph.initializers);
  const names = new Map<string, string>();
  const casts: Node[] = [];
  for (const [name, tensor] of graph.initializers) {
    const half = outputs.has(name) ? undefined : halved(tensor, minBytes);
    if (!half) continue;
    const widened = `${name}/Cast_output_0`;
    initializers.set(name, half);
    names.set(name, widened);
    casts.push(makeNode('Cast', `${name}/Cast`, [name], [widened], { to: int(codeOf('float32')) }));
  }
  const nodes = [...casts, ...graph.nodes.map((node) => renameReads(node, names))];
  return { ...model, graph: { ...graph, nodes, initializers, valueInfo: withTypes(graph, names) } };
}

function halved(tensor: Tensor, minBytes: number): Tensor | undefined {
  if (tensor.dataType !== 'float32' || tensor.data.kind === 'external' || tensor.data.bytes.length < minBytes) return undefined;
  const values = aligned(Float32Array, tensor.data.bytes);
  if (!values.every((value) => Math.abs(value) < FLOAT16_LIMIT)) return undefined;
  return { dataType: 'float16', dims: tensor.dims, data: { kind: 'inline', bytes: new Uint8Array(toFloat16(values).buffer) } };
}

function withTypes(graph: Graph, names: ReadonlyMap<string, string>): Graph['valueInfo'] {
  const widened = Array.from(
    names,
    ([name, to]) => [to, { dataType: 'float32' as const, dims: graph.initializers.get(name)!.dims }] as const,
  );
  return new Map([...graph.valueInfo, ...widened]);
}
