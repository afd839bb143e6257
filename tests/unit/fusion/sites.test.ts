import { describe, expect, it } from 'vitest';
import { modulePath } from '../../../shared/fusion/module-path.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { float32Tensor, type Graph, int, ints, makeNode, type Node, type Tensor } from '../../../shared/onnx/ir.ts';

const weight = (...dims: number[]): Tensor => float32Tensor(dims, new Float32Array(dims.reduce((a, b) => a * b)));

function graphOf(nodes: Node[], initializers: Record<string, Tensor>): Graph {
  return { name: 'test', nodes, initializers: new Map(Object.entries(initializers)), inputs: [], outputs: [], valueInfo: new Map() };
}

describe('modulePath', () => {
  const dynamo = (scopes: string): Node => ({
    ...makeNode('MatMul', 'node_linear_3', [], []),
    metadata: new Map([['pkg.torch.onnx.name_scopes', scopes]]),
  });
  it.each([
    [makeNode('MatMul', '/down_blocks.0/attentions.0/attn1/to_q/MatMul', [], []), 'down_blocks.0.attentions.0.attn1.to_q'],
    [makeNode('Conv', '/conv_in/Conv', [], []), 'conv_in'],
    [makeNode('MatMul', '/MatMul', [], []), undefined],
    [makeNode('MatMul', 'MatMul_17', [], []), undefined],
    [makeNode('MatMul', '', [], []), undefined],
    [dynamo("['', 'down_blocks.0', 'down_blocks.0.attn1.to_q', 'linear_3']"), 'down_blocks.0.attn1.to_q'],
    [dynamo("['', 'add']"), undefined],
  ])('of %#', (node, path) => {
    expect(modulePath(node)).toBe(path);
  });
});

describe('findSites', () => {
  it('sees a weight through Cast, Transpose and Identity', () => {
    const graph = graphOf(
      [
        makeNode('Identity', 'shared', ['w'], ['w1']),
        makeNode('Transpose', 'turned', ['w1'], ['w2'], { perm: ints(1, 0) }),
        makeNode('Cast', 'widened', ['w2'], ['w3'], { to: int(1) }),
        makeNode('MatMul', '/to_q/MatMul', ['x', 'w3'], ['y']),
      ],
      { w: { dataType: 'float16', dims: [7, 6], data: { kind: 'inline', bytes: new Uint8Array(84) } } },
    );
    expect(findSites(graph)).toMatchObject([{ layer: { kind: 'linear', module: 'to_q', in: 6, out: 7 }, output: 'y', float16: false }]);
  });

  it('knows a layer that computes in half precision', () => {
    const half: Tensor = { dataType: 'float16', dims: [6, 7], data: { kind: 'inline', bytes: new Uint8Array(84) } };
    expect(findSites(graphOf([makeNode('MatMul', '/to_q/MatMul', ['x', 'w'], ['y'])], { w: half }))[0]?.float16).toBe(true);
  });

  it('takes the bias as part of the layer, in either order of the operands, but not a residual', () => {
    const graph = graphOf(
      [
        makeNode('MatMul', '/a/MatMul', ['x', 'w'], ['p']),
        makeNode('Add', '/a/Add', ['bias', 'p'], ['q']),
        makeNode('MatMul', '/b/MatMul', ['q', 'w'], ['r']),
        makeNode('Add', '/b/Add', ['r', 'x'], ['s']),
      ],
      { w: weight(6, 6), bias: weight(6) },
    );
    expect(findSites(graph).map(({ layer, output }) => [layer.module, output])).toEqual([
      ['a', 'q'],
      ['b', 'r'],
    ]);
  });

  const noSites: [string, Node][] = [
    ['a product of two activations', makeNode('MatMul', '/attn/MatMul', ['x', 'y'], ['z'])],
    ['a grouped convolution', makeNode('Conv', '/conv/Conv', ['x', 'k'], ['z'], { group: int(2) })],
    ['a layer whose path the export lost', makeNode('MatMul', 'MatMul_3', ['x', 'w'], ['z'])],
    ['an operator of another domain', { ...makeNode('MatMul', '/a/MatMul', ['x', 'w'], ['z']), domain: 'com.microsoft' }],
  ];
  it.each(noSites)('does not take %s', (_, node) => {
    expect(findSites(graphOf([node], { w: weight(6, 6), k: weight(4, 2, 3, 3) }))).toEqual([]);
  });

  it('refuses a module that is called twice, naming both nodes', () => {
    const twice = graphOf([makeNode('MatMul', '/a/MatMul', ['x', 'w'], ['y']), makeNode('MatMul', '/a/MatMul_1', ['y', 'w'], ['z'])], {
      w: weight(6, 6),
    });
    expect(() => findSites(twice)).toThrowError(
      expect.objectContaining({ code: 'graph_unsupported', message: expect.stringContaining('/a/MatMul_1') }),
    );
  });
});
