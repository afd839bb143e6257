/**
 * All that a sampler may do with a latent of type L, which can be an array or a buffer on the GPU: linear combinations. Every sampler
 * of the literature needs no more.
 */
export interface LatentSpace<L> {
  /** A new latent: the sum of coefficient * latent over one to four terms. */
  combine(terms: readonly (readonly [coefficient: number, latent: L])[]): Promise<L>;
  /** The latent will not be read again. */
  release(latent: L): void;
}
