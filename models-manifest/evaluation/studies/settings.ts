import type { GuidanceSettings } from '../../../shared/guidance/settings.ts';
import type { RuleSettings } from '../../../shared/rules.ts';
import { type Study, TRUTH, type Variant } from '../study.ts';

const KL: Variant = { name: 'kl', request: { rule: 'kl' } };
const SOFT: Variant = { name: 'kl-soft: loser 0.5, scope position', against: [KL.name], request: { rule: 'kl-soft' } };

const AGAINST = { against: [KL.name] };
const set = (name: string, ruleSettings: RuleSettings): Variant => ({ name, ...AGAINST, request: { rule: 'kl', ruleSettings } });
const strong = (subject: number, style: number): Variant => ({
  name: `strengths ${subject}, ${style}`,
  ...AGAINST,
  request: { rule: 'kl', strengths: [subject, style] },
});
const guided = (name: string, guidance: GuidanceSettings): Variant => ({ name, ...AGAINST, request: { rule: 'kl', guidance } });
const guidedSoft = (eta: number): Variant => ({
  name: `kl-soft, eta ${eta}`,
  against: [SOFT.name],
  request: { rule: 'kl-soft', guidance: { eta } },
});
const atPositions = (loser: number): Variant => set(`loser ${loser}, scope position`, { loser, scope: 'position' });
/** Of both LoRAs as much as `kl` with a loser applies on average: what it gains by choosing, and what by applying less. */
const both = (strength: number): Variant => ({
  name: `direct, strengths ${strength}`,
  ...AGAINST,
  request: { rule: 'direct', strengths: [strength, strength] },
});

/** `first` is what the others of a table are compared with; `kl` where left out. */
const TABLES: readonly { title: string; first?: Variant; variants: readonly Variant[] }[] = [
  { title: 'Softmax axis', variants: [set('axis positions', { axis: 'positions' })] },
  {
    title: 'What decides together',
    variants: [set('scope half', { scope: 'half' }), set('scope position', { scope: 'position' })],
  },
  {
    title: 'Direction of the divergence',
    variants: [set('direction reverse', { direction: 'reverse' }), set('direction symmetric', { direction: 'symmetric' })],
  },
  {
    title: 'Balance',
    variants: [set('balance', { balance: true }), set('balance, scope position', { balance: true, scope: 'position' })],
  },
  {
    title: 'How much of the loser is kept',
    variants: [
      ...[0.25, 0.5, 0.75].map((loser) => set(`loser ${loser}`, { loser })),
      { name: 'loser 1: direct', ...AGAINST, request: { rule: 'direct' } },
      atPositions(0.25),
      SOFT,
      atPositions(0.75),
      set('loser 0.5, scope position, balance', { loser: 0.5, scope: 'position', balance: true }),
      ...[0.75, 0.875].map(both),
    ],
  },
  { title: 'Strengths of subject and style', variants: [strong(1.2, 1), strong(1.5, 1), strong(1, 0.8), strong(0.8, 0.8)] },
  {
    title: 'Measuring less often',
    variants: [
      set('stride 4', { stride: 4 }),
      set('every 5', { every: 5 }),
      set('every 20: the first step decides', { every: 20 }),
      set('every 10, stride 4', { every: 10, stride: 4 }),
    ],
  },
  { title: 'Guidance: length of a step', variants: [0.02, 0.05, 0.1, 0.15, 0.2].map((eta) => guided(`eta ${eta}`, { eta })) },
  { title: 'Guidance of `kl-soft`: length of a step', first: SOFT, variants: [0.05, 0.1, 0.15].map(guidedSoft) },
  {
    title: 'Guidance: window and decoder, eta 0.05',
    variants: [
      guided('first half', { eta: 0.05, to: 0.5 }),
      guided('second half', { eta: 0.05, from: 0.5 }),
      guided('subject only', { eta: 0.05, weights: { clip: 0 } }),
      guided('style only', { eta: 0.05, weights: { dino: 0 } }),
      guided('VAE decoder', { eta: 0.05, decoder: 'vae' }),
    ],
  },
];

/** What the paper leaves open (arXiv 2602.15539): a table each, one thing changed at a time. */
export const SETTINGS_STUDY: Study = {
  name: 'settings',
  title: 'What decides the fusion: the settings of `kl` and of guidance',
  about:
    'One setting is changed at a time. The row `kl` is the rule by its defaults: softmax over channels, one choice a layer, KL(base || changed), strengths 1 and 1, every step and position measured, no guidance.',
  seeds: 2,
  prompts: 1,
  variants: [KL, ...TABLES.flatMap(({ variants }) => variants)],
  tables: TABLES.map(({ title, first = KL, variants }, k) => ({
    title,
    rows: [...(k === 0 ? [TRUTH] : []), first.name, ...variants.map(({ name }) => name)],
  })),
};
