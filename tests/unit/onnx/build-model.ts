/** Small models for tests. */
import { type Attribute, type Graph, type GraphValue, makeNode, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';

export function makeModel(parts: Partial<Graph> & { outputs: GraphValue[] }, opset = 17): Model {
  const graph: Graph = { name: 'test', nodes: [], initializers: new Map(), inputs: [], valueInfo: new Map(), ...parts };
  return {
    irVersion: 8,
    producer: 'test',
    opsets: new Map([
      ['', opset],
      ['com.microsoft', 1],
    ]),
    metadata: new Map(),
    graph,
  };
}

export interface OpCase {
  /** An operator type, after its domain and a dot if that is not the standard one. */
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
  const [, domain, opType] = /^(?:(.*)\.)?(\w+)$/.exec(testCase.op)!;
  const node: Node = { ...makeNode(opType!, `the/${opType}`, names, outputs, testCase.attributes), domain: domain ?? '' };
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
