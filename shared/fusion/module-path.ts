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

/** What the public denoisers and text encoders hold directly: a module path begins with one of these. */
const ROOTS = new Set(
  `conv_in down_blocks mid_block up_blocks conv_norm_out conv_out time_embedding add_embedding class_embedding encoder_hid_proj
   transformer_blocks single_transformer_blocks pos_embed time_text_embed context_embedder x_embedder norm_out proj_out
   text_model text_projection encoder shared embeddings final_layer_norm`.split(/\s+/),
);

/** The paths without what they begin with in common where a model was exported inside another module: `unet.down_blocks.0...`. */
export function withoutWrapper(paths: readonly string[]): string[] {
  const split = paths.map((path) => path.split('.'));
  const first = split[0] ?? [];
  for (let depth = 0; depth < first.length; depth++) {
    if (split.every((names) => ROOTS.has(names[depth] ?? ''))) return split.map((names) => names.slice(depth).join('.'));
    if (split.some((names) => names[depth] !== first[depth])) break;
  }
  return [...paths];
}
