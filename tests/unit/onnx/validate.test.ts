import { describe, expect, it } from 'vitest';
import { float32Tensor, type Graph, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { modelOfAllKinds } from './all-kinds.ts';
import { makeModel } from './build-model.ts';

const FLOAT = { dataType: 'float32', dims: [2] } as const;
const x = { name: 'x', type: { ...FLOAT, dims: [2] } };
const y = { name: 'y', type: { ...FLOAT, dims: [2] } };
const relu = (input: string, output: string) => makeNode('Relu', `/${output}`, [input], [output]);
const graph = (parts: Partial<Graph>) => makeModel({ inputs: [x], outputs: [y], nodes: [relu('x', 'y')], ...parts });

it('accepts a valid model, subgraphs and default inputs included', () => {
  expect(() => validateModel(modelOfAllKinds())).not.toThrow();
  expect(() => validateModel(graph({ initializers: new Map([['x', float32Tensor([2], [0, 1])]]) }))).not.toThrow();
});

describe('refuses', () => {
  it.each<[string, Model, RegExp]>([
    ['nodes out of order', graph({ nodes: [relu('z', 'y'), relu('x', 'z')] }), /node \/y \(Relu\), input z: nothing before/],
    ['an input that nothing makes', graph({ nodes: [relu('gone', 'y')] }), /input gone/],
    ['an output that nothing makes', graph({ nodes: [] }), /output y: no node makes it/],
    ['a value assigned twice', graph({ nodes: [relu('x', 'y'), relu('x', 'y')] }), /value y: it is assigned twice/],
    ['a node that assigns an input', graph({ nodes: [relu('x', 'y'), relu('x', 'x')] }), /value x: it is assigned twice/],
    [
      'a node that assigns an initializer',
      graph({ initializers: new Map([['y', float32Tensor([1], [1])]]) }),
      /value y: it is assigned twice/,
    ],
    ['an input without name', graph({ inputs: [x, { ...x, name: '' }] }), /it has no name/],
    [
      'an initializer with too few bytes',
      graph({ initializers: new Map([['w', { ...float32Tensor([1], [1]), dims: [2] }]]) }),
      /w: float32\[2\] needs 8 bytes and has 4/,
    ],
    ['no operator set', { ...graph({}), opsets: new Map() }, /no version of the standard operator set/],
    ['a domain without version', graph({ nodes: [{ ...relu('x', 'y'), domain: 'com.example' }] }), /domain com\.example/],
  ])('%s', (_, model, message) => {
    expect(() => validateModel(model)).toThrowError(
      expect.objectContaining({ code: 'onnx_invalid', message: expect.stringMatching(message) }),
    );
  });

  it('a subgraph that assigns a name from outside', () => {
    const model = modelOfAllKinds();
    const branch = model.graph.nodes[0]!.attributes.get('then_branch') as { value: Graph };
    branch.value.nodes.push(relu('x', 'w'));
    expect(() => validateModel(model)).toThrowError(/value w: it is assigned twice/);
  });
});
