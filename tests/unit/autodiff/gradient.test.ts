import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { gradient } from '../../../shared/autodiff/gradient.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { toBytes } from '../../../shared/onnx/constant-values.ts';
import { codeOf } from '../../../shared/onnx/data-type.ts';
import {
  type DataType,
  float32Tensor,
  type Graph,
  int,
  int64Tensor,
  makeNode,
  type Model,
  type Node,
  type Tensor as OnnxTensor,
} from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { raiseOpset } from '../../../shared/onnx/raise-opset.ts';
import { runModel } from '../onnx/run-model.ts';

interface Parts {
  initializers?: Record<string, OnnxTensor>;
  inputs?: Graph['inputs'];
  opset?: number;
}

const X = { name: 'x', type: { dataType: 'float32' as const, dims: [2, 3] } };

/** A graph from x [2, 3] to a scalar `loss`. */
function modelOf(nodes: Node[], { initializers = {}, inputs = [X], opset = 17 }: Parts = {}): Model {
  const graph: Graph = {
    name: 'g',
    nodes,
    initializers: new Map(Object.entries(initializers)),
    inputs,
    outputs: [{ name: 'loss', type: { dataType: inputs[0]!.type.dataType } }],
    valueInfo: new Map(),
  };
  const opsets = new Map([['', opset], ['other', 1]]); // prettier-ignore
  return { irVersion: 8, producer: 'test', opsets, metadata: new Map(), graph };
}

const total = (from: string): Node => makeNode('ReduceSum', 'total', [from], ['loss'], { keepdims: int(0) });

describe('what is refused', () => {
  const branch = (name: string, operand: string): Graph => ({
    name,
    nodes: [makeNode('Neg', `${name}/Neg`, [operand], [`${name}.y`])],
    initializers: new Map(),
    inputs: [],
    outputs: [{ name: `${name}.y`, type: { dataType: 'float32', dims: [2, 3] } }],
    valueInfo: new Map(),
  });
  const conditional: Node = {
    ...makeNode('If', '/If', ['flag'], ['y'], {
      then_branch: { kind: 'graph', value: branch('then', 'x') },
      else_branch: { kind: 'graph', value: branch('else', 'x') },
    }),
  };
  const flag = { name: 'flag', type: { dataType: 'bool' as const, dims: [] } };
  const unused = { name: 'unused', type: { dataType: 'float32' as const, dims: [1] } };
  test.each<[about: string, model: Model, inputs: string[], message: RegExp]>([
    [
      'an operator whose output shape nobody knows, though another way to the loss leads past it',
      modelOf([{ ...makeNode('Twist', '/Twist', ['x'], ['t']), domain: 'other' }, makeNode('Add', '/Add', ['x', 't'], ['y']), total('y')]),
      ['x'],
      /node \/Twist \(other\.Twist\) with inputs \(float32\[2,3\]\) has no gradient rule/,
    ],
    [
      'a branch that reads what is differentiated from outside',
      modelOf([conditional, makeNode('Add', '/Add', ['x', 'y'], ['z']), total('z')], { inputs: [X, flag] }),
      ['x'],
      /node \/If \(If\)/,
    ],
    [
      'an input on which the loss does not depend, beside one on which it does',
      modelOf([total('x')], { inputs: [X, unused] }),
      ['x', 'unused'],
      /loss does not depend on unused by differentiable operators/,
    ],
    [
      'an input on which the loss depends by way of a condition alone',
      modelOf([makeNode('Sign', '/Sign', ['x'], ['s']), total('s')]),
      ['x'],
      /loss does not depend on x by differentiable operators/,
    ],
    ['what is no float', modelOf([total('x')], { inputs: [X, flag] }), ['flag'], /flag is bool; only floats have gradients/],
    ['graphs before operator set 7', modelOf([total('x')], { opset: 6 }), ['x'], /operator set 6 is too old/],
  ])('%s', (_, model, inputs, message) => {
    const attempt = () => gradient(normalise(model, {}), { loss: 'loss', inputs });
    expect(attempt).toThrowError(DiptychError);
    expect(attempt).toThrowError(message);
  });
});

