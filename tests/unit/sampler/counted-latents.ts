import { floatLatents } from '../../../client/sampler/float-latents.ts';
import type { LatentSpace } from '../../../client/sampler/latent-space.ts';

/** Latents in memory that know which of them have not been released. */
export class CountedLatents implements LatentSpace<Float32Array> {
  readonly live = new Set<Float32Array>();

  adopt(latent: Float32Array): Float32Array {
    this.live.add(latent);
    return latent;
  }

  async combine(terms: Parameters<typeof floatLatents.combine>[0]): Promise<Float32Array> {
    for (const [, latent] of terms) if (!this.live.has(latent)) throw new Error('a latent was read after its release');
    if (terms.length > 4) throw new Error(`${terms.length} terms`);
    return this.adopt(await floatLatents.combine(terms));
  }

  release(latent: Float32Array): void {
    if (!this.live.delete(latent)) throw new Error('a latent was released twice');
  }
}
