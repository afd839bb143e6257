/** How each golden tensor is made again. The names are those of `tests/fixtures/README.md`. */
import * as v from 'valibot';
import { type EncoderOutputs, runEncoder } from '../../../client/engine/conditioning.ts';
import { makeDenoiser } from '../../../client/engine/denoiser.ts';
import { DeviceLatents } from '../../../client/engine/device-latents.ts';
import { FusionRun } from '../../../client/engine/fusion-run.ts';
import type { LoadedGraph } from '../../../client/engine/loaded-graph.ts';
import { componentOf } from '../../../client/engine/pipeline.ts';
import type { RuntimeTensor } from '../../../client/engine/sessions/runtime.ts';
import { SAMPLER_OF } from '../../../client/sampler/samplers.ts';
import { withRefinement } from '../../../client/sampler/refinement.ts';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { FusedForm } from '../../../shared/fusion/fused-form.ts';
import { RULE_OF } from '../../../shared/fusion/rules/rules.ts';
import type { Component } from '../../../shared/lora/lora.ts';
import type { FusionMap } from '../../../shared/protocol.ts';
import { criterionOf, isMeasured, type RuleName, RuleSettings, settingsOf } from '../../../shared/rules.ts';
import type { Bench } from './bench.ts';
import type { MeasuredLayers } from './compare.ts';
import { direction, directionOf, refinement } from './guidance-cases.ts';
import { goldenIds, goldenTensor } from './golden-folder.ts';
import { hiddenStates } from './hidden-states.ts';

export interface Measured {
  data: Float32Array;
  /** Of a single call of a fused network. */
  layers?: MeasuredLayers;
}

/** A rule as a golden asks for it. */
interface Setting {
  rule: RuleName;
  settings?: RuleSettings;
  strengths?: readonly [number, number];
  step?: number;
  steps?: number;
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  kl: { rule: 'kl' },
  kl_strengths: { rule: 'kl', strengths: [0.8, 1.3] },
  direct: { rule: 'direct' },
  subject_only: { rule: 'subject-only' },
  style_only: { rule: 'style-only' },
};

/** The setting that the name of a golden `eps.NAME` stands for. */
function settingOf(name: string): Setting | undefined {
  const kLora = /^klora_(s\*?)_step(\d+)of(\d+)$/.exec(name);
  if (kLora) return { rule: 'k-lora', settings: { schedule: kLora[1] as 's' | 's*' }, step: Number(kLora[2]), steps: Number(kLora[3]) };
  const npLora = /^np_lora_mu([\d.]+)$/.exec(name);
  if (npLora) return { rule: 'np-lora', settings: { mu: Number(npLora[1]) } };
  return Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
}

const formOf = ({ rule }: Setting): FusedForm => (isMeasured(rule) ? { measures: criterionOf(rule), applies: false } : { applies: true });

/** The fusion of one run of `graph` under `setting`. */
async function fusionOf(bench: Bench, component: Component, graph: LoadedGraph, setting: Setting): Promise<FusionRun> {
  const { rule, settings = {}, strengths = [1, 1], step = 0, steps = 1 } = setting;
  const pair = { ...(await bench.adapters())[component], strengths };
  const modules = graph.layers.map((layer) => layer.module);
  const bound = RULE_OF[rule]({ component, pair, modules, steps, settings: v.parse(RuleSettings, settingsOf(rule, settings)) });
  return new FusionRun(graph, { ...bound, passes: () => bound.passes(step) }, 1);
}

const KL: Setting = { rule: 'kl' };

/** How to make the golden `name` again; `undefined` where Diptych cannot yet. */
export function caseFor(name: string, bench: Bench): (() => Promise<Measured>) | undefined {
  if (name === 'encoder_hidden_states' && bench.folder.tensors.tensors.has('input_ids')) return () => prompts(bench, undefined);
  if (name === 'encoder_hidden_states.subject_lora') return () => prompts(bench, { rule: 'subject-only' });
  if (name === 'eps.base') return () => eps(bench, undefined);
  const setting = name.startsWith('eps.') ? settingOf(name.slice('eps.'.length)) : undefined;
  if (setting) return () => eps(bench, setting);
  if (name === 'trajectory.kl.final') return () => trajectory(bench);
  if (name === 'trajectory.kl_guided.final') return () => trajectory(bench, refinement);
  const guided = directionOf(name);
  if (guided) return async () => ({ data: await direction(bench, guided.decoder, guided.metrics) });
  if (name === 'decoded') return () => decoded(bench);
  return undefined;
}

