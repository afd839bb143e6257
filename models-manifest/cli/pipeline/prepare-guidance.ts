/** The networks of metric guidance in the store, each as the engine takes it. */
import { DiptychError } from '../../../shared/errors.ts';
import { gramLayerOf } from '../../../shared/guidance/gram-layer.ts';
import { guidanceGraph, type GuidanceDecoder, type Metric } from '../../../shared/guidance/guidance-graph.ts';
import type { GraphEntry, GuidanceEntry, ImageEncoderEntry } from '../../../shared/manifest.ts';
import { GraphBuilder } from '../../../shared/onnx/builder.ts';
import { removeDead } from '../../../shared/onnx/dead-code.ts';
import { int, type GraphValue, type Model } from '../../../shared/onnx/ir.ts';
import type { Store } from '../store.ts';
import { fixDims, inputNames } from './fix-dims.ts';
import type { EncoderName } from './preprocessing.ts';
import { fixEncoder } from './read-encoders.ts';
import type { GuidanceParts, ImageEncoderPart } from './read-guidance.ts';
import type { Part } from './read-part.ts';

export interface GuidanceContext {
  /** [1, channels, height, width] */
  latentDims: readonly number[];
  image: { height: number; width: number };
  /** The pipeline's own decoder, normalised, and its scaling factor. */
  decoder: Model;
  scalingFactor: number;
  keep: (part: Part, normal: Model) => Promise<GraphEntry>;
  store: Store;
}

/**
 * Fixes the dims of the networks of `parts`, makes their embeddings their first outputs, and sees that a gradient of each exists.
 *
 * @throws DiptychError `graph_unsupported` naming file, operator and what to do
 */
export async function prepareGuidance(parts: GuidanceParts, context: GuidanceContext): Promise<GuidanceEntry> {
  const tiny = parts.tinyDecoder && (await fixTinyDecoder(parts.tinyDecoder, context));
  const encoders = new Map<EncoderName, { part: ImageEncoderPart; model: Model }>();
  for (const [name, part] of parts.encoders) encoders.set(name, { part, model: await fixImageEncoder(part) });
  const clip = encoders.get('clip');
  const gramLayer = clip && gramLayerOf(clip.model);
  const metrics = Array.from(encoders, ([name, { part, model }]): Metric & { file: string } => ({
    name,
    encoder: model,
    preprocessing: part.preprocessing,
    file: part.file,
  }));
  const full: GuidanceDecoder = { model: context.decoder, inputScale: 1 / context.scalingFactor, range: 'minus one to one' };
  await requireGradients(full, 'vae_decoder', metrics);
  if (tiny) await requireGradients({ model: tiny, inputScale: 1, range: 'zero to one' }, parts.tinyDecoder!.file, metrics);
  const { keep } = context;
  const entries: Partial<Record<EncoderName, ImageEncoderEntry>> = {};
  for (const [name, { part, model }] of encoders)
    entries[name] = {
      graph: await keep(part, model),
      preprocessing: preprocessingEntry(part),
      ...(name === 'clip' && gramLayer ? { gramLayer } : {}),
    };
  return {
    ...(tiny ? { tinyDecoder: await keep(parts.tinyDecoder!, tiny) } : {}),
    encoders: entries,
    ...(parts.clipText && clip ? { clipText: await prepareTower(parts.clipText, clip.model, context) } : {}),
  };
}

function preprocessingEntry({ preprocessing: { height, width, mean, std } }: ImageEncoderPart): ImageEncoderEntry['preprocessing'] {
  return { height, width, mean: mean as [number, number, number], std: std as [number, number, number] };
}

async function fixTinyDecoder(part: NonNullable<GuidanceParts['tinyDecoder']>, { latentDims, image }: GuidanceContext): Promise<Model> {
  const model = await fixed(part, latentDims);
  const output = model.graph.outputs[0]!;
  const dims = dimsOf(model, output);
  if (dims?.join() !== [1, 3, image.height, image.width].join()) {
    const reason = `makes [${dims?.join(', ') ?? '?'}] of a latent, where vae_decoder makes [1, 3, ${image.height}, ${image.width}]`;
    throw unsuitable(part.file, `${reason}; export the tiny decoder of this very model`);
  }
  return part.signed ? inUnitRange(model) : model;
}

/** (x + 1) / 2 of the output. */
function inUnitRange(model: Model): Model {
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers), nodes: [...model.graph.nodes] };
  const builder = new GraphBuilder(graph, model.opsets.get('')!);
  builder.scope('unit');
  const [{ name, type }] = graph.outputs as [GraphValue];
  const half = builder.add('Mul', 'half', [name, builder.floats([1], [0.5])]);
  const unit = builder.add('Add', 'picture', [half, builder.floats([1], [0.5])]);
  graph.nodes.push(...builder.nodes);
  graph.outputs = [{ name: unit, type }];
  return { ...model, graph };
}

