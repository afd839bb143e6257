import type { LatentSpace } from './latent-space.ts';

/** Latents as arrays in memory; sums in double precision, rounded once. */
export const floatLatents: LatentSpace<Float32Array> = {
  async combine(terms) {
    return Float32Array.from({ length: terms[0]![1].length }, (_, i) =>
      terms.reduce((sum, [coefficient, latent]) => sum + coefficient * latent[i]!, 0),
    );
  },
  release() {},
};
