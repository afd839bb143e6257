import type { Model } from '../../../shared/onnx/ir.ts';
import { loadExternal } from '../../../shared/onnx/load-external.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { floatInterface } from './float-interface.ts';
import type { Part } from './read-part.ts';
import { timestepVector } from './timestep-vector.ts';

/**
 * A network of fixed dims, with its weights here (so that what an export left to compute from them is folded, and they can be halved), whose
 * inputs and outputs are no float16 and whose timestep is no scalar.
 *
 * @throws DiptychError `pipeline_incomplete`, `onnx_malformed`, `onnx_invalid`, `graph_unsupported`
 */
export async function fixDims({ model, readExternal }: Part, dims: Record<string, readonly number[]>): Promise<Model> {
  return normalise(timestepVector(floatInterface(await loadExternal(model, readExternal))), dims);
}

/** The inputs that a caller feeds. */
export const inputNames = ({ model }: Part): string[] =>
  model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name)).map(({ name }) => name);
