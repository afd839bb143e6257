/** Prompts as inputs of the denoiser, as the model's `conditioning` says. */
import { DiptychError } from '../../shared/errors.ts';
import { type Conditioning, type ConditioningInput, type ModelEntry, modelTexts, type TextEncoderName } from '../../shared/manifest.ts';
import { styleWords } from '../../shared/fusion/rules/contrast.ts';
import type { EngineEvent, GenerateRequest } from '../../shared/protocol.ts';
import type { SettledRule } from '../../shared/rules.ts';
import { makeTokenizer, type Tokenizer } from '../../shared/text/tokenizer.ts';
import { bindRule, type RuleParts } from './bind-rule.ts';
import { type EncoderOutput, type EncoderOutputs, layConditioning, runEncoder } from './conditioning.ts';
import { FusionRun } from './fusion-run.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import { componentOf } from './pipeline.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

export type Tokenizers = Partial<Record<TextEncoderName, Tokenizer>>;

export interface PromptParts extends RuleParts {
  runtime: Runtime;
  tokenizers: Tokenizers;
  onEvent: (event: EngineEvent) => void;
}

/** What the denoiser reads beside latent and timestep in one pass, on the device: [2, ...] each, row 0 negative prompt, row 1 prompt; or [1, ...], the prompt. */
export type PromptFeeds = Readonly<Record<string, RuntimeTensor>>;

/** Of entries that do not say: the first output of one text encoder is the one input. */
const ONE_ENCODER: Conditioning = {
  inputs: [{ input: 'encoder_hidden_states', blocks: [{ encoder: 'textEncoder', at: [0, 0] }] }],
  zeroWithoutNegative: false,
};

const UNUSED_NEGATIVE = 'The negative prompt is not used: it needs a guidance scale above 1.';

/** @throws DiptychError `pipeline_incomplete` if a file is no tokenizer */
export function readTokenizers(model: ModelEntry, blobs: ReadonlyMap<string, Uint8Array>): Tokenizers {
  const texts = Object.entries(modelTexts(model));
  const read = (sha256: string) => new TextDecoder().decode(blobs.get(sha256));
  return Object.fromEntries(texts.map(([encoder, text]) => [encoder, makeTokenizer(read(text.tokenizer.sha256), text)]));
}

/**
 * The prompts for every pass of every step; steps that the rule encodes alike share theirs. Each text encoder is fused by its part of the
 * LoRAs. A part of a prompt that does not fit is told in a `warning`.
 */
export async function encodePrompts(parts: PromptParts, request: GenerateRequest): Promise<PromptFeeds[][]> {
  // Guidance is off at a scale of 1 or less, as in the public pipelines: both halves are the prompt's, and the layers choose by it alone.
  const guided = request.guidanceScale > 1;
  if (!guided && request.negativePrompt) parts.onEvent({ type: 'warning', message: UNUSED_NEGATIVE });
  const byNegative = new Map<string | undefined, Encoder[]>();
  const cuts = new Set<string>();
  const byTextStep = new Map<string, PromptFeeds[]>();
  const steps: PromptFeeds[][] = [];
  try {
    for (let step = 0; step < request.steps; step++) {
      const negative = guided ? negativeAt(step, request, parts.rule) : request.prompt;
      const encoders = byNegative.get(negative) ?? encodersOf(parts, request, [negative ?? '', request.prompt], cuts);
      byNegative.set(negative, encoders);
      const key = JSON.stringify([negative, ...encoders.map((encoder) => encoder.textStep(step))]);
      const known = byTextStep.get(key);
      const feeds = known ?? (await encodeStep(parts, encoders, step, negative === undefined));
      byTextStep.set(key, feeds);
      steps.push(feeds);
    }
  } catch (error) {
    releasePrompts(parts.runtime, steps);
    throw error;
  }
  for (const cut of cuts)
    parts.onEvent({ type: 'warning', message: `The prompt is too long for this model, which does not see: “${cut}”` });
  return steps;
}

