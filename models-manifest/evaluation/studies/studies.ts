import type { Study } from '../study.ts';
import { RULES_STUDY } from './rules.ts';
import { SETTINGS_STUDY } from './settings.ts';

/** By name; the first is what `npm run evaluate` runs. */
export const STUDIES: Readonly<Record<string, Study>> = Object.fromEntries(
  [RULES_STUDY, SETTINGS_STUDY].map((study) => [study.name, study]),
);
