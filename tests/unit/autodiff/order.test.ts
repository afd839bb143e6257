import fc from 'fast-check';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { gradient } from '../../../shared/autodiff/gradient.ts';
import { holdBack, shrinkEarly } from '../../../shared/autodiff/order.ts';
import { plannedPeak } from '../../../shared/autodiff/planned-peak.ts';
import { float32Tensor, type Graph, makeNode, type Model, type Node } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { largestDifference, runModel } from '../onnx/run-model.ts';

const SIZE = 64;
const named = (opType: string, inputs: string[], output: string): Node => makeNode(opType, output, inputs, [output]);

function graphOf(nodes: Node[], output: string): Graph {
  return {
    name: 'test',
    nodes,
    initializers: new Map([
      ['zero', float32Tensor([], [0])],
      ['one', float32Tensor([SIZE], Array<number>(SIZE).fill(1))],
    ]),
    inputs: [{ name: 'x', type: { dataType: 'float32', dims: [SIZE] } }],
    outputs: [{ name: output, type: { dataType: 'float32', dims: [SIZE] } }],
    valueInfo: new Map(),
  };
}

const order = (graph: Graph) => graph.nodes.map(({ name }) => name);

describe('a condition', () => {
  const forward = [named('Exp', ['x'], 'a'), named('Relu', ['a'], 'b'), named('Exp', ['b'], 'c')];
  const backward = [
    named('Mul', ['one', 'c'], 'dc'),
    named('Greater', ['a', 'zero'], 'mask'),
    named('Where', ['mask', 'dc', 'zero'], 'db'),
  ];

  it('is kept in place of what it compares, which is freed behind its last forward reader', () => {
    const graph = graphOf([...forward, ...backward], 'db');
    const { graph: ordered, forward: early } = shrinkEarly(graph, new Set(forward));
    expect(order(ordered)).toEqual(['a', 'mask', 'b', 'c', 'dc', 'mask/anchor', 'db']);
    expect([...early].map(({ name }) => name)).toEqual(['a', 'b', 'c', 'mask']);
    expect(plannedPeak(graph).live.map(({ name }) => name)).toContain('a');
    expect(plannedPeak(ordered).bytes).toBeLessThan(plannedPeak(graph).bytes);
  });

  it.each([
    ['something else on the way back reads it', [...backward, named('Mul', ['db', 'a'], 'da')], 'da'],
    ['what is made of it is no smaller', [named('Mul', ['one', 'c'], 'dc'), named('Neg', ['a'], 'mask'), named('Mul', ['mask', 'dc'], 'db')], 'db'],
  ] as const)('stays where it is if %s', (_, nodes, output) => {
    const graph = graphOf([...forward, ...nodes], output);
    expect(order(shrinkEarly(graph, new Set(forward)).graph)).toEqual(order(graph));
  }); // prettier-ignore
});

it('what makes something larger of a gradient waits for what it is added to', () => {
  const forward = [named('Exp', ['x'], 'a')];
  const backward = [
    named('Identity', ['one'], 'seed'),
    named('Mul', ['seed', 'a'], 'first'),
    named('ReduceSum', ['first'], 'small'),
    named('Mul', ['small', 'one'], 'large'),
    named('Exp', ['first'], 'second'),
    named('Exp', ['second'], 'third'),
    named('Add', ['large', 'third'], 'sum'),
  ];
  const ordered = holdBack(graphOf([...forward, ...backward], 'sum'), new Set(forward));
  expect(order(ordered)).toEqual(['a', 'seed', 'first', 'small', 'second', 'large', 'third', 'sum']);
});

describe('what reads forward values alone', () => {
  it('runs before the gradient that it is multiplied with is made', () => {
    const forward = [named('Exp', ['x'], 'a'), named('Sigmoid', ['a'], 'b'), named('Exp', ['b'], 'c')];
    const backward = [named('Identity', ['one'], 'seed'), named('Mul', ['seed', 'c'], 'dc'), named('Sub', ['one', 'b'], 'rest'), named('Mul', ['b', 'rest'], 'slope'), named('Mul', ['dc', 'slope'], 'db')]; // prettier-ignore
    const ordered = holdBack(graphOf([...forward, ...backward], 'db'), new Set(forward));
    expect(order(ordered)).toEqual(['a', 'b', 'c', 'seed', 'rest', 'slope', 'dc', 'db']);
  });

  it('runs before all that read it, where several do', () => {
    const forward = [named('Exp', ['x'], 'a')];
    const backward = [
      named('Identity', ['one'], 'seed'),
      named('Mul', ['seed', 'a'], 'first'),
      named('Mul', ['first', 'a'], 'second'),
      named('Neg', ['a'], 'inner'),
      named('Mul', ['second', 'inner'], 'third'),
      named('Neg', ['inner'], 'outer'),
      named('Mul', ['first', 'outer'], 'fourth'),
      named('Add', ['third', 'fourth'], 'sum'),
    ];
    const ordered = holdBack(graphOf([...forward, ...backward], 'sum'), new Set(forward));
    expect(order(ordered)).toEqual(['a', 'seed', 'inner', 'outer', 'first', 'second', 'third', 'fourth', 'sum']);
  });
});

/** Networks of elementwise nodes, each of which reads any that came before it. */
const networks = fc
  .array(fc.tuple(fc.constantFrom('Add', 'Mul', 'Relu', 'Sigmoid', 'Tanh', 'Sin', 'Softplus'), fc.nat(), fc.nat()), {
    minLength: 2,
    maxLength: 25,
  }) // prettier-ignore
  .map((steps): Model => {
    const values = ['x'];
    const nodes = steps.map(([opType, a, b], index) => {
      const inputs = [values.at(-1 - (a % Math.min(4, values.length)))!, values[b % values.length]!];
      const output = `v${index}`;
      values.push(output);
      return named(opType, opType === 'Add' || opType === 'Mul' ? inputs : inputs.slice(0, 1), output);
    });
    const bounded = named('Tanh', [values.at(-1)!], 'y');
    return normalise({ irVersion: 8, producer: 'test', opsets: new Map([['', 17]]), metadata: new Map(), graph: graphOf([...nodes, bounded], 'y') }, {}); // prettier-ignore
  });

describe('of any network', () => {
  const options = { loss: 'y', inputs: ['x'] };

  it('the gradient graph is in topological order and, if values are made again, has the same gradient', async () => {
    const feeds = {
      x: new Tensor(
        'float32',
        Float32Array.from({ length: SIZE }, (_, i) => Math.sin(1 + i)),
        [SIZE],
      ),
    };
    await fc.assert(
      fc.asyncProperty(networks, async (model) => {
        const [keeping, again] = [gradient(model, options), gradient(model, { ...options, recompute: true })];
        validateModel(keeping);
        validateModel(again);
        const [expected, actual] = [await runModel(keeping, feeds), await runModel(again, feeds)];
        const largest = Array.from(expected['grad.x']!.data, Number).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        fc.pre(Number.isFinite(largest));
        expect(largestDifference(actual['grad.x']!, expected['grad.x']!)).toBeLessThanOrEqual(1e-5 * largest);
      }),
      { numRuns: 60, seed: 4 },
    );
  });
});
