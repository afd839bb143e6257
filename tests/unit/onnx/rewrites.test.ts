/** What normalise rewrites, what it must leave, and what it refuses. */
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32Tensor, type Graph, int, int64Tensor, makeNode, type Node, string, tensor } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { printGraph } from '../../../shared/onnx/print.ts';
import { makeModel } from './build-model.ts';
import { ramp, typed } from './op-cases.ts';
import { runModel } from './run-model.ts';

const x = { name: 'x', type: { dataType: 'float32' as const, dims: ['batch', 3] } };
const y = { name: 'y', type: { dataType: 'float32' as const } };
const model = (nodes: Node[], parts: Partial<Graph> = {}) => makeModel({ inputs: [x], outputs: [y], nodes, ...parts });
const normal = (nodes: Node[], parts: Partial<Graph> = {}) => normalise(model(nodes, parts), { x: [2, 3] }).graph;
const ops = (graph: Graph) => graph.nodes.map((node) => node.opType);

describe('weights of an export without constant folding', () => {
  it('become plain initializers, in the orientation that is used', () => {
    const graph = normal(
      [
        makeNode('Identity', '/copy', ['fc.weight'], ['shared']),
        makeNode('Transpose', '/fc/Transpose', ['shared'], ['/fc/Transpose_output_0']),
        makeNode('MatMul', '/fc/MatMul', ['x', '/fc/Transpose_output_0'], ['y']),
      ],
      { initializers: new Map([['fc.weight', ramp(4, 3)]]) },
    );
    expect(printGraph(graph)).toBe(
      'graph test(x: float32[2,3]) {\n  /fc/Transpose_output_0 = float32[3,4]\n  y = MatMul(x, /fc/Transpose_output_0)  # /fc/MatMul\n  return y: float32[2,4]\n}\n',
    );
  });

  it('stay as they are in a file that is not loaded', () => {
    const external = {
      dataType: 'float32' as const,
      dims: [4, 3],
      data: { kind: 'external' as const, location: 'w.bin', offset: 0, length: 48 },
    };
    const graph = normal([makeNode('Transpose', '/t', ['w'], ['wt']), makeNode('MatMul', '/fc/MatMul', ['x', 'wt'], ['y'])], {
      initializers: new Map([['w', external]]),
    });
    expect(ops(graph)).toEqual(['Transpose', 'MatMul']);
    expect(graph.initializers.get('w')).toEqual(external);
    expect(graph.outputs[0]!.type.dims).toEqual([2, 4]);
  });
});

/** x plus a float16 constant behind its Cast. */
function widened(count: number): Graph {
  const weight = {
    ...typed(
      'float16',
      [count],
      Array.from({ length: count }, (_, i) => i / 8),
    ),
    dims: [count / 3, 1, 3],
  };
  const nodes = [makeNode('Cast', 'w/Cast', ['w'], ['w32'], { to: int(1) }), makeNode('Add', '/add', ['x', 'w32'], ['y'])];
  return normal(nodes, { initializers: new Map([['w', weight]]) });
}

describe('the Cast of a half-precision constant', () => {
  it('is folded where the constant is small', () => expect(ops(widened(3))).toEqual(['Add']));
  it('stays where it halves a download', () => expect(ops(widened(3000))).toEqual(['Cast', 'Add']));
});

