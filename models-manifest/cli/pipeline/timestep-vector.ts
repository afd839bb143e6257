import { makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { renameReads } from '../../../shared/onnx/rename.ts';

/** The model with its input `timestep` as [1] where the export declares a scalar; other models are returned as they are. */
export function timestepVector(model: Model): Model {
  const { graph } = model;
  const scalar = graph.inputs.find(({ name, type }) => name === 'timestep' && type.dims?.length === 0);
  if (!scalar) return model;
  const inner = new Map([[scalar.name, `${scalar.name}/scalar`]]);
  const inputs = graph.inputs.map((input) => (input === scalar ? { ...input, type: { ...input.type, dims: [1] } } : input));
  const squeeze = makeNode('Squeeze', 'timestep/vector', [scalar.name], [inner.get(scalar.name)!]);
  return { ...model, graph: { ...graph, inputs, nodes: [squeeze, ...graph.nodes.map((node) => renameReads(node, inner))] } };
}
