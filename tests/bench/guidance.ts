/** What metric guidance costs: its network forward, and forward and backward; a guided step beside an unguided one. All in one run, on the demo model. */
import { readFile } from 'node:fs/promises';
import { Engine } from '../../client/engine/engine.ts';
import { openNodeRuntime } from '../../client/engine/sessions/node.ts';
import type { Runtime, RuntimeTensor, Session } from '../../client/engine/sessions/runtime.ts';
import { withDemoStore } from '../../models-manifest/cli/demo/with-demo-store.ts';
import { folderBlobs } from '../../models-manifest/cli/folder-blobs.ts';
import type { Store } from '../../models-manifest/cli/store.ts';
import { GUIDANCE, type GuidanceDecoder, guidanceGraph, type Metric } from '../../shared/guidance/guidance-graph.ts';
import { GUIDANCE_DECODERS } from '../../shared/guidance/settings.ts';
import type { GraphEntry, ModelEntry } from '../../shared/manifest.ts';
import { removeDead } from '../../shared/onnx/dead-code.ts';
import type { GraphValue, Model } from '../../shared/onnx/ir.ts';
import { readModel } from '../../shared/onnx/read.ts';
import { writeModel } from '../../shared/onnx/write.ts';
import type { Backend } from '../../shared/protocol.ts';
import { demoRequest, PAIR } from './demo-request.ts';
import { median } from './median.ts';

export interface GuidanceOptions {
  backend: Backend;
  rounds: number;
  steps: number;
}

/** Those that guide where nothing else is asked. */
const METRICS = ['dino', 'clip'] as const;

type DecoderKind = (typeof GUIDANCE_DECODERS)[number];

export function benchGuidance(options: GuidanceOptions): Promise<void> {
  return withDemoStore(async (store) => {
    const model = await store.model(undefined);
    const decoders = GUIDANCE_DECODERS.filter((kind) => kind === 'vae' || model.guidance?.tinyDecoder);
    console.log(`Demo model on ${options.backend}, ${PAIR.subject} x ${PAIR.style}, median of ${options.rounds} rounds\n`);
    await networks(store, model, decoders, options);
    await steps(store, decoders, options);
  });
}

/** Forward: decoder, encoders and scores. Backward: what the gradients take beyond that, one way back a metric. */
async function networks(
  store: Store,
  entry: ModelEntry,
  decoders: readonly DecoderKind[],
  { backend, rounds }: GuidanceOptions,
): Promise<void> {
  const runtime = await openNodeRuntime(backend);
  console.log('| decoder | forward, ms | forward and backward, ms | backward / forward |');
  console.log('| --- | --- | --- | --- |');
  for (const kind of decoders) {
    const { model, weights } = await network(store, entry, kind);
    const feeds = randomFeeds(runtime, model.graph.inputs);
    const forward = await runtime.createSession(writeModel(withoutGradients(model)), weights);
    const full = await runtime.createSession(writeModel(model), weights);
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round++) {
      const pair = [await milliseconds(forward, feeds), await milliseconds(full, feeds)];
      // The first round compiles and fills caches.
      if (round > 0) pair.forEach((ms, k) => times[k]!.push(ms));
    }
    const [one, both] = times.map(median) as [number, number];
    console.log(`| ${kind} | ${one.toFixed(1)} | ${both.toFixed(1)} | ${((both - one) / one).toFixed(2)} |`);
    await forward.release();
    await full.release();
  }
  await runtime.close();
}

async function network(store: Store, entry: ModelEntry, kind: DecoderKind) {
  const tiny = kind === 'tiny';
  const graph = tiny ? entry.guidance!.tinyDecoder! : entry.graphs.decoder;
  const read = async ({ topology }: GraphEntry) => readModel(await readFile(store.blobPath(topology.sha256)), topology.sha256);
  const decoder: GuidanceDecoder = {
    model: await read(graph),
    inputScale: tiny ? 1 : 1 / entry.latent.scalingFactor,
    range: tiny ? 'zero to one' : 'minus one to one',
  };
  const metrics: Metric[] = [];
  const shards = [...graph.weights];
  for (const name of METRICS) {
    const encoder = entry.guidance!.encoders[name]!;
    metrics.push({ name, encoder: await read(encoder.graph), preprocessing: encoder.preprocessing });
    shards.push(...encoder.graph.weights);
  }
  const weights = await Promise.all(
    shards.map(async ({ path, sha256 }) => ({ path, data: new Uint8Array(await readFile(store.blobPath(sha256))) })),
  );
  return { model: guidanceGraph(decoder, metrics), weights };
}

function withoutGradients(model: Model): Model {
  const outputs = model.graph.outputs.filter(({ name }) => METRICS.some((metric) => name === GUIDANCE.score(metric)));
  return { ...model, graph: removeDead({ ...model.graph, outputs }) };
}

function randomFeeds(runtime: Runtime, inputs: readonly GraphValue[]): Record<string, RuntimeTensor> {
  const tensor = ({ type }: GraphValue) => {
    const dims = type.dims as number[];
    const count = dims.reduce((product, dim) => product * dim, 1);
    return runtime.upload(Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * i)), dims); // prettier-ignore
  };
  return Object.fromEntries(inputs.map((input) => [input.name, tensor(input)]));
}

async function milliseconds(session: Session, feeds: Record<string, RuntimeTensor>): Promise<number> {
  const wanted = Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!]));
  const started = performance.now();
  await session.run(wanted);
  return performance.now() - started;
}

async function steps(store: Store, decoders: readonly DecoderKind[], { backend, rounds, steps: count }: GuidanceOptions): Promise<void> {
  const request = await demoRequest(store, count);
  const engines = new Map(
    ['none', ...decoders].map((name) => [name, new Engine({ openRuntime: openNodeRuntime, openBlobs: async () => folderBlobs(store) })]),
  );
  const times = new Map([...engines.keys()].map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, engine] of engines) {
      await engine.start({ backend });
      const guidance = name === 'none' ? {} : { guidance: { decoder: name as DecoderKind } };
      const { timings } = await engine.generate({ ...request, ...guidance }, () => {});
      if (round > 0) times.get(name)!.push(timings.stepMs.reduce((sum, ms) => sum + ms, 0) / count);
    }
  for (const engine of engines.values()) await engine.close();
  const unguided = times.get('none')!;
  console.log(`\n| guidance, ${count} steps under kl | ms a step | x unguided |`);
  console.log('| --- | --- | --- |');
  for (const [name, ms] of times)
    console.log(`| ${name} | ${median(ms).toFixed(1)} | ${median(ms.map((value, round) => value / unguided[round]!)).toFixed(2)} |`);
}
