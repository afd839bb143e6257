/** The low-rank branch of one layer, as nodes: h = down(x), d = up(h), for one set of factors or for two side by side. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Attribute, int, type Node } from '../onnx/ir.ts';
import { factorInput } from './interface.ts';
import type { Site } from './sites.ts';

export const FLOAT32 = int(1);
export const FLOAT16 = int(10);

/** Emits h = down(x): of a Linear [..., R], of a Conv [N, R, positions]. Float32 also in a half-precision graph. */
export function emitDown(builder: GraphBuilder, site: Site): string {
  const x = site.float16 ? builder.add('Cast', 'x', [site.input], { to: FLOAT32 }) : site.input;
  const down = factorInput(site.layer.module, 'down');
  if (site.layer.kind === 'linear') return builder.add('MatMul', 'h', [x, down]);
  return byPosition(builder, 'h.positions', builder.add('Conv', 'h', [x, down], convGeometry(site.node)));
}

/** Emits d = up(h): of a Linear [..., out], of a Conv [N, out, positions]; where `up` holds a pair, with a first axis of 2 before that. */
export function emitUp(builder: GraphBuilder, site: Site, label: string, h: string, up = factorInput(site.layer.module, 'up')): string {
  return builder.add('MatMul', label, site.layer.kind === 'linear' ? [h, up] : [up, h]);
}

/** [N, C, H, W] as [N, C, positions]. */
export function byPosition(builder: GraphBuilder, label: string, value: string): string {
  return builder.add('Reshape', label, [value, builder.int64s([0, 0, -1])]);
}

/** Stride, padding and dilation of the layer itself: `down` has its kernel. */
function convGeometry(node: Node): Record<string, Attribute> {
  return Object.fromEntries([...node.attributes].filter(([name]) => name !== 'group'));
}
