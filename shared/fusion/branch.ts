/** The low-rank branch of one layer, as nodes: d = up(down(x)), for one set of factors or for two side by side. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Attribute, int, type Node } from '../onnx/ir.ts';
import { factorInput } from './interface.ts';
import type { Site } from './sites.ts';

export const FLOAT32 = int(1);
export const FLOAT16 = int(10);

/**
 * Emits d of `site`: of a Linear [..., out], of a Conv [N, out, positions]; for a pair of LoRAs with a first axis of 2 before that.
 * Float32 also in a half-precision graph.
 */
export function emitBranch(builder: GraphBuilder, site: Site): string {
  const { module, kind } = site.layer;
  const x = site.float16 ? builder.add('Cast', 'x', [site.input], { to: FLOAT32 }) : site.input;
  const [down, up] = [factorInput(module, 'down'), factorInput(module, 'up')];
  if (kind === 'linear') return builder.add('MatMul', 'd', [builder.add('MatMul', 'h', [x, down]), up]);
  const h = builder.add('Conv', 'h', [x, down], convGeometry(site.node));
  return builder.add('MatMul', 'd', [up, byPosition(builder, 'h.positions', h)]);
}

/** [N, C, H, W] as [N, C, positions]. */
export function byPosition(builder: GraphBuilder, label: string, value: string): string {
  return builder.add('Reshape', label, [value, builder.int64s([0, 0, -1])]);
}

/** Stride, padding and dilation of the layer itself: `down` has its kernel. */
function convGeometry(node: Node): Record<string, Attribute> {
  return Object.fromEntries([...node.attributes].filter(([name]) => name !== 'group'));
}
