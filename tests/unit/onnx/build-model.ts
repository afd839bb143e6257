/** Small models for tests. */
import { type Attribute, type Graph, type GraphValue, makeNode, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';

export function makeModel(parts: Partial<Graph> & { outputs: GraphValue[] }, opset = 17): Model {
  const graph: Graph = { name: 'test', nodes: [], initializers: new Map(), inputs: [], valueInfo: new Map(), ...parts };
  return { irVersion: 8, producer: 'test', opsets: new Map([['', opset]]), metadata: new Map(), graph };
}

export interface OpCase {
  op: string;
  /** What is special about the case. */
  about?: string;
  /** Inputs by position; `null` is one left out. */
  inputs: (Tensor | null)[];
  attributes?: Record<string, Attribute>;
  outputs?: number;
  opset?: number;
}

export function opTitle({ op, about, opset }: OpCase): string {
  return [op, about, opset && `opset ${opset}`].filter(Boolean).join(', ');
}

/** One node; inputs for which `isConstant` holds are initializers, the others graph inputs. Output types are left to be inferred. */
export function opModel(testCase: OpCase, isConstant: (index: number) => boolean): Model {
  const names = testCase.inputs.map((input, index) => (input ? `in${index}` : ''));
  const outputs = Array.from({ length: testCase.outputs ?? 1 }, (_, index) => `out${index}`);
  const node: Node = makeNode(testCase.op, `the/${testCase.op}`, names, outputs, testCase.attributes);
  const given = testCase.inputs.flatMap((tensor, index) => (tensor ? [{ index, name: names[index]!, tensor }] : []));
  return makeModel(
    {
      nodes: [node],
      initializers: new Map(given.filter(({ index }) => isConstant(index)).map(({ name, tensor }) => [name, tensor])),
      inputs: given
        .filter(({ index }) => !isConstant(index))
        .map(({ name, tensor }) => ({ name, type: { dataType: tensor.dataType, dims: tensor.dims } })),
      outputs: outputs.map((name) => ({ name, type: { dataType: 'float32' } })),
    },
    testCase.opset ?? 17,
  );
}