describe('nodes that change nothing', () => {
  it.each<[string, Node]>([
    ['Identity', makeNode('Identity', '/n', ['x'], ['z'])],
    ['Dropout', makeNode('Dropout', '/n', ['x', 'half'], ['z', ''])],
    ['Cast to its own type', makeNode('Cast', '/n', ['x'], ['z'], { to: int(1) })],
    ['Reshape to its own shape', makeNode('Reshape', '/n', ['x', 'shape'], ['z'])],
    ['Concat of one', makeNode('Concat', '/n', ['x'], ['z'], { axis: int(0) })],
    ['Slice of everything', makeNode('Slice', '/n', ['x', 'zeros', 'shape'], ['z'])],
    ['Transpose that keeps the order', makeNode('Transpose', '/n', ['x'], ['z'], { perm: { kind: 'ints', value: [0, 1] } })],
  ])('go: %s', (_, node) => {
    const initializers = new Map([
      ['half', float32Tensor([], [0.5])],
      ['shape', int64Tensor([2], [2, 3])],
      ['zeros', int64Tensor([2], [0, 0])],
    ]);
    const graph = normal([node, makeNode('Relu', '/relu', ['z'], ['y'])], { initializers });
    expect(graph.nodes).toEqual([makeNode('Relu', '/relu', ['x'], ['y'])]);
    expect(graph.initializers.size).toBe(0);
  });

  it.each<[string, Node[]]>([
    ['the last one, whose name is the output', [makeNode('Identity', '/n', ['x'], ['y'])]],
    ['Dropout in training', [makeNode('Dropout', '/n', ['x', 'half', 'yes'], ['y'])]],
    [
      'Dropout whose mask is read',
      [makeNode('Dropout', '/n', ['x'], ['z', 'mask']), makeNode('Where', '/w', ['mask', 'z', 'half'], ['y'])],
    ],
    ['Slice backwards', [makeNode('Slice', '/n', ['x', 'last', 'before', 'axis', 'last'], ['y'])]],
    ['Transpose of a square', [makeNode('MatMul', '/m', ['x', 'square'], ['s']), makeNode('Transpose', '/n', ['s'], ['y'])]],
  ])('stay: %s', (_, nodes) => {
    const initializers = new Map([
      ['half', float32Tensor([], [0.5])],
      ['yes', typed('bool', [], [1])],
      ['last', int64Tensor([1], [-1])],
      ['before', int64Tensor([1], [-100])],
      ['axis', int64Tensor([1], [1])],
      ['square', ramp(3, 2)],
    ]);
    expect(normal(nodes, { initializers }).nodes).toEqual(nodes);
  });
});

function branch(name: string, nodes: Node[], output: string): { kind: 'graph'; value: Graph } {
  const initializers = new Map([[`${name}.two`, float32Tensor([], [2])]]);
  const outputs = [{ name: output, type: { dataType: 'float32' as const } }];
  return { kind: 'graph', value: { name, nodes, initializers, inputs: [], outputs, valueInfo: new Map() } };
}

describe('If', () => {
  const branches = {
    then_branch: branch('then', [makeNode('Mul', '/then/Mul', ['h', 'then.two'], ['then_y'])], 'then_y'),
    else_branch: branch('else', [makeNode('Sub', '/else/Sub', ['h', 'else.two'], ['else_y'])], 'else_y'),
  };
  const nodes = (condition: Node[]) => [
    makeNode('Identity', '/h', ['x'], ['h']),
    ...condition,
    makeNode('If', '/if', ['condition'], ['chosen'], branches),
    makeNode('Relu', '/relu', ['chosen'], ['y']),
  ];

  it.each([
    [2, 'Mul'],
    [3, 'Sub'],
  ])('becomes a branch where its condition is a matter of shape (batch of two? batch %d)', async (batch, op) => {
    const condition = [
      makeNode('Shape', '/shape', ['x'], ['dims'], { start: int(0), end: int(1) }),
      makeNode('Constant', '/two', [], ['two'], { value: tensor(int64Tensor([1], [2])) }),
      makeNode('Equal', '/equal', ['dims', 'two'], ['equal']),
      makeNode('Squeeze', '/squeeze', ['equal'], ['condition']),
    ];
    const raw = model(nodes(condition));
    const after = normalise(raw, { x: [batch, 3] });
    expect(ops(after.graph)).toEqual([op, 'Relu']);
    const feeds = {
      x: new OrtTensor(
        'float32',
        Float32Array.from({ length: batch * 3 }, (_, i) => i),
        [batch, 3],
      ),
    };
    expect((await runModel(after, feeds)).y!.data).toEqual((await runModel(raw, feeds)).y!.data);
  });

  it('stays where its condition is data, and its branches follow renamed values', () => {
    const condition = { name: 'condition', type: { dataType: 'bool' as const, dims: [] } };
    const graph = normal(nodes([]), { inputs: [x, condition] });
    expect(ops(graph)).toEqual(['If', 'Relu']);
    const then = graph.nodes[0]!.attributes.get('then_branch') as { value: Graph };
    expect(then.value.nodes[0]!.inputs).toEqual(['x', 'then.two']);
  });
});

