import { writeModel } from '../../shared/onnx/write.ts';
import type { LatentSpace } from '../sampler/latent-space.ts';
import { COMBINED, coefficientInput, latentGraph, latentInput } from './latent-graph.ts';
import type { Runtime, RuntimeTensor, Session } from './sessions/runtime.ts';

/** Latents that stay on the device: samplers combine them by a tiny ONNX graph, and only the coefficients travel. */
export class DeviceLatents implements LatentSpace<RuntimeTensor> {
  readonly #runtime: Runtime;
  readonly #dims: readonly number[];
  readonly #sessions = new Map<number, Session>();
  readonly #live = new Set<RuntimeTensor>();

  /** `dims`: [1, channels, height, width]. */
  constructor(runtime: Runtime, dims: readonly number[]) {
    this.#runtime = runtime;
    this.#dims = dims;
  }

  /** How many latents have not been released. */
  get live(): number {
    return this.#live.size;
  }

  upload(values: Float32Array): RuntimeTensor {
    return this.adopt(this.#runtime.upload(values, this.#dims));
  }

  /** Takes over a tensor that a session made. */
  adopt(latent: RuntimeTensor): RuntimeTensor {
    this.#live.add(latent);
    return latent;
  }

  async combine(terms: readonly (readonly [coefficient: number, latent: RuntimeTensor])[]): Promise<RuntimeTensor> {
    const session = await this.#session(terms.length);
    const feeds: Record<string, RuntimeTensor> = {};
    for (const [k, [coefficient, latent]] of terms.entries()) {
      feeds[latentInput(k)] = latent;
      feeds[coefficientInput(k)] = this.#runtime.host(Float32Array.of(coefficient), [1]);
    }
    return this.adopt((await session.run(feeds))[COMBINED]!);
  }

  release(latent: RuntimeTensor): void {
    if (this.#live.delete(latent)) this.#runtime.release(latent);
  }

  /** For the end of a run, however it ended. */
  releaseAll(): void {
    for (const latent of this.#live) this.release(latent);
  }

  async close(): Promise<void> {
    this.releaseAll();
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #session(terms: number): Promise<Session> {
    const known = this.#sessions.get(terms);
    if (known) return known;
    const session = await this.#runtime.createSession(writeModel(latentGraph(terms, this.#dims)), [], { onDevice: [COMBINED] });
    this.#sessions.set(terms, session);
    return session;
  }
}
