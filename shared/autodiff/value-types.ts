import { Call, type StaticType } from '../onnx/infer/rule.ts';
import { inferTypes } from '../onnx/infer/rules.ts';
import type { Graph, ValueType } from '../onnx/ir.ts';

/** The static type of every value of a graph, as declared or inferred; values whose shape is open are left out. */
export function valueTypes(graph: Graph): Map<string, StaticType> {
  const types = new Map<string, StaticType>();
  const learn = (name: string, type: ValueType | undefined): void => {
    if (type?.dims?.every((dim) => typeof dim === 'number')) types.set(name, { dataType: type.dataType, dims: type.dims });
  };
  for (const [name, tensor] of graph.initializers) learn(name, tensor);
  for (const { name, type } of [...graph.inputs, ...graph.outputs]) learn(name, type);
  for (const [name, type] of graph.valueInfo) learn(name, type);
  for (const node of graph.nodes) {
    if (node.outputs.every((name) => name === '' || types.has(name))) continue;
    const constants = node.inputs.map((name) => graph.initializers.get(name));
    const inferred = inferTypes(new Call(node, node.inputs.map((name) => types.get(name)), constants)); // prettier-ignore
    node.outputs.forEach((name, index) => learn(name, inferred?.[index]));
  }
  return types;
}
