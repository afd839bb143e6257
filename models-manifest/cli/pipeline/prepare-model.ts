/** `diptych prepare`: from a pipeline folder to a model of the catalogue. */
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { type GraphEntry, type LayerEntry, ModelEntry, SchedulerConfig } from '../../../shared/manifest.ts';
import { externalise } from '../../../shared/onnx/externalise.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { halveWeights } from '../../../shared/onnx/halve-weights.ts';
import type { Dim, Graph, Model } from '../../../shared/onnx/ir.ts';
import { loadExternal } from '../../../shared/onnx/load-external.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { ShardWriter } from '../../../shared/onnx/shard-writer.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import type { Store } from '../store.ts';
import { readConfig } from './read-config.ts';
import { type Part, readPart } from './read-part.ts';
import { readText } from './read-text.ts';
import { refuseFused } from './refuse-fused.ts';

export interface PrepareOptions {
  id: string;
  name: string;
  license: string;
  author: string;
  weights: 'float32' | 'float16';
  /** The most bytes of a shard. */
  shardBytes: number;
  /** Of the latent; from `unet/config.json` where left out. */
  height?: number;
  width?: number;
  steps: number;
  guidanceScale: number;
}

/** What is being done, of how many such stages. */
export type OnStage = (stage: string, done: number, total: number) => void;

const Size = v.pipe(v.number(), v.integer(), v.minValue(1));
const SampleSize = v.looseObject({ sample_size: v.optional(v.union([Size, v.tuple([Size, Size])])) });
const About = v.pick(ModelEntry, ['id', 'name', 'license', 'author']);
const VaeConfig = v.looseObject({ scaling_factor: v.number() });

/**
 * Prepares the pipeline folder `root` into `store`. Nothing is added to the catalogue before every file of the model is there.
 *
 * @throws DiptychError `usage` for an id, name, licence or author that the catalogue cannot hold; `pipeline_incomplete`,
 * `graph_unsupported`, `onnx_malformed`, `onnx_invalid`, `cancelled`
 */
export async function prepareModel(
  root: string,
  store: Store,
  options: PrepareOptions,
  onStage: OnStage,
  signal?: AbortSignal,
): Promise<ModelEntry> {
  const about = described(options);
  const stages = ['reading', 'text encoder', 'denoiser', 'decoder'];
  const stage = (index: number) => onStage(stages[index]!, index, stages.length);
  stage(0);
  const [textPart, denoiserPart, decoderPart] = await Promise.all([
    readPart(root, ['text_encoder']),
    readPart(root, ['unet']),
    readPart(root, ['vae_decoder']),
  ]);
  const { text, tokenizerJson } = await readText(root);
  const scheduler = await configured(root, 'scheduler/scheduler_config.json', SchedulerConfig, 'it says how to sample');
  const vae = await configured(root, 'vae_decoder/config.json', VaeConfig, 'it holds scaling_factor');
  const latent = { ...(await latentSize(root, denoiserPart, options)), scalingFactor: vae.scaling_factor };
  const latentDims = [latent.channels, latent.height, latent.width];

  const shards = new ShardWriter(options.shardBytes, async ({ bytes }) => void (await store.put(bytes)));
  const keep = async (part: Part, normal: Model): Promise<GraphEntry> => {
    const light = options.weights === 'float16' ? halveWeights(normal) : normal;
    const { model, weights } = await externalise(light, shards, part.readExternal, signal);
    return { topology: await store.put(writeModel(model)), weights };
  };

  stage(1);
  const textEncoder = await fixed(textPart, { [inputNames(textPart)[0]!]: [2, text.maxLength] });
  const textEntry = await keep(textPart, textEncoder);
  stage(2);
  const context = lastDim(textEncoder.graph, textPart.file);
  const denoiser = floatTimestep(await fixed(denoiserPart, denoiserDims(denoiserPart, [2, ...latentDims], [2, text.maxLength, context])));
  const layers = { denoiser: layersOf(denoiser.graph), textEncoder: layersOf(textEncoder.graph) };
  refuseFused(denoiser.graph, layers.denoiser, denoiserPart.file);
  const denoiserEntry = await keep(denoiserPart, denoiser);
  stage(3);
  const decoder = await fixed(decoderPart, { [inputNames(decoderPart)[0]!]: [1, ...latentDims] });
  const decoderEntry = await keep(decoderPart, decoder);

  const model = v.parse(ModelEntry, {
    ...about,
    latent,
    image: imageSize(decoder.graph, decoderPart.file),
    scheduler,
    text: { ...text, tokenizer: await store.put(new TextEncoder().encode(tokenizerJson)) },
    graphs: { textEncoder: textEntry, denoiser: denoiserEntry, decoder: decoderEntry },
    layers,
    defaults: { steps: options.steps, guidanceScale: options.guidanceScale },
  });
  await store.addModel(model);
  onStage('done', stages.length, stages.length);
  return model;
}

