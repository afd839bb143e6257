import * as fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { externalise } from '../../../shared/onnx/externalise.ts';
import type { ReadExternal } from '../../../shared/onnx/external.ts';
import type { Model, Tensor } from '../../../shared/onnx/ir.ts';
import { loadExternal } from '../../../shared/onnx/load-external.ts';
import { type Shard, ShardWriter } from '../../../shared/onnx/shard-writer.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { makeModel } from './build-model.ts';
import { fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, runModel } from './run-model.ts';

const nothing: ReadExternal = (location) => Promise.reject(new Error(`no file ${location}`));

function memory(shardBytes: number) {
  const files = new Map<string, Uint8Array>();
  const writer = new ShardWriter(shardBytes, async ({ sha256, bytes }: Shard) => void files.set(sha256, bytes));
  const read: ReadExternal = async (location, offset, length) => files.get(location)!.slice(offset, offset + length);
  return { files, writer, read };
}

const bytesTensor = (length: number, seed: number): Tensor => ({
  dataType: 'uint8',
  dims: [length],
  data: { kind: 'inline', bytes: Uint8Array.from({ length }, (_, i) => (i * 7 + seed) % 251) },
});

const holding = (...lengths: number[]): Model =>
  makeModel({ outputs: [], initializers: new Map(lengths.map((length, i) => [`t${i}`, bytesTensor(length, i)])) });

describe('sharding', () => {
  it('fills shards in order, never splits a tensor, gives one that is too large a shard of its own', async () => {
    const { files, writer } = memory(10_000);
    const { model, weights } = await externalise(holding(4000, 5000, 2000, 25_000, 3000, 1024), writer, nothing);
    expect([...files.values()].map((bytes) => bytes.length)).toEqual([4032 + 5000, 25_000, 2048 + 3000]);
    const places = Array.from(model.graph.initializers.values(), ({ data }) => data);
    expect(
      places.map((data) => (data.kind === 'external' ? [[...files.keys()].indexOf(data.location), data.offset, data.length] : 'inline')),
    ).toEqual([[0, 0, 4000], [0, 4032, 5000], [2, 0, 2000], [1, 0, 25_000], [2, 2048, 3000], 'inline']);
    expect(new Set(weights.map(({ path, bytes }) => `${path} ${bytes}`))).toEqual(
      new Set(Array.from(files, ([path, bytes]) => `${path} ${bytes.length}`)),
    );
  });

  it('names shards by their content', async () => {
    const { files, writer } = memory(10_000);
    await externalise(holding(4000, 7000), writer, nothing);
    for (const [name, bytes] of files) expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
  });

  it('packs equal tensors once, across models too', async () => {
    const { files, writer } = memory(10_000);
    const first = await externalise(holding(4000, 5000), writer, nothing);
    const second = await externalise(holding(4000, 6000), writer, nothing);
    expect(second.model.graph.initializers.get('t0')).toEqual(first.model.graph.initializers.get('t0'));
    expect(files.size).toBe(2);
    expect(second.weights.map(({ path }) => path)).toEqual([...files.keys()]);
  });

  it('gives back every byte, whatever the sizes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 12 }),
        fc.integer({ min: 64, max: 9000 }),
        async (lengths, shardBytes) => {
          const { files, writer, read } = memory(shardBytes);
          const { model } = await externalise(holding(...lengths), writer, nothing);
          expect(await loadExternal(model, read)).toEqual(holding(...lengths));
          const packed = [...files.values()].filter((bytes) => bytes.length > shardBytes);
          expect(packed.every((bytes) => lengths.includes(bytes.length))).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('tensors that are external already', () => {
  it('are read, and repacked', async () => {
    const [old, fresh] = [memory(100_000), memory(3000)];
    const before = await externalise(holding(2000, 2500), old.writer, nothing);
    const after = await externalise(before.model, fresh.writer, old.read);
    expect(fresh.files.size).toBe(2);
    expect(await loadExternal(after.model, fresh.read)).toEqual(holding(2000, 2500));
  });

  it('are loaded only up to a size, if one is given', async () => {
    const { writer, read } = memory(100_000);
    const { model } = await externalise(holding(2000, 2500), writer, nothing);
    const loaded = await loadExternal(model, read, 2000);
    expect(Array.from(loaded.graph.initializers.values(), ({ data }) => data.kind)).toEqual(['inline', 'external']);
  });

  it('must be whole', async () => {
    const { writer } = memory(100_000);
    const { model } = await externalise(holding(2000), writer, nothing);
    await expect(loadExternal(model, async () => new Uint8Array(1999))).rejects.toMatchObject({
      code: 'onnx_malformed',
      message: expect.stringMatching(/1999 of the 2000 bytes of tensor t0/),
    });
  });
});

it('stops when it is told to', async () => {
  await expect(externalise(holding(2000), memory(100).writer, nothing, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
});

it('runs from its shards as it ran whole, bit by bit', async () => {
  const name = 'sd15-tiny/vae_decoder';
  const whole = fixtureModel(name);
  const { files, writer } = memory(100_000);
  const { model, weights } = await externalise(whole, writer, nothing);
  const folder = mkdtempSync(join(tmpdir(), 'diptych-shards-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const { path } of weights) writeFileSync(join(folder, path), files.get(path)!);
  const topology = writeModel(model);
  expect(topology.length).toBeLessThan(writeModel(whole).length / 4);
  writeFileSync(join(folder, 'model.onnx'), topology);
  const session = await InferenceSession.create(join(folder, 'model.onnx'), { graphOptimizationLevel: 'disabled' });
  onTestFinished(() => session.release());
  const feeds = feedsFor(whole, FIXTURE_DIMS[name]!);
  const [actual, expected] = [await session.run(feeds), await runModel(whole, feeds)];
  expect(Buffer.from((actual.sample!.data as Float32Array).buffer)).toEqual(Buffer.from((expected.sample!.data as Float32Array).buffer));
});
