import { DiptychError } from '../errors.ts';
import { removeDead } from './dead-code.ts';
import type { Graph, GraphValue, Model } from './ir.ts';
import { keepApart } from './keep-apart.ts';
import { propagate } from './propagate.ts';
import { validateModel } from './validate.ts';

/** Since this IR version initializers need not be graph inputs too. */
const INITIALIZERS_ALONE = 4;

/**
 * The model with fixed input dims, the type of every value known, and all that is static computed: shape arithmetic and transforms
 * of weights are gone, weights are plain initializers. Node and output names stay. Tensors in external files are not read, so what
 * depends on their values stays; values behind operators without a shape rule stay untyped.
 *
 * @param dims input name -> its dims; inputs that the file gives a fixed shape may be left out
 * @param keep initializers that stay as they are, with all that is computed from them
 * @throws graph_unsupported where `dims` does not fit the inputs; onnx_invalid where shapes contradict each other
 */
export function normalise(model: Model, dims: Record<string, readonly number[]>, keep: readonly string[] = []): Model {
  validateModel(model);
  const graph = removeDead(keepApart(withFixedInputs(model.graph, dims), keep, propagate));
  const normal: Model = { ...model, irVersion: Math.max(model.irVersion, INITIALIZERS_ALONE), graph };
  validateModel(normal);
  return normal;
}

/** An initializer of an input's name is that input's default: the input becomes a constant. */
function withFixedInputs(graph: Graph, dims: Record<string, readonly number[]>): Graph {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const unknown = Object.keys(dims).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) throw unsupported(graph, `has no input ${unknown}; it has ${inputs.map((input) => input.name).join(', ')}`);
  return { ...graph, inputs: inputs.map((input) => withDims(graph, input, dims[input.name])) };
}

function withDims(graph: Graph, { name, type }: GraphValue, given: readonly number[] | undefined): GraphValue {
  const declared = type.dims ?? given?.map(() => '');
  const dims = given ?? declared;
  if (!dims?.every((dim) => typeof dim === 'number')) {
    throw unsupported(graph, `leaves the shape [${type.dims?.join(', ') ?? '?'}] of its input ${name} open; give its dims`);
  }
  const fits = declared!.length === dims.length && declared!.every((dim, axis) => typeof dim === 'string' || dim === dims[axis]);
  if (!fits) throw unsupported(graph, `declares its input ${name} as [${declared!.join(', ')}], which [${dims.join(', ')}] does not fit`);
  return { name, type: { ...type, dims: [...dims] } };
}

function unsupported(graph: Graph, reason: string): DiptychError {
  return new DiptychError('graph_unsupported', `graph ${graph.name} ${reason}`, { graph: graph.name });
}
