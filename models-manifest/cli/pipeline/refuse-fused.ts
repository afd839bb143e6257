import { DiptychError } from '../../../shared/errors.ts';
import { constantOperand } from '../../../shared/fusion/constant-operand.ts';
import { modulePath } from '../../../shared/fusion/module-path.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { type Graph, indexGraph, type Node } from '../../../shared/onnx/ir.ts';

/** Operators into which optimisers fold an attention layer, and with it the paths of its projections. */
const FUSED = new Set([
  'Attention',
  'MultiHeadAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'GroupQueryAttention',
  'QAttention',
]);

/** A Linear that a LoRA can be put beside, if its path is told. */
const LINEAR = new Set([':MatMul', ':Gemm', 'com.microsoft:MatMulNBits']);

/** A Linear together with what came before or after it. */
const FUSED_LINEAR = new Set(['com.microsoft:FusedMatMul', 'com.microsoft:FusedGemm', 'com.microsoft:GemmFastGelu']);

const ADVICE =
  'Export the UNet again without optimisation (torch.onnx.export keeps module paths; onnxruntime’s transformer optimiser does not)';

/**
 * Refuses a denoiser whose layers can no longer be told apart.
 *
 * @throws DiptychError `graph_unsupported` naming the nodes and how to export again
 */
export function refuseFused(graph: Graph, layers: readonly LayerEntry[], file: string): void {
  const fused = graph.nodes.filter((node) => node.domain !== '' && FUSED.has(node.opType));
  if (fused.some((node) => modulePath(node) === undefined)) throw refusal(file, 'fused attention nodes without module paths', fused);
  const merged = linears(graph, FUSED_LINEAR);
  if (merged.length > 0) throw refusal(file, 'Linear layers fused with other operators', merged);
  const lost = linears(graph, LINEAR).filter((node) => modulePath(node) === undefined);
  if (lost.length > 0) throw refusal(file, 'Linear layers without module paths', lost);
  if (layers.length === 0) {
    throw new DiptychError('graph_unsupported', `${file} has no Linear or Conv whose module path can be told. ${ADVICE}.`, { file });
  }
}

/**
 * The nodes of these operators that multiply by a weight. An optimiser renames the projections of an attention and leaves the convolutions alone: a LoRA
 * would then miss most of its layers.
 */
function linears(graph: Graph, operators: ReadonlySet<string>): Node[] {
  const index = indexGraph(graph);
  const isWeight = (name: string | undefined) => (constantOperand(graph, index, name ?? '')?.dims.length ?? 0) >= 2;
  return graph.nodes.filter((node) => operators.has(`${node.domain}:${node.opType}`) && isWeight(node.inputs[1]));
}

function refusal(file: string, what: string, nodes: readonly Node[]): DiptychError {
  const names = nodes.slice(0, 20).map((node) => node.name || `the ${node.opType} that makes ${node.outputs[0]}`);
  const shown = names.slice(0, 3).join(', ');
  return new DiptychError('graph_unsupported', `${file} has ${nodes.length} ${what} (${shown}). ${ADVICE}.`, { file, nodes: names });
}
