import type { CriterionName, Measuring } from '../../rules.ts';
import { cosine } from './cosine.ts';
import type { Criterion } from './criterion.ts';
import { kl } from './kl.ts';
import { l2 } from './l2.ts';

/** What can decide between two LoRAs in the graph, by name. */
export const CRITERIA: Readonly<Record<CriterionName, (measuring: Measuring) => Criterion>> = { kl, l2: () => l2, cosine: () => cosine };
