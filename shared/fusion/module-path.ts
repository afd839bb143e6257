import type { Node } from '../onnx/ir.ts';

/** The dynamo exporter's list of scopes from the root to the operator: `['', 'conv_in', 'conv2d']`. */
const NAME_SCOPES = 'pkg.torch.onnx.name_scopes';

/**
 * The path of the module that a node was exported from, `undefined` where the export lost it. The legacy exporter writes it into the
 * node's name (`/down_blocks.0/attn1/to_q/MatMul`), the dynamo exporter into the node's metadata.
 */
export function modulePath(node: Node): string | undefined {
  const scopes = node.metadata.get(NAME_SCOPES);
  if (scopes !== undefined) {
    const names = [...scopes.matchAll(/'([^']*)'|"([^"]*)"/g)].map((match) => match[1] ?? match[2] ?? '');
    return names.at(-2) || undefined;
  }
  if (!node.name.startsWith('/')) return undefined;
  return node.name.split('/').slice(1, -1).join('.') || undefined;
}
