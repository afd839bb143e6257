/** The samplers by name: one list for engine, command line and studio. `client/sampler` has a file for each. */
export const SAMPLERS = ['ddim', 'euler', 'euler-a', 'heun', 'dpmpp-2m', 'lcm', 'flow-euler'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/**
 * How the steps lie between noise and picture: the spacings of the training timesteps (Lin et al. 2024, arXiv 2305.08891, table 2), SGM's
 * uniform one, the sigmas of Karras et al. 2022 (arXiv 2206.00364, equation 5), and those of a flow.
 */
export const SCHEDULES = ['leading', 'trailing', 'linspace', 'sgm-uniform', 'karras', 'flow'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];
