/** What a step costs under each fusion rule, beside a step without LoRAs: the engine itself, on the demo model, all in one run. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { Engine } from '../../client/engine/engine.ts';
import { formOf } from '../../client/engine/fusion-needs.ts';
import { openNodeRuntime } from '../../client/engine/sessions/node.ts';
import { withDemoStore } from '../../models-manifest/cli/demo/with-demo-store.ts';
import { folderBlobs } from '../../models-manifest/cli/folder-blobs.ts';
import type { Store } from '../../models-manifest/cli/store.ts';
import { type FusedForm, fuseForm } from '../../shared/fusion/fused-form.ts';
import type { LayerEntry } from '../../shared/manifest.ts';
import type { Graph, Model } from '../../shared/onnx/ir.ts';
import { readModel } from '../../shared/onnx/read.ts';
import type { Backend, FusionMap, GenerateRequest } from '../../shared/protocol.ts';
import { isMeasured, type RuleName, RULES, RuleSettings, settingsOf } from '../../shared/rules.ts';
import { demoRequest, PAIR } from './demo-request.ts';
import { median } from './median.ts';

export interface RulesOptions {
  backend: Backend;
  rounds: number;
  steps: number;
  rules: readonly string[];
}

/** One line of the table: no LoRA at all, or a rule with settings. */
interface Variant {
  rule?: RuleName;
  settings?: RuleSettings;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  base: {},
  ...Object.fromEntries(RULES.map((rule) => [rule, { rule }])),
  'kl every 5': { rule: 'kl', settings: { every: 5 } },
  'kl every 10': { rule: 'kl', settings: { every: 10 } },
  'kl stride 4': { rule: 'kl', settings: { stride: 4 } },
  'kl every 5 stride 4': { rule: 'kl', settings: { every: 5, stride: 4 } },
  'kl every 10 stride 4': { rule: 'kl', settings: { every: 10, stride: 4 } },
};

/** A software adapter needs seconds a step, so there one rule stands for all of its form. */
export const DEFAULT_VARIANTS = { fast: Object.keys(VARIANTS), slow: ['base', 'subject-only', 'direct', 'kl', 'kl stride 4'] } as const;

interface Measured {
  /** Milliseconds a step, one number a round. */
  stepMs: number[];
  map: FusionMap;
}

export async function benchRules({ backend, rounds, steps, rules }: RulesOptions): Promise<void> {
  const unknown = rules.filter((name) => !Object.hasOwn(VARIANTS, name));
  if (unknown.length > 0) throw new Error(`no rule ${unknown.join(', ')}; there are ${Object.keys(VARIANTS).join(', ')}`);
  const names = ['base', ...rules.filter((name) => name !== 'base')];
  await withDemoStore(async (store) => {
    const measured = await measure(store, names, { backend, rounds, steps });
    print(names, measured, await dispatches(store), { backend, rounds, steps });
  });
}

/** Rounds of one picture a variant, in turns, so that a busy spell of the machine falls on all. */
async function measure(store: Store, names: readonly string[], { backend, rounds, steps }: Omit<RulesOptions, 'rules'>) {
  const engines = new Map<string, Engine>();
  const engineFor = (variant: Variant): Engine => {
    const key = JSON.stringify(denoiserForm(variant) ?? 'base');
    const engine = engines.get(key) ?? new Engine({ openRuntime: openNodeRuntime, openBlobs: async () => folderBlobs(store) });
    engines.set(key, engine);
    return engine;
  };
  const measured = new Map<string, Measured>();
  for (let round = 0; round <= rounds; round++)
    for (const name of names) {
      const variant = VARIANTS[name]!;
      const engine = engineFor(variant);
      await engine.start({ backend });
      const { timings, fusionMap } = await engine.generate(await requestOf(store, variant, steps), () => {});
      const mean = timings.stepMs.reduce((sum, ms) => sum + ms, 0) / steps;
      const before = measured.get(name)?.stepMs ?? [];
      // The first round compiles and fills caches.
      measured.set(name, { stepMs: round === 0 ? [] : [...before, mean], map: fusionMap });
      process.stderr.write(`\rround ${round} of ${rounds}, ${name}`.padEnd(60));
    }
  process.stderr.write('\n');
  for (const engine of engines.values()) await engine.close();
  return measured;
}

async function requestOf(store: Store, { rule, settings }: Variant, steps: number): Promise<GenerateRequest> {
  const { subject, style, ...request } = await demoRequest(store, steps);
  return { ...request, ...(rule ? { subject, style, rule } : {}), ...(settings ? { ruleSettings: settings } : {}) };
}

function denoiserForm({ rule, settings }: Variant): FusedForm | undefined {
  if (rule === undefined) return undefined;
  const settled = v.parse(RuleSettings, settingsOf(rule, settings));
  return formOf(rule, settled, settled.every > 1);
}

/** Operators that a GPU does not run: they give a buffer another shape or name. */
const VIEWS = new Set(['Reshape', 'Unsqueeze', 'Squeeze', 'Flatten', 'Identity', 'Constant']);
const kernels = (graph: Graph): number => graph.nodes.filter((node) => !VIEWS.has(node.opType)).length;

/** Kernels that a form adds to the demo's denoiser, a fused layer. */
async function dispatches(store: Store): Promise<(variant: Variant) => number | undefined> {
  const { graphs, layers } = await store.model(undefined);
  const file = store.blobPath(graphs.denoiser.topology.sha256);
  const model: Model = readModel(await readFile(file), file);
  const modules = layers.denoiser.filter(({ module }: LayerEntry) => /attn|\.ff\./.test(module)).map(({ module }) => module);
  return (variant) => {
    const form = denoiserForm(variant);
    if (!form) return undefined;
    const counted = form.measures ? { ...form, applies: false } : form;
    return (kernels(fuseForm(model, modules, counted).model.graph) - kernels(model.graph)) / modules.length;
  };
}

function print(
  names: readonly string[],
  measured: ReadonlyMap<string, Measured>,
  dispatchesOf: (variant: Variant) => number | undefined,
  { backend, rounds, steps }: Omit<RulesOptions, 'rules'>,
): void {
  const base = measured.get('base')!.stepMs;
  const exact = measured.get('kl')?.map.choice;
  console.log(`Demo denoiser on ${backend}, ${PAIR.subject} x ${PAIR.style}, ${steps} steps a picture, median of ${rounds} rounds\n`);
  console.log('| rule | ms a step | x base | choices as kl | extra kernels a layer |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const name of names) {
    const { stepMs, map } = measured.get(name)!;
    const variant = VARIANTS[name]!;
    const ratio = median(stepMs.map((ms, round) => ms / base[round]!));
    const same = exact && variant.rule && isMeasured(variant.rule) ? `${(100 * agreement(map.choice, exact)).toFixed(1)} %` : '';
    console.log(`| ${name} | ${median(stepMs).toFixed(2)} | ${ratio.toFixed(3)} | ${same} | ${dispatchesOf(variant)?.toFixed(1) ?? ''} |`);
  }
}

const agreement = (a: Uint8Array, b: Uint8Array): number => a.filter((choice, at) => choice === b[at]).length / a.length;
