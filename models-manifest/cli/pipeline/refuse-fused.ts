import { DiptychError } from '../../../shared/errors.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import type { Part } from './read-part.ts';

/** Operators into which optimisers fold an attention layer, and with it the paths of its projections. */
const FUSED = new Set([
  'Attention',
  'MultiHeadAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'GroupQueryAttention',
  'QAttention',
]);

/**
 * Refuses a denoiser whose layers can no longer be told apart.
 *
 * @throws DiptychError `graph_unsupported` naming the fused nodes and how to export again
 */
export function refuseFused({ model, file }: Part, layers: readonly LayerEntry[]): void {
  const advice =
    'Export the UNet again without optimisation (torch.onnx.export keeps module paths; onnxruntime’s transformer optimiser does not)';
  const fused = model.graph.nodes.filter((node) => node.domain !== '' && FUSED.has(node.opType)).map((node) => node.name);
  if (fused.some((name) => !name.startsWith('/'))) {
    throw new DiptychError(
      'graph_unsupported',
      `${file} has ${fused.length} fused attention nodes without module paths (${fused.slice(0, 3).join(', ')}). ${advice}.`,
      { nodes: fused.slice(0, 20) },
    );
  }
  if (layers.length === 0) {
    throw new DiptychError('graph_unsupported', `${file} has no Linear or Conv whose module path can be told. ${advice}.`, { file });
  }
}
