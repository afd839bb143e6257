import { choices, decisionTable, gateTable } from '../../shared/fusion/decision.ts';
import { type Branch, BRANCHES, type Slot } from '../../shared/fusion/factors.ts';
import { FUSION } from '../../shared/fusion/interface.ts';
import type { BoundRule, Pass } from '../../shared/fusion/rules/rule.ts';
import type { FusionMap } from '../../shared/protocol.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import type { RuntimeTensor } from './sessions/runtime.ts';

/** One full prediction: what the fused layers are fed, and whether they measure. */
export interface FusionPass {
  feeds: Readonly<Record<string, RuntimeTensor>>;
  measures: boolean;
}

/** One step's distances [layers, 2] and choices [layers], as in `FusionMap`. */
export interface StepChoices {
  distances: Float32Array;
  choice: Uint8Array;
}

/** How one graph fuses its LoRAs over one run: what each step is fed, and what it chose. */
export class FusionRun {
  readonly #graph: LoadedGraph;
  readonly #rule: BoundRule;
  readonly #every: number;
  readonly #table: Float32Array;
  readonly #loser: number;
  /** Rows of the layers that the LoRAs of this run change; a session may have more. */
  readonly #rows: readonly number[];
  readonly #steps: StepChoices[] = [];
  #distances: Float32Array;
  #measured: ReadonlyMap<string, Branch> = new Map();

  /** `every`: in every so many-th step a measuring rule measures; in between its last choices are applied. */
  constructor(graph: LoadedGraph, rule: BoundRule, every: number) {
    const modules = graph.layers.map((layer) => layer.module);
    const touched = new Set([...rule.pair.subject, ...rule.pair.style].map((layer) => layer.module));
    this.#graph = graph;
    this.#rule = rule;
    this.#every = every;
    this.#table = decisionTable(modules, rule.pair, rule.measure?.weights ?? [1, 1]);
    this.#loser = rule.measure?.loser ?? 0;
    this.#rows = [...modules.keys()].filter((row) => touched.has(modules[row]!));
    this.#distances = new Float32Array(2 * modules.length);
  }

  /** The full predictions of the step that comes next; their mean is the step's. */
  passes(): FusionPass[] {
    return this.#rule.passes(this.#steps.length).map((pass) => this.#pass(pass));
  }

  /** Reads what a measuring pass said, and releases the outputs that are the fusion's own. */
  async observe({ measures }: FusionPass, outputs: Readonly<Record<string, RuntimeTensor>>): Promise<void> {
    const tensor = outputs[FUSION.distances];
    if (!tensor) return;
    if (measures) {
      this.#distances = (await this.#graph.runtime.read(tensor)).slice();
      const chosen = choices(this.#table, this.#distances);
      this.#measured = new Map(this.#graph.layers.map(({ module }, row) => [module, chosen[row]!]));
    }
    this.#graph.runtime.release(tensor);
  }

  /** Ends the step and tells what was done in it. */
  endStep(): StepChoices {
    const branchOf = this.#appliedBranch();
    const step = {
      distances: Float32Array.from(this.#rows.flatMap((row) => [...this.#distances.subarray(2 * row, 2 * row + 2)])),
      choice: Uint8Array.from(this.#rows, (row) => BRANCHES.indexOf(branchOf(this.#graph.layers[row]!.module))),
    };
    this.#steps.push(step);
    return step;
  }

  map(): FusionMap {
    const layers = this.#rows.length;
    const map = {
      modules: this.#rows.map((row) => this.#graph.layers[row]!.module),
      steps: this.#steps.length,
      distances: new Float32Array(this.#steps.length * layers * 2),
      choice: new Uint8Array(this.#steps.length * layers),
    };
    for (const [step, { distances, choice }] of this.#steps.entries()) {
      map.distances.set(distances, step * layers * 2);
      map.choice.set(choice, step * layers);
    }
    return map;
  }

  /** A session that these LoRAs leave alone may have been made for others, in another form: it is fed nothing but zeros. */
  #pass(pass: Pass): FusionPass {
    const { layers, form } = this.#graph;
    if (layers.length === 0) return { feeds: {}, measures: false };
    if (this.#rows.length === 0)
      return { feeds: { ...this.#controls(false), ...this.#factors(() => (form.applies ? 'neither' : 'pair')) }, measures: false };
    const measures = pass.kind === 'measure' && this.#steps.length % this.#every === 0;
    const branch = pass.kind === 'apply' ? pass.branch : (module: string) => this.#measured.get(module)!;
    return { feeds: { ...this.#controls(measures), ...this.#factors(measures ? () => 'pair' : branch) }, measures };
  }

  #controls(measures: boolean): Record<string, RuntimeTensor> {
    const { runtime, form, layers } = this.#graph;
    return {
      ...(form.measures && {
        [FUSION.table]: runtime.host(this.#table, [3, layers.length]),
        [FUSION.gates]: runtime.host(gateTable(this.#loser), [2, 2]),
      }),
      ...(form.measures && form.applies ? { [FUSION.measure]: runtime.flag(measures) } : {}),
    };
  }

  #factors(slotOf: (module: string) => Slot): Readonly<Record<string, RuntimeTensor>> {
    return this.#graph.factors.feeds(this.#rule.pair, slotOf, this.#loser);
  }

  /** What was applied in the step: of several passes, all of their LoRAs together. */
  #appliedBranch(): (module: string) => Branch {
    const passes = this.#rule.passes(this.#steps.length);
    const [only] = passes;
    if (passes.length !== 1) return () => 'both';
    return only!.kind === 'apply' ? only!.branch : (module) => this.#measured.get(module)!;
  }
}