it('keeps the name of an output that turns out constant', async () => {
  const raw = model([makeNode('Shape', '/s', ['x'], ['y'])], { outputs: [{ name: 'y', type: { dataType: 'int64' } }] });
  const after = normalise(raw, { x: [2, 3] });
  expect(after.graph.nodes).toEqual([]);
  const outputs = await runModel(after, { x: new OrtTensor('float32', new Float32Array(6), [2, 3]) });
  expect(outputs.y!.data).toEqual(BigInt64Array.of(2n, 3n));
});

it('turns the default of an input into a constant', () => {
  const raw = makeModel({
    inputs: [x, { name: 'b', type: { dataType: 'float32', dims: [3] } }],
    outputs: [y],
    nodes: [makeNode('Add', '/add', ['x', 'b'], ['y'])],
    initializers: new Map([['b', ramp(3)]]),
  });
  expect(normalise({ ...raw, irVersion: 3 }, { x: [2, 3] })).toMatchObject({ irVersion: 4, graph: { inputs: [{ name: 'x' }] } });
});

it('does not fold what divides integers by zero', () => {
  const graph = normal([makeNode('Div', '/d', ['one', 'zero'], ['q']), makeNode('Expand', '/e', ['x', 'q'], ['y'])], {
    initializers: new Map([
      ['one', int64Tensor([1], [1])],
      ['zero', int64Tensor([1], [0])],
    ]),
  });
  expect(ops(graph)).toEqual(['Div', 'Expand']);
});

it('leaves values untyped behind an operator it does not know', () => {
  const custom = { ...makeNode('Odd', '/odd', ['x'], ['z']), domain: 'com.example' };
  const raw = model([custom, makeNode('Relu', '/relu', ['z'], ['y'])]);
  raw.opsets.set('com.example', 1);
  const { graph } = normalise(raw, { x: [2, 3] });
  expect(graph.nodes).toHaveLength(2);
  expect(graph.valueInfo.size).toBe(0);
});

describe('refuses', () => {
  const relu = [makeNode('Relu', '/relu', ['x'], ['y'])];
  it.each<[string, Record<string, number[]>, RegExp]>([
    ['an input that is left open', {}, /leaves the shape \[batch, 3\] of its input x open/],
    ['an input that does not exist', { x: [2, 3], latent: [1] }, /has no input latent; it has x/],
    ['a size that the file contradicts', { x: [2, 4] }, /declares its input x as \[batch, 3\], which \[2, 4\] does not fit/],
    ['another rank', { x: [2, 3, 1] }, /does not fit/],
  ])('%s', (_, dims, message) => {
    expect(() => normalise(model(relu), dims)).toThrowError(
      expect.objectContaining({ code: 'graph_unsupported', message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, Node, RegExp]>([
    [
      'matrices that do not fit',
      makeNode('MatMul', '/m', ['x', 'w'], ['y']),
      /node \/m \(MatMul\) with inputs \(float32\[2,3\], float32\[4,2\]\): the inner dimensions differ/,
    ],
    ['shapes that do not broadcast', makeNode('Add', '/a', ['x', 'w'], ['y']), /do not broadcast/],
    ['a reshape of another size', makeNode('Reshape', '/r', ['x', 'seven'], ['y']), /cannot be reshaped to \[7\]/],
    ['an axis that is not there', makeNode('Concat', '/c', ['x', 'x'], ['y'], { axis: int(2) }), /axis 2 lies outside rank 2/],
    [
      'an equation that does not fit',
      makeNode('Einsum', '/e', ['x', 'w'], ['y'], { equation: string('ab,bc->ac') }),
      /subscript b has two sizes/,
    ],
  ])('%s', (_, node, message) => {
    const initializers = new Map([
      ['w', ramp(4, 2)],
      ['seven', int64Tensor([1], [7])],
    ]);
    expect(() => normal([node], { initializers })).toThrowError(
      expect.objectContaining({ code: 'onnx_invalid', message: expect.stringMatching(message) }),
    );
  });
});
