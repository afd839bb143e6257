import { Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { int, int64Tensor, makeNode, type Node } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { fixtureModel } from './fixture-models.ts';
import { makeModel } from './build-model.ts';
import { FIXTURE_DIMS, feedsFor, runModel } from './run-model.ts';

const model = (nodes: Node[]) =>
  makeModel({
    inputs: [{ name: 'timestep', type: { dataType: 'int64', dims: [1] } }],
    outputs: [{ name: 'y', type: { dataType: 'float32', dims: [2] } }],
    initializers: new Map([['two', int64Tensor([1], [2])]]),
    nodes,
  });

const cast = (to: number, output: string) => makeNode('Cast', `/cast${to}`, ['t'], [output], { to: int(to) });

it('gives the same bits as the integer, on the UNet', async () => {
  const dims = FIXTURE_DIMS['sd15-tiny/unet']!;
  const integer = normalise(fixtureModel('sd15-tiny/unet'), dims);
  const float = floatTimestep(integer);
  const feeds = { ...feedsFor(integer, dims), timestep: new Tensor('int64', BigInt64Array.of(981n), [1]) };
  const [before, after] = [
    await runModel(integer, feeds),
    await runModel(float, { ...feeds, timestep: new Tensor('float32', Float32Array.of(981), [1]) }),
  ];
  expect(Buffer.from((after.out_sample!.data as Float32Array).buffer)).toEqual(
    Buffer.from((before.out_sample!.data as Float32Array).buffer),
  );
  expect(float.graph.inputs.map((input) => [input.name, input.type.dataType])).toContainEqual(['timestep', 'float32']);
  expect(float.graph.nodes.filter((node) => node.opType === 'Cast')).toEqual([]);
});

it('drops the Cast to float32 and keeps one to another type', () => {
  const expand = makeNode('Expand', '/e', ['timestep', 'two'], ['t']);
  const after = floatTimestep(
    model([
      expand,
      cast(1, 'f'),
      cast(10, 'h'),
      makeNode('CastLike', '/like', ['h', 'f'], ['g']),
      makeNode('Add', '/add', ['f', 'g'], ['y']),
    ]),
  );
  expect(after.graph.nodes.map((node) => `${node.opType}(${node.inputs})`)).toEqual([
    'Expand(timestep,two)',
    'Cast(t)',
    'CastLike(h,t)',
    'Add(t,g)',
  ]);
});

it('leaves a float timestep alone', () => {
  const transformer = fixtureModel('sd3-tiny/transformer');
  expect(floatTimestep(transformer)).toBe(transformer);
});

it.each<[string, Node[], RegExp]>([
  [
    'integer arithmetic',
    [makeNode('Mul', '/mul', ['timestep', 'two'], ['t']), makeNode('Cast', '/cast', ['t'], ['y'], { to: int(1) })],
    /computes with the integer timestep in node \/mul \(Mul\)/,
  ],
  ['an output that is the timestep', [makeNode('Expand', '/e', ['timestep', 'two'], ['y'])], /node \/e \(Expand\)/],
])('refuses %s', (_, nodes, message) => {
  expect(() => floatTimestep(model(nodes))).toThrowError(
    expect.objectContaining({ code: 'graph_unsupported', message: expect.stringMatching(message) }),
  );
});

it('refuses a model without a timestep', () => {
  expect(() => floatTimestep(fixtureModel('sd15-tiny/text_encoder'))).toThrowError(/has no input timestep; it has input_ids/);
});
