import { describe, expect, it } from 'vitest';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import type { Model, Node } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, largestDifference, runModel } from './run-model.ts';

function withEveryValueAsOutput(model: Model): Model {
  const inner = Array.from(model.graph.valueInfo, ([name, type]) => ({ name, type }));
  return { ...model, graph: { ...model.graph, outputs: [...model.graph.outputs, ...inner] } };
}

function layers(model: Model): string[] {
  return model.graph.nodes.filter((node) => ['Conv', 'MatMul', 'Gemm'].includes(node.opType)).map((node) => node.name);
}

function integerNodes(model: Model): Node[] {
  return model.graph.nodes.filter((node) => node.outputs.some((o) => model.graph.valueInfo.get(o)?.dataType === 'int64'));
}

describe.each(Object.entries(FIXTURE_DIMS))('%s', (name, dims) => {
  const raw = fixtureModel(name);
  const normal = normalise(raw, dims);

  it('knows the type of every value, and knows it right', async () => {
    const everything = withEveryValueAsOutput(normal);
    const outputs = await runModel(everything, feedsFor(normal, dims));
    const inferred = Object.fromEntries(everything.graph.outputs.map((o) => [o.name, [o.type.dataType, ...o.type.dims!]]));
    const actual = Object.fromEntries(Object.entries(outputs).map(([key, output]) => [key, [output.type, ...output.dims]]));
    expect(Object.keys(actual)).toHaveLength(normal.graph.nodes.reduce((sum, node) => sum + node.outputs.length, 0));
    expect(inferred).toEqual(actual);
  });

  it('computes what the raw model computes', async () => {
    const feeds = feedsFor(raw, dims);
    const [before, after] = [await runModel(raw, feeds), await runModel(normal, feeds)];
    for (const { name: output } of raw.graph.outputs) expect(largestDifference(after[output]!, before[output]!)).toBeLessThan(1e-5);
  });

  it('leaves no constant arithmetic', () => {
    const fed = new Set(normal.graph.inputs.map((input) => input.name));
    for (const node of normal.graph.nodes) for (const output of node.outputs) fed.add(output);
    expect(normal.graph.nodes.filter((node) => !node.inputs.some((input) => fed.has(input)))).toEqual([]);
    expect(normal.graph.nodes.length).toBeLessThan(raw.graph.nodes.length);
  });

  it('keeps every node name it keeps, and all names of layers', () => {
    const rawNames = new Set(raw.graph.nodes.map((node) => node.name));
    expect(normal.graph.nodes.filter((node) => !rawNames.has(node.name))).toEqual([]);
    expect(layers(normal)).toEqual(layers(raw));
  });

  it('is at its fixed point', () => {
    expect(writeModel(normalise(normal, {}))).toEqual(writeModel(normal));
  });
});

describe('integer arithmetic', () => {
  it('is gone from the UNet once its timestep is a float', () => {
    const unet = normalise(fixtureModel('sd15-tiny/unet'), FIXTURE_DIMS['sd15-tiny/unet']!);
    expect(integerNodes(unet).map((node) => node.opType)).toEqual(['Expand', 'Unsqueeze']);
    expect(integerNodes(floatTimestep(unet))).toEqual([]);
  });

  it('is gone from the text encoder', () => {
    expect(integerNodes(normalise(fixtureModel('sd15-tiny/text_encoder'), FIXTURE_DIMS['sd15-tiny/text_encoder']!))).toEqual([]);
  });
});
