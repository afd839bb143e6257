import type { Graph, GraphIndex, Tensor } from '../onnx/ir.ts';
import { intAttribute, intsAttribute } from '../onnx/ir.ts';

/** A weight as a node reads it: its dims and element type after every Identity, Cast, Transpose and DequantizeLinear on the way from the initializer. */
export interface ConstantOperand {
  initializer: string;
  dims: number[];
  float16: boolean;
}

const FLOAT16 = 10;

/** Follows `name` back to an initializer; `undefined` where it depends on anything else. */
export function constantOperand(graph: Graph, index: GraphIndex, name: string): ConstantOperand | undefined {
  const initializer = graph.initializers.get(name);
  if (initializer) return { initializer: name, dims: initializer.dims, float16: initializer.dataType === 'float16' };
  const node = index.producer.get(name);
  if (!node) return undefined;
  if (node.opType === 'Constant') return fromConstantNode(name, node.attributes.get('value'));
  const source = constantOperand(graph, index, node.inputs[0] ?? '');
  if (!source) return undefined;
  switch (node.opType) {
    case 'Identity':
      return source;
    case 'Cast':
      return { ...source, float16: intAttribute(node, 'to', 0) === FLOAT16 };
    case 'DequantizeLinear':
      return { ...source, float16: constantOperand(graph, index, node.inputs[1] ?? '')?.float16 ?? false };
    case 'Transpose': {
      const reversed = source.dims.map((_, axis) => source.dims.length - 1 - axis);
      return { ...source, dims: intsAttribute(node, 'perm', reversed).map((axis) => source.dims[axis]!) };
    }
    default:
      return undefined;
  }
}

function fromConstantNode(name: string, value: { kind: string; value: unknown } | undefined): ConstantOperand | undefined {
  if (value?.kind !== 'tensor') return undefined;
  const tensor = value.value as Tensor;
  return { initializer: name, dims: tensor.dims, float16: tensor.dataType === 'float16' };
}
