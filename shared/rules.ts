/** The fusion rules by name: one list for engine, command line, studio and telemetry. */
export const RULES = ['kl', 'direct', 'subject-only', 'style-only'] as const;
export type RuleName = (typeof RULES)[number];
export const DEFAULT_RULE: RuleName = 'kl';
