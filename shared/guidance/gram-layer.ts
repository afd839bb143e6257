import { DiptychError } from '../errors.ts';
import { indexGraph, type Graph, type Model, type Node } from '../onnx/ir.ts';

/** An early feature: how far through the encoder's residual blocks it is taken. */
const DEPTH = 1 / 4;

/** Operators that hold weights: the branch of a residual block has at least one, unlike the sums within an activation or a rotation. */
const WEIGHTED = new Set(['MatMul', 'Gemm', 'Conv', 'MatMulNBits']);

/**
 * The value of a normalised image encoder whose Gram matrix tells the style of a picture (Gatys et al. 2016, section 2.2): the sum that ends its
 * first quarter of residual branches, or, in a graph without any, its first quarter of convolutions and products.
 *
 * @returns a value of the shape that `gramFeature` takes; undefined where the graph has none
 */
export function gramLayerOf({ graph }: Model): string | undefined {
  const isFeature = (name: string) => featureShape(graph, name) !== undefined;
  const seen = dependents(graph);
  const inner = graph.nodes.filter(({ outputs }) => seen.has(outputs[0]!) && isFeature(outputs[0]!));
  const sums = residualSums(graph, inner, seen);
  const layers = sums.length > 0 ? sums : inner.filter(({ opType }) => WEIGHTED.has(opType));
  return layers[Math.ceil(DEPTH * layers.length) - 1]?.outputs[0];
}

/** How the axes of a feature lie; `channels` is their count. */
export interface FeatureShape {
  positions: number;
  channels: number;
  channelsLast: boolean;
}

/**
 * A feature's shape: [1, tokens, channels], [1, channels, height, width] or, where height and width tell, [1, height, width, channels].
 *
 * @throws DiptychError `graph_unsupported` where the graph has no such value, or it is no feature of several positions
 */
export function gramFeature({ graph }: Model, layer: string): FeatureShape {
  const shape = featureShape(graph, layer);
  if (shape) return shape;
  const dims = graph.valueInfo.get(layer)?.dims;
  const reason = dims
    ? `is [${dims.join(', ')}], which has no positions to sum over: [1, tokens, channels] or [1, channels, height, width] has`
    : 'is not a value of known shape in its graph';
  throw new DiptychError('graph_unsupported', `the image encoder's gramLayer ${layer} ${reason}`, { field: 'gramLayer', layer });
}

function featureShape(graph: Graph, name: string): FeatureShape | undefined {
  const type = graph.valueInfo.get(name);
  const dims = type?.dims;
  if (type?.dataType !== 'float32' || dims?.[0] !== 1 || !dims.every((dim) => typeof dim === 'number')) return undefined;
  const [, a, b, c] = dims as number[];
  const channelsLast = dims.length === 3 || (a === b && b !== c);
  const channels = channelsLast ? (dims.at(-1) as number) : a!;
  const positions = (dims as number[]).reduce((product, dim) => product * dim, 1) / channels;
  return (dims.length === 3 || dims.length === 4) && positions > 1 && channels > 1 ? { positions, channels, channelsLast } : undefined;
}

/** All values that depend on the graph's inputs. */
function dependents({ inputs, nodes }: Graph): Set<string> {
  const seen = new Set(inputs.map(({ name }) => name));
  for (const node of nodes) if (node.inputs.some((name) => seen.has(name))) for (const name of node.outputs) seen.add(name);
  return seen;
}

/** The sums x + f(x) of `nodes`, f a branch with weights. */
function residualSums(graph: Graph, nodes: readonly Node[], seen: ReadonlySet<string>): Node[] {
  const { producer } = indexGraph(graph);
  /** Whether `value` is a function with weights of `root`, and of nothing else that depends on the picture. */
  const isBranch = (value: string, root: string): boolean => {
    const visited = new Set<string>();
    const open = [value];
    let [weighted, rooted] = [false, false];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (name === root) rooted = true;
      if (name === root || visited.has(name) || !seen.has(name)) continue;
      visited.add(name);
      const node = producer.get(name);
      if (!node) return false;
      weighted ||= WEIGHTED.has(node.opType);
      open.push(...node.inputs);
    }
    return weighted && rooted;
  };
  return nodes.filter(({ opType, inputs: [a, b] }) => opType === 'Add' && (isBranch(b!, a!) || isBranch(a!, b!)));
}
