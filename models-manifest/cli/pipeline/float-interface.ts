import { codeOf } from '../../../shared/onnx/data-type.ts';
import { type GraphValue, int, makeNode, type Model, type Node } from '../../../shared/onnx/ir.ts';
import { renameReads } from '../../../shared/onnx/rename.ts';

/**
 * The model with float32 in place of its float16 inputs and outputs, cast right behind and before them: engine and goldens speak float32
 * whatever a network computes in. Names stay.
 */
export function floatInterface(model: Model): Model {
  const { graph } = model;
  const half = (values: readonly GraphValue[]) => values.filter(({ type }) => type.dataType === 'float16').map(({ name }) => name);
  const inputs = half(graph.inputs.filter(({ name }) => !graph.initializers.has(name)));
  const outputs = half(graph.outputs);
  if (inputs.length + outputs.length === 0) return model;
  const inner = new Map([...inputs, ...outputs].map((name) => [name, `${name}/float16`]));
  const cast = (name: string, from: string, to: string, type: 'float16' | 'float32'): Node =>
    makeNode('Cast', `${name}/interface`, [from], [to], { to: int(codeOf(type)) });
  const nodes = graph.nodes.map((node) => {
    const renamed = renameReads(node, inner);
    return { ...renamed, outputs: renamed.outputs.map((name) => inner.get(name) ?? name) };
  });
  const float32 = (value: GraphValue): GraphValue =>
    inner.has(value.name) ? { name: value.name, type: { ...value.type, dataType: 'float32' } } : value;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map(float32),
      outputs: graph.outputs.map(float32),
      valueInfo: new Map([...graph.valueInfo].filter(([name]) => !inner.has(name))),
      nodes: [
        ...inputs.map((name) => cast(name, name, inner.get(name)!, 'float16')),
        ...nodes,
        ...outputs.map((name) => cast(name, inner.get(name)!, name, 'float32')),
      ],
    },
  };
}