describe('types', () => {
  const typed = (dataType: DataType, dims: number[], values: number[]): OnnxTensor => ({
    dataType,
    dims,
    data: { kind: 'inline', bytes: toBytes(dataType, values)! },
  });
  const weights = [0.3, -0.2, 0.7, 1.1, -0.4, 0.6, 0.9, -0.8, 0.1];

  /** LayerNormalization, a cube, a maximum and a mean: rules that make constants of their own. */
  function network(dataType: DataType): Model {
    const to = int(codeOf(dataType));
    const nodes = [
      makeNode('Cast', '/from', ['x'], ['narrow'], { to }),
      makeNode('MatMul', '/m', ['narrow', 'w'], ['h']),
      makeNode('LayerNormalization', '/n', ['h', 'scale'], ['n']),
      makeNode('Tanh', '/t', ['n'], ['t']),
      makeNode('Pow', '/p', ['t', 'cube'], ['p']),
      makeNode('Relu', '/r', ['p'], ['r']),
      makeNode('ReduceMax', '/max', ['h'], ['top'], { keepdims: int(1) }),
      makeNode('Add', '/a', ['r', 'top'], ['y']),
      makeNode('ReduceMean', '/mean', ['y'], ['mean'], { keepdims: int(0) }),
      makeNode('Cast', '/to', ['mean'], ['loss'], { to: int(1) }),
    ];
    const initializers = {
      w: typed(dataType, [3, 3], weights),
      scale: typed(dataType, [3], [1, 0.5, 2]),
      cube: typed(dataType, [], [3]),
    };
    return modelOf(nodes, { initializers });
  }

  const gradientOf = async (dataType: DataType): Promise<number[]> => {
    const model = gradient(normalise(network(dataType), {}), { loss: 'loss', inputs: ['x'] });
    const outputs = await runModel(model, { x: new Tensor('float32', Float32Array.of(0.5, -1, 0.25, 1.5, -0.75, 2), [2, 3]) });
    return Array.from(outputs['grad.x']!.data, Number);
  };

  test.each([
    ['float16', 1e-2],
    ['float64', 1e-6],
  ] as const)('the gradient of a graph in %s is that in float32', async (dataType, tolerance) => {
    const [found, wanted] = [await gradientOf(dataType), await gradientOf('float32')];
    const largest = Math.max(...wanted.map(Math.abs));
    const error = Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!)));
    expect(error / largest).toBeLessThan(tolerance);
  });

  test('a gradient is of the type of its input', () => {
    const x = { name: 'x', type: { dataType: 'float16' as const, dims: [2, 3] } };
    const model = gradient(normalise(modelOf([total('x')], { inputs: [x] }), {}), { loss: 'loss', inputs: ['x'] });
    expect(model.graph.outputs.at(-1)).toEqual({ ...x, name: 'grad.x' });
  });
});

test('a product has the gradient of its other factors, whether none, one or two of them are 0', async () => {
  const model = modelOf([makeNode('ReduceProd', '/p', ['x'], ['p'], { axes: { kind: 'ints', value: [1] }, keepdims: int(0) }), total('p')]);
  const x = { name: 'x', type: { dataType: 'float32' as const, dims: [3, 3] } };
  const both = gradient(normalise({ ...model, graph: { ...model.graph, inputs: [x] } }, {}), { loss: 'loss', inputs: ['x'] });
  const outputs = await runModel(both, { x: new Tensor('float32', Float32Array.of(2, 3, 4, 0, 3, 4, 0, 0, 4), [3, 3]) });
  expect(Array.from(outputs['grad.x']!.data)).toEqual([12, 8, 6, 12, 0, 0, 0, 0, 0]);
});

describe('weights', () => {
  const w = float32Tensor([3], [1, 2, 3]);

  test('that shapes are computed with keep their names and gradients', async () => {
    const nodes = [
      makeNode('Unsqueeze', '/u', ['w', 'axes'], ['column']),
      makeNode('Expand', '/e', ['column', 'shape'], ['wide']),
      makeNode('MatMul', '/m', ['x', 'wide'], ['y']),
      total('y'),
    ];
    const model = modelOf(nodes, { initializers: { w, axes: int64Tensor([1], [1]), shape: int64Tensor([2], [3, 2]) } });
    const both = gradient(normalise(model, {}, ['w']), { loss: 'loss', inputs: ['w'] });
    expect(both.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    const outputs = await runModel(both, { x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]) });
    expect(Array.from(outputs['grad.w']!.data)).toEqual([10, 14, 18]);
  });

  test('that an exporter found equal to another one and writes as its Identity are told apart', async () => {
    const nodes = [
      makeNode('Identity', '/i', ['w'], ['v']),
      makeNode('Mul', '/a', ['x', 'w'], ['a']),
      makeNode('Mul', '/b', ['a', 'v'], ['b']),
      total('b'),
    ];
    const both = gradient(normalise(modelOf(nodes, { initializers: { w } }), {}, ['v']), { loss: 'loss', inputs: ['v'] });
    const outputs = await runModel(both, { x: new Tensor('float32', Float32Array.of(1, 1, 1, 2, 2, 2), [2, 3]) });
    expect(Array.from(outputs['grad.v']!.data)).toEqual([3, 6, 9]);
  });
});

test('a graph of operator set 13 or later is left as it is by raiseOpset', () => {
  const model = modelOf([total('x')], { opset: 13 });
  expect(raiseOpset(model)).toBe(model);
});
