import type { SamplerName } from '../../shared/samplers.ts';
import { ddim } from './ddim.ts';
import { dpmpp2m } from './dpmpp-2m.ts';
import { eulerAncestral } from './euler-a.ts';
import { euler } from './euler.ts';
import { heun } from './heun.ts';
import { lcm } from './lcm.ts';
import type { StochasticRun } from './sampler-run.ts';

/** Each makes the latent that the decoder takes. */
export const SAMPLER_OF: Record<SamplerName, <L>(run: StochasticRun<L>) => Promise<L>> = {
  ddim,
  euler,
  'euler-a': eulerAncestral,
  heun,
  'dpmpp-2m': dpmpp2m,
  lcm,
  'flow-euler': euler,
};
