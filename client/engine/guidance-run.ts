import { DiptychError } from '../../shared/errors.ts';
import type { Scores } from '../../shared/protocol.ts';
import type { GuidanceNetwork, MetricFeeds } from './guidance-network.ts';
import type { GuidancePlan } from './guidance-plan.ts';
import type { RuntimeTensor } from './sessions/runtime.ts';

/** Metric guidance over one run: when, how far, and what came of it. */
export class GuidanceRun {
  /** Of every step in the window, in order. */
  readonly scores: Scores[] = [];
  readonly #network: GuidanceNetwork;
  readonly #settings: GuidancePlan['settings'];
  readonly #feeds: MetricFeeds;
  readonly #from: number;
  readonly #to: number;
  #step = 0;
  /** Refinements of this step so far; a sampler of second order makes more than `iterations`. */
  #refined = 0;
  #unread: RuntimeTensor | undefined;
  #latest: Scores | undefined;

  /** `references`: an embedding for each metric of the plan, in its order. */
  constructor(network: GuidanceNetwork, { settings, metrics }: GuidancePlan, references: readonly Float32Array[], steps: number) {
    this.#network = network;
    this.#settings = settings;
    this.#feeds = Object.fromEntries(
      metrics.map(({ name }, k) => [name, { weight: settings.weights[name] ?? 0, reference: references[k]! }]),
    );
    this.#from = Math.floor(settings.from * steps);
    this.#to = Math.ceil(settings.to * steps);
  }

  /** How often the step that comes next is refined. */
  get iterations(): number {
    return this.#step >= this.#from && this.#step < this.#to ? this.#settings.iterations : 0;
  }

  /** Moves x0, which the caller keeps. The scores before a step's first correction are read once all its corrections are on their way. */
  async refine(x0: RuntimeTensor): Promise<RuntimeTensor> {
    const refined = await this.#network.refine(x0, this.#eta, this.#feeds);
    if (this.#refined++ === 0) this.#unread = refined.scores;
    else this.#network.discard(refined.scores);
    if (this.#unread && this.#refined >= this.iterations) {
      const scores = this.#unread;
      this.#unread = undefined;
      this.#latest = await this.#read(scores);
    }
    return refined.x0;
  }

  /** Ends the step. Returns its scores, before its first correction; undefined outside the window. */
  endStep(): Scores | undefined {
    const scores = this.#latest;
    if (scores) this.scores.push(scores);
    this.#latest = undefined;
    this.#refined = 0;
    this.#step++;
    return scores;
  }

  /** The scores of a latent as it is. */
  async measure(latent: RuntimeTensor): Promise<Scores> {
    return this.#read((await this.#network.refine(latent, 0, this.#feeds)).scores);
  }

  async #read(tensor: RuntimeTensor): Promise<Scores> {
    const scores = await this.#network.read(tensor);
    for (const [name, score] of Object.entries(scores)) {
      if (!Number.isFinite(score))
        throw new DiptychError('session_failed', `guidance made ${name} ${score} of the latent; try a smaller eta`);
    }
    return scores;
  }

  get #eta(): number {
    const { eta, schedule } = this.#settings;
    return schedule === 'constant' ? eta : (eta * (this.#to - this.#step)) / (this.#to - this.#from);
  }
}
