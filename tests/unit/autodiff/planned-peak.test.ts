import { describe, expect, it } from 'vitest';
import { gradient } from '../../../shared/autodiff/gradient.ts';
import { plannedPeak } from '../../../shared/autodiff/planned-peak.ts';
import { float32Tensor, type Graph, int64Tensor, makeNode, type Node } from '../../../shared/onnx/ir.ts';
import { tinyDecoder, vaeDecoder } from './full-size-decoders.ts';

/** x [100] float32 -> y; 400 bytes a value. */
function graphOf(nodes: Node[], outputs = ['y']): Graph {
  return {
    name: 'test',
    nodes,
    initializers: new Map([
      ['w', float32Tensor([100], Array<number>(100).fill(1))],
      ['square', int64Tensor([2], [10, 10])],
      ['flat', int64Tensor([1], [100])],
    ]),
    inputs: [{ name: 'x', type: { dataType: 'float32', dims: [100] } }],
    outputs: outputs.map((name) => ({ name, type: { dataType: 'float32' } })),
    valueInfo: new Map(),
  };
}

const node = (opType: string, inputs: string[], ...outputs: string[]) => makeNode(opType, `make ${outputs[0]!}`, inputs, outputs);

describe('the planned peak, counted by hand', () => {
  const cases: [what: string, nodes: Node[], bytes: number, at: string, outputs?: string[]][] = [
    ['one node: its input and its output', [node('Exp', ['x'], 'y')], 800, 'make y'],
    [
      'a chain: a link, the one before it and the input',
      [node('Exp', ['x'], 'a'), node('Exp', ['a'], 'b'), node('Exp', ['b'], 'y')],
      1200,
      'make b',
    ],
    [
      'a value lives to its last reader',
      [node('Exp', ['x'], 'a'), node('Exp', ['a'], 'b'), node('Exp', ['b'], 'c'), node('Add', ['a', 'c'], 'y')],
      1600,
      'make c',
    ],
    [
      'a reshape is the memory that it reshapes',
      [node('Exp', ['x'], 'a'), node('Reshape', ['a', 'square'], 'b'), node('Exp', ['b'], 'c'), node('Reshape', ['c', 'flat'], 'y')],
      1200,
      'make c',
    ],
    [
      'memory is freed after the last reader of any of its names',
      [node('Exp', ['x'], 'a'), node('Reshape', ['a', 'square'], 'b'), node('Exp', ['a'], 'c'), node('Exp', ['c'], 'd'), node('Reshape', ['d', 'square'], 'e'), node('Add', ['b', 'e'], 'f'), node('Reshape', ['f', 'flat'], 'y')],
      1600,
      'make d',
    ],
    ['outputs live to the end', [node('Exp', ['x'], 'y'), node('Exp', ['x'], 'a'), node('Exp', ['a'], 'z')], 1600, 'make z', ['y', 'z']],
    ['weights are not activations', [node('Mul', ['x', 'w'], 'y')], 800, 'make y'],
    ['nor is what is made of weights alone', [node('Exp', ['w'], 'a'), node('Exp', ['x'], 'b'), node('Mul', ['a', 'b'], 'y')], 1200, 'make y'],
    ['a condition is a byte an element', [node('Greater', ['x', 'w'], 'a'), node('Where', ['a', 'x', 'w'], 'y')], 900, 'make y'],
    ['what nobody reads is freed at once', [node('Split', ['x'], 'a', 'b'), node('Exp', ['a'], 'y')], 800, 'make a'],
  ]; // prettier-ignore

  it.each(cases)('%s', (_, nodes, bytes, at, outputs) => {
    const peak = plannedPeak(graphOf(nodes, outputs));
    expect({ bytes: peak.bytes, node: peak.node, unknown: peak.unknown }).toEqual({ bytes, node: at, unknown: [] });
    expect(peak.live.reduce((sum, value) => sum + value.bytes, 0)).toBe(bytes);
  });

  it('tells weights apart and names what it knows nothing of', () => {
    const custom = { ...makeNode('Mystery', 'custom', ['x'], ['a']), domain: 'example.com' };
    const peak = plannedPeak(graphOf([custom, node('Exp', ['w'], 'v'), node('Add', ['x', 'v'], 'y')]));
    expect(peak).toMatchObject({ bytes: 800, weightBytes: 400 + 400 + 16 + 8, unknown: ['a'] });
  });
});

describe('decoders at full size, 512 px, float32', () => {
  const gigabytes = (graph: Graph) => plannedPeak(graph).bytes / 1e9;
  const options = { loss: 'loss/sum', inputs: ['latent'] };

  it.each([
    ['the VAE decoder', vaeDecoder, 6],
    ['the tiny decoder', tinyDecoder, 0.5],
  ])('%s stays below its limit with values made again', (_, make, limit) => {
    const model = make();
    const [forward, kept, again] = [model, gradient(model, options), gradient(model, { ...options, recompute: true })].map(({ graph }) => gigabytes(graph)) as [number, number, number]; // prettier-ignore
    const numbers = `forward ${forward} GB, with gradient ${kept} GB, recomputing ${again} GB`;
    expect(forward, numbers).toBeLessThan(again);
    expect(again, numbers).toBeLessThanOrEqual(kept);
    expect(again, numbers).toBeLessThan(limit);
  });
});
