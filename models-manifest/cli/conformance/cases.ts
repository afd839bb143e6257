/** How each golden tensor is made again. The names are those of `tests/fixtures/README.md`. */
import { makeDenoiser } from '../../../client/engine/denoiser.ts';
import { DeviceLatents } from '../../../client/engine/device-latents.ts';
import type { LoadedGraph } from '../../../client/engine/loaded-graph.ts';
import type { RuntimeTensor } from '../../../client/engine/sessions/runtime.ts';
import { ddim } from '../../../client/sampler/ddim.ts';
import { initialScale } from '../../../client/sampler/scalings.ts';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import type { Decision } from '../../../shared/fusion/controls.ts';
import { FUSION } from '../../../shared/fusion/interface.ts';
import type { Bench } from './bench.ts';
import type { MeasuredLayers } from './compare.ts';
import { goldenTensor } from './golden-folder.ts';

export interface Measured {
  data: Float32Array;
  /** Of a single call of a fused network. */
  layers?: MeasuredLayers;
}

interface Setting {
  decision: Decision;
  strengths: readonly [number, number];
}

const EPS: Record<string, Setting> = {
  kl: { decision: 'kl', strengths: [1, 1] },
  kl_strengths: { decision: 'kl', strengths: [0.8, 1.3] },
  direct: { decision: [1, 1], strengths: [1, 1] },
  subject_only: { decision: [1, 0], strengths: [1, 1] },
  style_only: { decision: [0, 1], strengths: [1, 1] },
};

const KL = EPS.kl!;

/** How to make the golden `name` again; `undefined` where Diptych cannot yet. */
export function caseFor(name: string, bench: Bench): (() => Promise<Measured>) | undefined {
  if (name === 'encoder_hidden_states' && bench.folder.tensors.tensors.has('input_ids')) return () => textEncoder(bench, 'plain');
  if (name === 'encoder_hidden_states.subject_lora') return () => textEncoder(bench, 'fused');
  if (name === 'eps.base') return () => eps(bench, undefined);
  const setting = name.startsWith('eps.') ? EPS[name.slice('eps.'.length)] : undefined;
  if (setting) return () => eps(bench, setting);
  const samples = bench.folder.scheduler._class_name !== 'FlowMatchEulerDiscreteScheduler';
  if (name === 'trajectory.kl.final' && samples) return () => trajectory(bench);
  if (name === 'decoded') return () => decoded(bench);
  return undefined;
}

async function textEncoder(bench: Bench, form: 'plain' | 'fused'): Promise<Measured> {
  const graph = await bench.graph('textEncoder', form);
  const ids = bench.folder.tensors.tensors.get('input_ids')!;
  const input = { [graph.inputs[0]!.name]: bench.runtime.host(new BigInt64Array(new Uint8Array(ids.bytes).buffer), ids.shape) };
  const subject = form === 'fused' ? (await bench.adapters()).textEncoder.subject : undefined;
  const fusion = graph.fusionFeeds({ adapters: subject ? { subject } : {}, ...KL });
  return { data: await output(bench, graph, { ...input, ...fusion }) };
}

async function eps(bench: Bench, setting: Setting | undefined): Promise<Measured> {
  const graph = await bench.graph('denoiser', setting ? 'fused' : 'plain');
  const { data, dims } = goldenTensor(bench.folder, 'latent');
  const latent = graph.inputs.find((input) => input.type.dims?.length === 4 && !bench.folder.tensors.tensors.has(input.name))!;
  const feeds: Record<string, RuntimeTensor> = {
    ...bench.conditioning(graph),
    [latent.name]: bench.runtime.upload(Float32Array.from([...data, ...data]), [2, ...dims.slice(1)]),
    timestep: bench.runtime.host(Float32Array.of(bench.folder.json.timestep), [1]),
  };
  if (!setting) return { data: await output(bench, graph, feeds) };
  const outputs = await graph.session.run({ ...feeds, ...graph.fusionFeeds({ adapters: (await bench.adapters()).denoiser, ...setting }) });
  const [kl, gates] = await Promise.all([FUSION.kl, FUSION.choice].map((name) => bench.runtime.read(outputs[name]!)));
  const pair = (table: Float32Array, row: number): [number, number] => [table[2 * row]!, table[2 * row + 1]!];
  const layers = new Map(graph.layers.map(({ module }, row) => [module, { kl: pair(kl!, row), gates: pair(gates!, row) }]));
  return { data: await bench.runtime.read(outputs[graph.outputs[0]!.name]!), layers };
}

/** DDIM with classifier-free guidance, from the golden latent, under `kl`. */
async function trajectory(bench: Bench): Promise<Measured> {
  const { json, scheduler } = bench.folder;
  const { data, dims } = goldenTensor(bench.folder, 'latent');
  const schedule = makeSchedule(scheduler, json.steps);
  const graph = await bench.graph('denoiser', 'guided');
  const latents = new DeviceLatents(bench.runtime, dims);
  const fusion = graph.fusionFeeds({ adapters: (await bench.adapters()).denoiser, ...KL });
  const denoise = makeDenoiser({
    runtime: bench.runtime,
    graph,
    latents,
    prediction: schedule.prediction,
    guidanceScale: json.guidance_scale,
    feeds: { ...bench.conditioning(graph), ...fusion },
  });
  const scale = initialScale(schedule);
  const x = latents.upload(data.map((value) => value * scale));
  const final = await bench.runtime.read(await ddim({ space: latents, denoise, schedule, x }));
  await latents.close();
  return { data: final };
}

async function decoded(bench: Bench): Promise<Measured> {
  const graph = await bench.graph('decoder', 'plain');
  const { data, dims } = goldenTensor(bench.folder, 'trajectory.kl.final');
  const scaled = data.map((value) => value / bench.folder.scalingFactor);
  return { data: await output(bench, graph, { [graph.inputs[0]!.name]: bench.runtime.upload(scaled, dims) }) };
}

async function output(bench: Bench, graph: LoadedGraph, feeds: Record<string, RuntimeTensor>): Promise<Float32Array> {
  return bench.runtime.read((await graph.session.run(feeds))[graph.outputs[0]!.name]!);
}
