import { DiptychError } from '../../shared/errors.ts';
import type { Scores } from '../../shared/protocol.ts';
import type { GuidanceNetwork, MetricFeed } from './guidance-network.ts';
import type { GuidancePlan } from './guidance-plan.ts';
import type { RuntimeTensor } from './sessions/runtime.ts';

/** Metric guidance over one run: when, how far, and what came of it. */
export class GuidanceRun {
  /** Of every step in the window, in order. */
  readonly scores: Scores[] = [];
  readonly #network: GuidanceNetwork;
  readonly #settings: GuidancePlan['settings'];
  readonly #metrics: Readonly<Record<string, MetricFeed>>;
  readonly #from: number;
  readonly #to: number;
  #step = 0;
  #latest: Scores | undefined;

  /** `references`: a unit embedding for each metric of the plan, in its order. */
  constructor(network: GuidanceNetwork, { settings, metrics }: GuidancePlan, references: readonly Float32Array[], steps: number) {
    this.#network = network;
    this.#settings = settings;
    this.#metrics = Object.fromEntries(
      metrics.map(({ name }, k) => [name, { weight: settings.weights[name] ?? 1, reference: references[k]! }]),
    );
    this.#from = Math.floor(settings.from * steps);
    this.#to = Math.ceil(settings.to * steps);
  }

  /** How often the step that comes next is refined. */
  get iterations(): number {
    return this.#step >= this.#from && this.#step < this.#to ? this.#settings.iterations : 0;
  }

  async refine(x0: RuntimeTensor): Promise<RuntimeTensor> {
    const refined = await this.#network.refine(x0, this.#eta, this.#metrics);
    for (const [name, score] of Object.entries(refined.scores)) {
      if (!Number.isFinite(score))
        throw new DiptychError('session_failed', `guidance made ${name} ${score} of the latent; try a smaller eta`);
    }
    this.#latest ??= refined.scores;
    return refined.x0;
  }

  /** Ends the step. Returns its scores, before its first correction; undefined outside the window. */
  endStep(): Scores | undefined {
    const scores = this.#latest;
    if (scores) this.scores.push(scores);
    this.#latest = undefined;
    this.#step++;
    return scores;
  }

  /** The scores of a latent as it is. */
  async measure(latent: RuntimeTensor): Promise<Scores> {
    return (await this.#network.refine(latent, 0, this.#metrics)).scores;
  }

  get #eta(): number {
    const { eta, schedule } = this.#settings;
    return schedule === 'constant' ? eta : (eta * (this.#to - this.#step)) / (this.#to - this.#from);
  }
}
