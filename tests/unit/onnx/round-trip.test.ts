import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { printGraph } from '../../../shared/onnx/print.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { FIXTURE_MODELS, fixtureBytes, fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, runModel } from './run-model.ts';

describe.each(FIXTURE_MODELS)('%s', (name) => {
  const model = fixtureModel(name);

  it('is the same model after write and read', () => {
    // Not toEqual: it walks the whole file's buffer behind each of the hundreds of views.
    expect(isDeepStrictEqual(readModel(writeModel(model), name), model)).toBe(true);
  });

  it('gives the same bytes twice', () => {
    const bytes = writeModel(model);
    expect(Buffer.compare(writeModel(readModel(bytes, name)), bytes)).toBe(0);
  });

  it('is valid and prints one line a node', () => {
    validateModel(model);
    const { nodes, initializers } = model.graph;
    expect(nodes.length).toBeGreaterThan(0);
    expect(nodes.every((node) => [...node.attributes.values()].every((a) => a.kind !== 'graph'))).toBe(true);
    expect(printGraph(model.graph).trimEnd().split('\n')).toHaveLength(nodes.length + initializers.size + 3);
  });
});

it('computes the same bits before and after', async () => {
  const name = 'sd15-tiny/unet';
  const model = fixtureModel(name);
  const feeds = feedsFor(model, FIXTURE_DIMS[name]!);
  const before = await runModel(fixtureBytes(name), feeds);
  const after = await runModel(model, feeds);
  expect(after.out_sample!.dims).toEqual([2, 4, 16, 16]);
  expect(isDeepStrictEqual(after.out_sample!.data, before.out_sample!.data)).toBe(true);
});