async function prompts(bench: Bench, setting: Setting | undefined): Promise<Measured> {
  const outputs: EncoderOutputs = new Map();
  for (const encoder of bench.folder.encoders) {
    const component = setting && componentOf(encoder);
    const graph = await bench.graph(encoder, component ? 'fused' : 'plain');
    const fusion = component ? (await fusionOf(bench, component, graph, setting)).passes()[0]!.feeds : {};
    outputs.set(encoder, await runEncoder(bench.runtime, graph, goldenIds(bench.folder, encoder), fusion));
  }
  return { data: await hiddenStates(bench, outputs) };
}

async function eps(bench: Bench, setting: Setting | undefined): Promise<Measured> {
  const graph = await bench.graph('denoiser', setting ? 'fused' : 'plain', setting && formOf(setting));
  const { data, dims } = goldenTensor(bench.folder, 'latent');
  const latent = graph.inputs.find((input) => input.type.dims?.length === 4 && !bench.folder.tensors.tensors.has(input.name))!;
  const feeds: Record<string, RuntimeTensor> = {
    ...bench.conditioning(graph),
    [latent.name]: bench.runtime.upload(Float32Array.from([...data, ...data]), [2, ...dims.slice(1)]),
    timestep: bench.runtime.host(Float32Array.of(bench.folder.json.timestep), [1]),
  };
  if (!setting) return { data: await output(bench, graph, feeds) };
  const fusion = await fusionOf(bench, 'denoiser', graph, setting);
  const pass = fusion.passes()[0]!;
  const outputs = await graph.session.run({ ...feeds, ...pass.feeds });
  await fusion.observe(pass, outputs);
  fusion.endStep();
  return { data: await bench.runtime.read(outputs[graph.outputs[0]!.name]!), layers: layersOf(fusion.map(), pass.measures) };
}

/** Gates of each branch, in the order of `BRANCHES`. */
const GATES: readonly [number, number][] = [
  [1, 0],
  [0, 1],
  [1, 1],
  [0, 0],
];

function layersOf({ modules, distances, choice }: FusionMap, measured: boolean): MeasuredLayers {
  const pair = (row: number): [number, number] => [distances[2 * row]!, distances[2 * row + 1]!];
  return new Map(modules.map((module, row) => [module, { gates: GATES[choice[row]!]!, ...(measured ? { kl: pair(row) } : {}) }]));
}

/** The folder's own sampler with classifier-free guidance, from the golden latent, under `kl`. */
async function trajectory(bench: Bench, refinementOf?: typeof refinement): Promise<Measured> {
  const { json, scheduler } = bench.folder;
  const { data, dims } = goldenTensor(bench.folder, 'latent');
  const schedule = makeSchedule(scheduler, json.steps);
  const graph = await bench.graph('denoiser', 'guided', formOf(KL));
  const latents = new DeviceLatents(bench.runtime, dims);
  const fusion = await fusionOf(bench, 'denoiser', graph, KL);
  const conditioning = bench.conditioning(graph);
  const unguided = makeDenoiser({
    runtime: bench.runtime,
    graph,
    latents,
    prediction: schedule.prediction,
    guidanceScale: json.guidance_scale,
    fusion,
    conditioning: () => conditioning,
  });
  const denoise = refinementOf ? withRefinement(unguided, latents, await refinementOf(bench, latents), () => 1) : unguided;
  const x = latents.upload(data.map((value) => value * schedule.initialScale));
  const noise = () => {
    throw new DiptychError('pipeline_incomplete', `${bench.folder.root}: its scheduler adds noise that the goldens do not hold`);
  };
  const final = await bench.runtime.read(await SAMPLER_OF[schedule.sampler]({ space: latents, denoise, schedule, x, noise }));
  await latents.close();
  return { data: final };
}

async function decoded(bench: Bench): Promise<Measured> {
  const graph = await bench.graph('decoder', 'plain');
  const { data, dims } = goldenTensor(bench.folder, 'trajectory.kl.final');
  const { scalingFactor, shiftFactor } = bench.folder;
  const scaled = data.map((value) => value / scalingFactor + shiftFactor);
  return { data: await output(bench, graph, { [graph.inputs[0]!.name]: bench.runtime.upload(scaled, dims) }) };
}

async function output(bench: Bench, graph: LoadedGraph, feeds: Record<string, RuntimeTensor>): Promise<Float32Array> {
  return bench.runtime.read((await graph.session.run(feeds))[graph.outputs[0]!.name]!);
}
