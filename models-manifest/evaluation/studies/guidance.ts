import type { GuidanceSettings } from '../../../shared/guidance/settings.ts';
import type { RuleName } from '../../../shared/rules.ts';
import type { Variant } from '../run-study.ts';

const plain = (rule: RuleName): Variant => ({ name: rule, request: { rule } });

const guided = (rule: RuleName, about: string, guidance: GuidanceSettings): Variant => ({
  name: `${rule}, ${about}`,
  against: rule,
  request: { rule, guidance },
});

/** `kl` with metric guidance through the tiny decoder by steps of growing length, and in parts; then rules that lose less of the subject. */
export const GUIDANCE_VARIANTS: readonly Variant[] = [
  plain('kl'),
  ...[0.02, 0.05, 0.1].map((eta) => guided('kl', `eta ${eta}`, { eta })),
  guided('kl', 'eta 0.05, style only', { eta: 0.05, weights: { dino: 0 } }),
  guided('kl', 'eta 0.05, subject only', { eta: 0.05, weights: { clip: 0 } }),
  guided('kl', 'eta 0.05, first half', { eta: 0.05, to: 0.5 }),
  guided('kl', 'eta 0.05, second half', { eta: 0.05, from: 0.5 }),
  guided('kl', 'eta 0.05, VAE decoder', { eta: 0.05, decoder: 'vae' }),
  plain('direct'),
  guided('direct', 'eta 0.05', { eta: 0.05 }),
  plain('np-lora'),
  guided('np-lora', 'eta 0.05', { eta: 0.05 }),
];
