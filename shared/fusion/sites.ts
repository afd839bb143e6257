/** Where a LoRA can act: every Linear and Conv of a graph whose module path the export kept. */
import { DiptychError } from '../errors.ts';
import type { LayerEntry } from '../manifest.ts';
import { type Graph, type GraphIndex, indexGraph, intAttribute, intsAttribute, type Node } from '../onnx/ir.ts';
import { constantOperand } from './constant-operand.ts';
import { modulePath, withoutWrapper } from './module-path.ts';

export interface Site {
  layer: LayerEntry;
  /** The MatMul, Gemm or Conv, or the MatMulNBits of a Linear whose weight is quantised. */
  node: Node;
  /** The node that makes `output`: `node`, or the Add of its bias. */
  last: Node;
  /** The layer's input x: [..., in] of a Linear, [N, in, H, W] of a Conv. */
  input: string;
  /** The base feature W0 x + b. */
  output: string;
  /** The layer computes in half precision. */
  float16: boolean;
}

/** Every site, in graph order, one a module. A module that is called twice would need two decisions and is refused. */
export function findSites(graph: Graph): Site[] {
  const index = indexGraph(graph);
  const found = graph.nodes.flatMap((node) => siteOf(graph, index, node) ?? []);
  const paths = withoutWrapper(found.map((site) => site.layer.module));
  const sites = new Map<string, Site>();
  for (const [at, site] of found.entries()) {
    const module = paths[at]!;
    const twin = sites.get(module);
    if (twin) {
      const reason = `module ${module} is called twice (nodes ${twin.node.name} and ${site.node.name}); one layer must be one node`;
      throw new DiptychError('graph_unsupported', reason, { module });
    }
    sites.set(module, { ...site, layer: { ...site.layer, module } });
  }
  return [...sites.values()];
}

function siteOf(graph: Graph, index: GraphIndex, node: Node): Site | undefined {
  const quantised = node.domain === 'com.microsoft' && node.opType === 'MatMulNBits';
  if (!quantised && (node.domain !== '' || !['MatMul', 'Gemm', 'Conv'].includes(node.opType))) return undefined;
  const module = modulePath(node);
  const [input, weightName, scales] = node.inputs;
  if (module === undefined || input === undefined || weightName === undefined) return undefined;
  // The packed bytes of a quantised weight tell no type; its scales have the layer's.
  const weight = constantOperand(graph, index, quantised ? scales! : weightName);
  if (!weight || constantOperand(graph, index, input)) return undefined;
  const layer = layerOf(node, module, weight.dims);
  if (!layer) return undefined;
  const last = quantised || node.opType === 'MatMul' ? (biasAdd(graph, index, node, module) ?? node) : node;
  return { layer, node, last, input, output: last.outputs[0]!, float16: weight.float16 };
}

function layerOf(node: Node, module: string, dims: number[]): LayerEntry | undefined {
  if (node.opType === 'Conv') return convLayer(node, module, dims);
  if (node.opType !== 'MatMulNBits') return linearLayer(node, module, dims);
  return { kind: 'linear', module, in: intAttribute(node, 'K', 0), out: intAttribute(node, 'N', 0) };
}

function linearLayer(node: Node, module: string, dims: number[]): LayerEntry | undefined {
  if (dims.length !== 2 || intAttribute(node, 'transA', 0) === 1) return undefined;
  const [first, second] = dims as [number, number];
  const transposed = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
  return { kind: 'linear', module, in: transposed ? second : first, out: transposed ? first : second };
}

function convLayer(node: Node, module: string, dims: number[]): LayerEntry | undefined {
  if (dims.length !== 4 || intAttribute(node, 'group', 1) !== 1) return undefined;
  const [out, channels, ...kernel] = dims as [number, number, number, number];
  const [height, width] = intsAttribute(node, 'kernel_shape', kernel) as [number, number];
  return { kind: 'conv', module, in: channels, out, kernel: [height, width] };
}

/** The Add of the module's own bias: the only reader of the product, with a constant vector as its other operand. */
function biasAdd(graph: Graph, index: GraphIndex, product: Node, module: string): Node | undefined {
  const readers = index.consumers.get(product.outputs[0]!) ?? [];
  const add = readers[0];
  if (readers.length !== 1 || add?.opType !== 'Add' || modulePath(add) !== module) return undefined;
  const other = add.inputs.find((name) => name !== product.outputs[0]);
  return other !== undefined && constantOperand(graph, index, other)?.dims.length === 1 ? add : undefined;
}