function described(options: PrepareOptions): v.InferOutput<typeof About> {
  const parsed = v.safeParse(About, options);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'the model';
  throw new DiptychError('usage', `${field} ${JSON.stringify(issue.input)}: ${issue.message}; give another by --${field}`, { field });
}

/** With its weights here: what an export left to compute from them is folded, and they can be halved. */
const fixed = async ({ model, readExternal }: Part, dims: Record<string, number[]>): Promise<Model> =>
  normalise(await loadExternal(model, readExternal), dims);

async function configured<S extends v.GenericSchema>(root: string, name: string, schema: S, why: string): Promise<v.InferOutput<S>> {
  const value = await readConfig(root, name, schema);
  if (value === undefined) throw new DiptychError('pipeline_incomplete', `${root} has no ${name}; ${why}`, { file: name });
  return value;
}

const inputNames = ({ model }: Part): string[] =>
  model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name)).map(({ name }) => name);

const layersOf = (graph: Graph): LayerEntry[] => findSites(graph).map((site) => site.layer);

/** Channels are the UNet's own; height and width the caller's or `sample_size`. */
async function latentSize(
  root: string,
  part: Part,
  { height, width }: PrepareOptions,
): Promise<{ channels: number; height: number; width: number }> {
  const sample = part.model.graph.inputs.find(({ name }) => name === 'sample');
  const channels = sample?.type.dims?.[1];
  if (typeof channels !== 'number') {
    throw new DiptychError(
      'graph_unsupported',
      `${part.file} has no input sample [batch, channels, height, width] with a fixed number of channels`,
      { file: part.file },
    );
  }
  const config = await readConfig(root, 'unet/config.json', SampleSize);
  const [configHeight, configWidth] = Array.isArray(config?.sample_size) ? config.sample_size : [config?.sample_size, config?.sample_size];
  const size = { height: height ?? configHeight, width: width ?? configWidth };
  if (size.height !== undefined && size.width !== undefined) return { channels, height: size.height, width: size.width };
  throw new DiptychError(
    'pipeline_incomplete',
    `${root}/unet/config.json has no sample_size; give the latent's size by --height and --width`,
    { field: 'sample_size' },
  );
}

function denoiserDims(part: Part, sample: number[], context: number[]): Record<string, number[]> {
  const known: Record<string, number[]> = { sample, timestep: [1], encoder_hidden_states: context };
  const unknown = inputNames(part).filter((name) => known[name] === undefined);
  if (unknown.length > 0) {
    throw new DiptychError(
      'graph_unsupported',
      `${part.file} has the input ${unknown.join(', ')}; only sample, timestep and encoder_hidden_states are supported yet`,
      { inputs: unknown },
    );
  }
  return Object.fromEntries(inputNames(part).map((name) => [name, known[name]!]));
}

function outputDims(graph: Graph, file: string): readonly Dim[] {
  const dims = graph.outputs[0]?.type.dims ?? graph.valueInfo.get(graph.outputs[0]?.name ?? '')?.dims;
  if (dims) return dims;
  throw new DiptychError('graph_unsupported', `the shape of the output of ${file} cannot be inferred`, { file });
}

function lastDim(graph: Graph, file: string): number {
  const width = outputDims(graph, file).at(-1);
  if (typeof width === 'number') return width;
  throw new DiptychError('graph_unsupported', `the width of the output of ${file} cannot be inferred`, { file });
}

function imageSize(graph: Graph, file: string): { height: number; width: number } {
  const [, channels, height, width] = outputDims(graph, file);
  if (channels === 3 && typeof height === 'number' && typeof width === 'number') return { height, width };
  throw new DiptychError('graph_unsupported', `${file} must make pictures [1, 3, height, width]`, { file });
}
