/** The goldens of metric guidance: the direction g at the golden latent, through the VAE's decoder or the tiny one, by both metrics or one. */
import { GuidanceNetwork, type MetricFeed } from '../../../client/engine/guidance-network.ts';
import { LoadedGraph } from '../../../client/engine/loaded-graph.ts';
import type { DeviceLatents } from '../../../client/engine/device-latents.ts';
import { GUIDANCE, type GuidanceDecoder, guidanceGraph, type Metric } from '../../../shared/guidance/guidance-graph.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { fixDims, inputNames } from '../pipeline/fix-dims.ts';
import { PIXELS } from '../pipeline/preprocessing.ts';
import { readPart } from '../pipeline/read-part.ts';
import type { Bench } from './bench.ts';
import { type GoldenFolder, goldenTensor } from './golden-folder.ts';

type DecoderKind = 'vae' | 'tiny';

/** The metrics that goldens are of. */
const METRICS = ['dino', 'clip'] as const;
type MetricName = (typeof METRICS)[number];

/** Of the goldens. */
const WEIGHTS: Readonly<Record<MetricName, number>> = { dino: 1, clip: 0.7 };

/** What the golden `name` is the direction of; undefined for other goldens. */
export function directionOf(name: string): { decoder: DecoderKind; metrics: MetricName[] } | undefined {
  const match = /^guidance\.(vae|tiny)\.gradient(?:\.(dino|clip)_alone)?$/.exec(name);
  if (!match) return undefined;
  return { decoder: match[1] as DecoderKind, metrics: match[2] ? [match[2] as MetricName] : [...METRICS] };
}

/** g at the golden latent. */
export async function direction(bench: Bench, decoder: DecoderKind, metrics: readonly MetricName[]): Promise<Float32Array> {
  const graph = await bench.once(`guidance ${decoder}`, () => loadGuidance(bench, decoder));
  const { data, dims } = goldenTensor(bench.folder, 'latent');
  const feeds = metricFeeds(bench.folder, metrics);
  const outputs = await graph.session.run({
    [GUIDANCE.x0]: bench.runtime.upload(data, dims),
    [GUIDANCE.eta]: bench.runtime.host(Float32Array.of(0), [1]),
    ...Object.fromEntries(
      Object.entries(feeds).flatMap(([name, { weight, reference }]) => [
        [GUIDANCE.weight(name), bench.runtime.host(Float32Array.of(weight), [1])],
        [GUIDANCE.reference(name), bench.runtime.host(reference, [1, reference.length])],
      ]),
    ),
  });
  return bench.runtime.read(outputs[GUIDANCE.direction]!);
}

/** The refinement of the guided trajectory: tiny decoder, one iteration a step. The caller keeps x0. */
export async function refinement(bench: Bench, latents: DeviceLatents) {
  const network = new GuidanceNetwork(await bench.once('guidance tiny', () => loadGuidance(bench, 'tiny')), latents, METRICS);
  const feeds = metricFeeds(bench.folder, METRICS);
  return async (x0: Parameters<GuidanceNetwork['refine']>[0]) => {
    const refined = await network.refine(x0, bench.folder.json['guidance.eta'], feeds);
    network.discard(refined.scores);
    return refined.x0;
  };
}

/** A metric that is left out of `metrics` has no weight. */
function metricFeeds(folder: GoldenFolder, metrics: readonly MetricName[]): Record<MetricName, MetricFeed> {
  const feed = (name: MetricName): MetricFeed => ({
    weight: metrics.includes(name) ? WEIGHTS[name] : 0,
    reference: goldenTensor(folder, `guidance.reference.${name}`).data,
  });
  return { dino: feed('dino'), clip: feed('clip') };
}

async function loadGuidance(bench: Bench, kind: DecoderKind): Promise<LoadedGraph> {
  const { root, scalingFactor, shiftFactor } = bench.folder;
  const vae = kind === 'vae';
  const decoder: GuidanceDecoder = {
    model: await fixedPart(root, vae ? 'vae_decoder' : 'tiny_decoder', goldenTensor(bench.folder, 'latent').dims),
    inputScale: vae ? 1 / scalingFactor : 1,
    inputShift: vae ? shiftFactor : 0,
    range: vae ? 'minus one to one' : 'zero to one',
  };
  const metrics = await Promise.all(METRICS.map((name) => metricOf(root, name)));
  const options = { name: `${root} guidance`, modules: [], form: { applies: true }, session: { strict: true } };
  return LoadedGraph.of(bench.runtime, guidanceGraph(decoder, metrics), [], options);
}

async function metricOf(root: string, name: MetricName): Promise<Metric> {
  const folder = `image_encoder_${name}`;
  const { model } = await readPart(root, [folder]);
  const [, , height, width] = model.graph.inputs[0]!.type.dims as number[];
  return {
    name,
    encoder: await fixedPart(root, folder, [1, 3, height!, width!]),
    preprocessing: { height: height!, width: width!, ...PIXELS[name] },
  };
}

async function fixedPart(root: string, folder: string, dims: number[]): Promise<Model> {
  const part = await readPart(root, [folder]);
  return fixDims(part, { [inputNames(part)[0]!]: dims });
}
