import { Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { plannedPeak } from '../../../shared/autodiff/planned-peak.ts';
import { GUIDANCE, guidanceGraph, type GuidanceDecoder, type Metric } from '../../../shared/guidance/guidance-graph.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { vaeDecoder } from '../autodiff/full-size-decoders.ts';
import { feedsFor, largestDifference, runModel } from '../onnx/run-model.ts';
import { clipOfFixture, dinoOfFixture, tinyDecoder } from './read-network.ts';

const preprocessing = { height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

async function metrics(): Promise<Metric[]> {
  return [
    { name: 'dino', encoder: await dinoOfFixture(), preprocessing },
    { name: 'clip', encoder: await clipOfFixture(), preprocessing },
  ];
}

test('a guidance graph that makes values again points the same way', async () => {
  const decoder: GuidanceDecoder = { model: await tinyDecoder(), inputScale: 1, range: 'zero to one' };
  const both = await metrics();
  const [keeping, again] = [guidanceGraph(decoder, both, Infinity), guidanceGraph(decoder, both, 0)];
  validateModel(again);
  expect(again.graph.nodes.length).toBeGreaterThan(keeping.graph.nodes.length);
  const feeds = feedsFor(keeping, Object.fromEntries(keeping.graph.inputs.map(({ name, type }) => [name, type.dims as number[]])));
  feeds[GUIDANCE.eta] = new Tensor('float32', [0.1], [1]);
  const [expected, actual] = [await runModel(keeping, feeds), await runModel(again, feeds)];
  expect(largestDifference(actual[GUIDANCE.direction]!, expected[GUIDANCE.direction]!)).toBeLessThan(1e-4);
  expect(actual[GUIDANCE.scores]!.data).toEqual(expected[GUIDANCE.scores]!.data);
});

test('through the full-size VAE decoder at 512 px, the graph of two metrics makes values again by itself and stays below 6 GB', async () => {
  const both = await metrics();
  const decoder = (): GuidanceDecoder => {
    const { graph, ...model } = vaeDecoder();
    const nodes = graph.nodes.filter(({ name }) => !name.startsWith('loss/'));
    const picture = { name: nodes.at(-1)!.outputs[0]!, type: { dataType: 'float32' as const, dims: [1, 3, 512, 512] } };
    const bare = { ...graph, nodes, inputs: graph.inputs.slice(0, 1), outputs: [picture] };
    return { model: { ...model, opsets: both[0]!.encoder.opsets, graph: bare }, inputScale: 1 / 0.18215, range: 'minus one to one' };
  };
  const [keeping, byItself] = [guidanceGraph(decoder(), both, Infinity), guidanceGraph(decoder(), both)].map(({ graph }) => plannedPeak(graph)); // prettier-ignore
  expect(keeping!.bytes).toBeGreaterThan(6e9);
  expect(byItself!.bytes).toBeLessThan(4e9);
});
