/** `diptych prepare`: from a pipeline folder to a model of the catalogue. */
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { type GraphEntry, type LayerEntry, ModelEntry, type TextEncoderName, type TextEntry } from '../../../shared/manifest.ts';
import { externalise } from '../../../shared/onnx/externalise.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { halveWeights } from '../../../shared/onnx/halve-weights.ts';
import type { Dim, Graph, Model } from '../../../shared/onnx/ir.ts';
import { ShardWriter } from '../../../shared/onnx/shard-writer.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import type { Store } from '../store.ts';
import { encoderOutput, withoutUnread } from './encoder-output.ts';
import { encodersOf, samplingDefaults } from './families.ts';
import { fixDims, inputNames } from './fix-dims.ts';
import { latentSize } from './latent-size.ts';
import { type ConditioningPlan, type Outputs, planConditioning } from './plan-conditioning.ts';
import { fixEncoder } from './read-encoders.ts';
import { type Part } from './read-part.ts';
import { prepareGuidance } from './prepare-guidance.ts';
import { readGuidance } from './read-guidance.ts';
import { readPipeline, type Pipeline } from './read-pipeline.ts';
import { refuseFused } from './refuse-fused.ts';

export interface PrepareOptions {
  id: string;
  name: string;
  license: string;
  author: string;
  weights: 'float32' | 'float16';
  /** The most bytes of a shard. */
  shardBytes: number;
  /** Of the latent; from the denoiser's config where left out. */
  height?: number;
  width?: number;
  /** Defaults of the entry: the family's, or what the scheduler tells, where left out. */
  steps?: number;
  /** One of 1 or less prepares the denoiser for the prompt's prediction alone. */
  guidanceScale?: number;
  /** False leaves out the networks of metric guidance. */
  guidance?: boolean;
}

/** What is being done, of how many such stages. */
export type OnStage = (stage: string, done: number, total: number) => void;

const About = v.pick(ModelEntry, ['id', 'name', 'license', 'author']);

/** Puts a normalised network into the store. */
type Keep = (part: Part, normal: Model) => Promise<GraphEntry>;

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
  const stages = ['reading', 'text encoder', 'denoiser', 'decoder', 'guidance'];
  const stage = (index: number) => onStage(stages[index]!, index, stages.length);
  stage(0);
  const pipeline = await readPipeline(root);
  const guidance = options.guidance === false ? undefined : await readGuidance(root);
  const { family, scheduler, vae } = pipeline;
  const size = latentSize(pipeline.denoiser, family, pipeline.config, options);
  const latentDims = [size.channels, size.height, size.width];
  const keep = keeper(store, options, signal);

  stage(1);
  const text = await prepareText(pipeline, keep, store);
  stage(2);
  const defaults = samplingDefaults(family, scheduler);
  const guidanceScale = options.guidanceScale ?? defaults.guidanceScale;
  const declared = pipeline.denoiser.model.graph.inputs;
  const exportedBatch = declared.find(({ name }) => name === family.latent)?.type.dims?.[0];
  const batch = guidanceScale > 1 || exportedBatch === 2 ? 2 : 1;
  const plan = planConditioning(family, { outputs: text.outputs, declared, batch, configWidth: pipeline.config.joint_attention_dim });
  const denoiser = await prepareDenoiser(pipeline, [batch, ...latentDims], plan, keep);
  stage(3);
  const decoder = await fixDims(pipeline.decoder, { [inputNames(pipeline.decoder)[0]!]: [1, ...latentDims] });
  const image = imageSize(decoder.graph, pipeline.decoder.file);
  const decoderEntry = await keep(pipeline.decoder, decoder);
  stage(4);
  const context = { latentDims: [1, ...latentDims], image, decoder, scalingFactor: vae.scaling_factor, keep, store };

  const model = v.parse(ModelEntry, {
    ...about,
    latent: { ...size, scalingFactor: vae.scaling_factor, ...(vae.shift_factor ? { shiftFactor: vae.shift_factor } : {}) },
    image,
    scheduler,
    ...text.texts,
    graphs: { ...text.graphs, denoiser: denoiser.graph, decoder: decoderEntry },
    batch,
    conditioning: { inputs: plan.inputs(image), zeroWithoutNegative: pipeline.zeroWithoutNegative },
    layers: { denoiser: denoiser.layers, ...text.layers },
    defaults: { steps: options.steps ?? defaults.steps, guidanceScale },
    ...(guidance ? { guidance: await prepareGuidance(guidance, context) } : {}),
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

function keeper(store: Store, { weights: stored, shardBytes }: PrepareOptions, signal: AbortSignal | undefined): Keep {
  const shards = new ShardWriter(shardBytes, async ({ bytes }) => void (await store.put(bytes)));
  return async (part, normal) => {
    const light = stored === 'float16' ? halveWeights(normal) : normal;
    const { model, weights } = await externalise(light, shards, part.readExternal, signal);
    return { topology: await store.put(writeModel(model)), weights };
  };
}

const TEXT_FIELDS = { textEncoder: 'text', textEncoder2: 'text2', textEncoder3: 'text3' } as const;

interface PreparedText {
  texts: Partial<Record<(typeof TEXT_FIELDS)[TextEncoderName], TextEntry>>;
  graphs: Partial<Record<TextEncoderName, GraphEntry>>;
  /** LoRA files have no part for a third encoder, T5. */
  layers: Partial<Record<TextEncoderName, LayerEntry[]>>;
  outputs: Outputs;
}

/** One text encoder after another: the largest of a pipeline take gigabytes. */
async function prepareText({ family, encoders }: Pipeline, keep: Keep, store: Store): Promise<PreparedText> {
  const outputs = new Map();
  const text: PreparedText = { texts: {}, graphs: {}, layers: {}, outputs };
  for (const [name, roles] of encodersOf(family)) {
    const part = encoders.get(name);
    if (!part) continue;
    const model = await fixEncoder(part, part.text.maxLength);
    const found = roles.map((role) => [role, encoderOutput({ graph: model.graph, file: part.file, layers: part.layers }, role)] as const);
    const graph = withoutUnread(
      model.graph,
      found.map(([, output]) => output),
    );
    outputs.set(name, new Map(found));
    text.texts[TEXT_FIELDS[name]] = { ...part.text, tokenizer: await store.put(new TextEncoder().encode(part.tokenizerJson)) };
    text.graphs[name] = await keep(part, { ...model, graph });
    text.layers[name] = layersOf(graph);
  }
  return text;
}

async function prepareDenoiser({ family, denoiser: part }: Pipeline, latent: number[], plan: ConditioningPlan, keep: Keep) {
  const model = floatTimestep(await fixDims(part, { [family.latent]: latent, timestep: [1], ...plan.dims }));
  const layers = layersOf(model.graph);
  refuseFused(model.graph, layers, part.file);
  return { graph: await keep(part, model), layers };
}

const layersOf = (graph: Graph): LayerEntry[] => findSites(graph).map((site) => site.layer);

function outputDims(graph: Graph, file: string): readonly Dim[] {
  const dims = graph.outputs[0]?.type.dims ?? graph.valueInfo.get(graph.outputs[0]?.name ?? '')?.dims;
  if (dims) return dims;
  throw new DiptychError('graph_unsupported', `the shape of the output of ${file} cannot be inferred`, { file });
}

function imageSize(graph: Graph, file: string): { height: number; width: number } {
  const [, channels, height, width] = outputDims(graph, file);
  if (channels === 3 && typeof height === 'number' && typeof width === 'number') return { height, width };
  throw new DiptychError('graph_unsupported', `${file} must make pictures [1, 3, height, width]`, { file });
}
