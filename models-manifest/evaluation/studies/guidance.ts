import type { Variant } from '../run-study.ts';

/** `kl` alone, then with metric guidance through the tiny decoder by steps of growing length, and in parts. */
export const GUIDANCE_VARIANTS: readonly Variant[] = [
  { name: 'kl', request: { rule: 'kl' } },
  ...[0.02, 0.05, 0.1].map((eta): Variant => ({ name: `kl, eta ${eta}`, request: { rule: 'kl', guidance: { eta } } })),
  { name: 'kl, eta 0.05, style only', request: { rule: 'kl', guidance: { eta: 0.05, weights: { dino: 0 } } } },
  { name: 'kl, eta 0.05, subject only', request: { rule: 'kl', guidance: { eta: 0.05, weights: { clip: 0 } } } },
  { name: 'kl, eta 0.05, first half', request: { rule: 'kl', guidance: { eta: 0.05, to: 0.5 } } },
  { name: 'kl, eta 0.05, second half', request: { rule: 'kl', guidance: { eta: 0.05, from: 0.5 } } },
  { name: 'kl, eta 0.05, VAE decoder', request: { rule: 'kl', guidance: { eta: 0.05, decoder: 'vae' } } },
];