/** The outputs of public image encoders that are embeddings, the best one first. */
const EMBEDDINGS = ['image_embeds', 'features', 'pooler_output'];

/** [1, 3, height, width] to [1, width]: the encoder's embedding, or the class token of its last hidden state. */
async function fixImageEncoder(part: ImageEncoderPart): Promise<Model> {
  const { height, width } = part.preprocessing;
  const inputs = inputNames(part);
  if (inputs.length !== 1) throw unsuitable(part.file, `has the inputs ${inputs.join(', ')}, where an image encoder has one`);
  const model = await fixed(part, [1, 3, height, width]);
  const { outputs } = model.graph;
  const named = EMBEDDINGS.map((name) => outputs.find((output) => output.name === name));
  const flat = [...named, ...outputs].find((output) => output && dimsOf(model, output)?.length === 2);
  if (flat) return withOutput(model, flat.name, dimsOf(model, flat)!);
  const tokens = outputs.find((output) => dimsOf(model, output)?.length === 3);
  if (tokens) return withClassToken(model, tokens.name, dimsOf(model, tokens)!);
  const shapes = outputs.map((output) => `${output.name} [${dimsOf(model, output)?.join(', ') ?? '?'}]`).join(', ');
  throw unsuitable(part.file, `has no embedding [1, width] among its outputs ${shapes}; export it with image_embeds or pooler_output`);
}

function withOutput(model: Model, name: string, dims: readonly number[]): Model {
  const output: GraphValue = { name, type: { dataType: 'float32', dims: [...dims] } };
  return { ...model, graph: removeDead({ ...model.graph, outputs: [output] }) };
}

function withClassToken(model: Model, name: string, [, , width]: readonly number[]): Model {
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers), nodes: [...model.graph.nodes] };
  const builder = new GraphBuilder(graph, model.opsets.get('')!);
  builder.scope('embedding');
  const token = builder.add('Gather', 'class_token', [name, builder.int64s([0])], { axis: int(1) });
  const flat = builder.add('Reshape', 'flat', [token, builder.int64s([1, width!])]);
  graph.nodes.push(...builder.nodes);
  return withOutput({ ...model, graph }, flat, [1, width!]);
}

/** A network without a gradient is refused here, not in the visitor's browser. */
async function requireGradients(
  decoder: GuidanceDecoder,
  decoderFile: string,
  metrics: readonly (Metric & { file: string })[],
): Promise<void> {
  for (const metric of metrics) {
    await suitable(`${metric.file} with ${decoderFile}`, () => guidanceGraph(decoder, [metric]));
  }
}

async function prepareTower(
  part: NonNullable<GuidanceParts['clipText']>,
  clip: Model,
  { keep, store }: GuidanceContext,
): Promise<NonNullable<GuidanceEntry['clipText']>> {
  const model = await fixEncoder(part, part.text.maxLength, 1);
  const wanted = dimsOf(clip, clip.graph.outputs[0]!)!;
  const output = model.graph.outputs.find((candidate) => dimsOf(model, candidate)?.join() === wanted.join());
  if (!output) {
    const shapes = model.graph.outputs.map((candidate) => `${candidate.name} [${dimsOf(model, candidate)?.join(', ') ?? '?'}]`).join(', ');
    throw unsuitable(
      part.file,
      `has no output [${wanted.join(', ')}], as wide as the image encoder's, among ${shapes}; export it with text_embeds`,
    );
  }
  const tokenizer = await store.put(new TextEncoder().encode(part.tokenizerJson));
  return { graph: await keep(part, withOutput(model, output.name, wanted)), text: { ...part.text, tokenizer } };
}

function dimsOf({ graph }: Model, { name, type }: GraphValue): number[] | undefined {
  const dims = type.dims ?? graph.valueInfo.get(name)?.dims;
  return dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
}

const unsuitable = (file: string, reason: string): DiptychError =>
  new DiptychError('graph_unsupported', `${file} ${reason}. Metric guidance needs it; --no-guidance prepares the model without.`, { file });

const fixed = (part: Part, dims: readonly number[]): Promise<Model> =>
  suitable(part.file, () => fixDims(part, { [inputNames(part)[0]!]: dims }));

/** What makes a network unsuitable is told with the way out. */
async function suitable<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw thrown instanceof DiptychError && thrown.code === 'graph_unsupported'
      ? unsuitable(file, `cannot be used: ${thrown.message}`)
      : thrown;
  }
}