/** What the unconditional half reads in a step; undefined where nothing is to be avoided. */
function negativeAt(step: number, { rule, style, negativePrompt, steps }: GenerateRequest, { onset }: SettledRule): string | undefined {
  return rule === 'contrast' && style && step >= onset * steps ? styleWords(style.trigger, negativePrompt) : negativePrompt;
}

/** Gives back every tensor of `prompts`; steps may share theirs. */
export function releasePrompts(runtime: Runtime, prompts: readonly PromptFeeds[][]): void {
  for (const tensor of new Set(prompts.flat().flatMap(Object.values<RuntimeTensor>))) runtime.release(tensor);
}

/** One text encoder, ready to run: what changes over the steps is which LoRA it follows. */
interface Encoder {
  name: TextEncoderName;
  textStep(step: number): number;
  /** Its outputs in every pass of a step. */
  run(step: number): Promise<EncoderOutput[]>;
}

/** @param cuts gains what the prompts say beyond what an encoder can read */
function encodersOf(
  parts: PromptParts,
  request: GenerateRequest,
  prompts: [negative: string, prompt: string],
  cuts: Set<string>,
): Encoder[] {
  return (Object.entries(parts.tokenizers) as [TextEncoderName, Tokenizer][]).map(([name, tokenizer]) => {
    const encoded = prompts.map((prompt) => tokenizer.encode(prompt));
    for (const { cut } of encoded) if (cut !== '') cuts.add(cut);
    return encoderOf(
      parts,
      request,
      name,
      encoded.flatMap(({ ids }) => ids),
    );
  });
}

function encoderOf(parts: PromptParts, request: GenerateRequest, name: TextEncoderName, ids: number[]): Encoder {
  const { runtime, pipeline } = parts;
  const graph = pipeline.graph(name);
  const component = componentOf(name);
  if (!component || graph.layers.length === 0) {
    return { name, textStep: () => 0, run: async () => [await runEncoder(runtime, graph, ids, {})] };
  }
  const rule = bindRule(parts, request, component);
  return {
    name,
    textStep: rule.textStep,
    async run(step) {
      const fusion = new FusionRun(graph, { ...rule, passes: () => rule.passes(rule.textStep(step)) }, 1);
      const outputs: EncoderOutput[] = [];
      for (const pass of fusion.passes()) outputs.push(await runEncoder(runtime, graph, ids, pass.feeds));
      return outputs;
    },
  };
}

/** One set of feeds a pass; an encoder with one pass serves all of them. */
async function encodeStep(parts: PromptParts, encoders: readonly Encoder[], step: number, noNegative: boolean): Promise<PromptFeeds[]> {
  const { runtime, pipeline } = parts;
  const { inputs, zeroWithoutNegative } = pipeline.model.conditioning ?? ONE_ENCODER;
  const passes: [TextEncoderName, EncoderOutput[]][] = [];
  for (const encoder of encoders) passes.push([encoder.name, await encoder.run(step)]);
  const feedsOf = (pass: number): PromptFeeds => {
    const outputs: EncoderOutputs = new Map(passes.map(([name, all]) => [name, all[pass % all.length]!]));
    const tensorOf = (input: ConditioningInput) => {
      const dims = dimsOf(pipeline.graph('denoiser'), input.input);
      return [input.input, runtime.upload(layConditioning(input, dims, outputs, zeroWithoutNegative && noNegative), dims)] as const;
    };
    return Object.fromEntries(inputs.map(tensorOf));
  };
  return Array.from({ length: Math.max(...passes.map(([, all]) => all.length)) }, (_, pass) => feedsOf(pass));
}

function dimsOf(denoiser: LoadedGraph, name: string): number[] {
  const dims = denoiser.inputs.find((input) => input.name === name)?.type.dims;
  if (dims?.every((dim) => typeof dim === 'number')) return dims;
  throw new DiptychError('graph_unsupported', `the denoiser has no input ${name} of fixed shape; prepare the model again`, { input: name });
}
