/** One layer that applies the factors it is fed: as a change of its weight where that is cheaper, else as a branch beside it. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Graph, type Node } from '../onnx/ir.ts';
import { emitDown, emitUp, FLOAT16, FLOAT32 } from './branch.ts';
import { factorInput } from './interface.ts';
import type { LayerPlace } from './measured-layer.ts';
import type { Site } from './sites.ts';

/**
 * Whether W + down up costs fewer multiplications than up(down(x)): in * out against positions * (in + out), each times the rank
 * (a Conv's `in` counts its kernel). A quantised weight is no float matrix and a Gemm has few rows: both keep the branch.
 */
export function mergesIntoWeight(site: Site, dims: readonly number[]): boolean {
  const { layer, node } = site;
  if (node.opType !== 'MatMul' && node.opType !== 'Conv') return false;
  const inner = layer.kind === 'conv' ? layer.in * layer.kernel[0] * layer.kernel[1] : layer.in;
  const positions = dims.reduce((product, dim) => product * dim, 1) / layer.out;
  return positions * (inner + layer.out) > inner * layer.out;
}

/** Emits the layer's changed weight. Returns `site.node` reading it. */
export function emitMerged(builder: GraphBuilder, graph: Graph, site: Site): Node {
  const { layer, node, float16 } = site;
  const [down, up] = [factorInput(layer.module, 'down'), factorInput(layer.module, 'up')];
  const dims = layer.kind === 'conv' ? [layer.out, layer.in, ...layer.kernel] : [layer.in, layer.out];
  let change: string;
  if (layer.kind === 'conv') {
    const rows = builder.add('Reshape', 'down.rows', [down, builder.int64s([0, -1])]);
    change = builder.add('Reshape', 'dw', [builder.add('MatMul', 'dw.flat', [up, rows]), builder.int64s(dims)]);
  } else {
    change = builder.add('MatMul', 'dw', [down, up]);
  }
  if (float16) change = builder.add('Cast', 'dw16', [change], { to: FLOAT16 });
  const weight = builder.add('Add', 'w', [node.inputs[1]!, change]);
  graph.valueInfo.set(weight, { dataType: float16 ? 'float16' : 'float32', dims });
  return { ...node, inputs: [node.inputs[0]!, weight, ...node.inputs.slice(2)] };
}

/** Emits y = y0 + d. */
export function emitAdded(builder: GraphBuilder, site: Site, { dims, base, output }: LayerPlace): void {
  let d = emitUp(builder, site, 'd', emitDown(builder, site));
  if (site.layer.kind === 'conv') d = builder.add('Reshape', 'd.image', [d, builder.int64s(dims)]);
  if (!site.float16) return void builder.add('Add', 'y', [base, d], {}, output);
  const y0 = builder.add('Cast', 'y0', [base], { to: FLOAT32 });
  builder.add('Cast', 'y', [builder.add('Add', 'y32', [y0, d])], { to: FLOAT16 }, output);
}
