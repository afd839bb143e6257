/** Runs every golden of a folder and judges each. */
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { asDiptychError } from '../../../shared/errors.ts';
import { Bench } from './bench.ts';
import { caseFor } from './cases.ts';
import { compareLayers, maxAbsError, TOLERANCE } from './compare.ts';
import { type GoldenFolder, goldenTensor } from './golden-folder.ts';
import { directionOf } from './guidance-cases.ts';

export interface Outcome {
  name: string;
  status: 'pass' | 'FAIL' | 'not supported yet';
  maxAbsError?: number;
  tolerance?: number;
  /** Layers whose choice differs though their KLs are no tie. */
  choicesDiffer?: string[];
  /** Layers whose KL is off by more than the tolerance, and the largest relative error of all. */
  klOff?: string[];
  klError?: number;
  /** Why there is no number. */
  reason?: string;
}

/** Golden tensors that are inputs of the cases, not results, beside what the denoiser reads. */
const INPUTS = ['input_ids', 'input_ids_2', 'latent', 'guidance.reference.dino', 'guidance.reference.clip'];

/** The goldens that a folder holds, in the file's order. `encoder_hidden_states` counts only where its own input is there to make it from. */
export function goldenNames({ tensors: { tensors }, denoiserInputs }: GoldenFolder): string[] {
  const inputs = new Set([...INPUTS, ...denoiserInputs, 'encoder_hidden_states']);
  if (tensors.has('input_ids')) inputs.delete('encoder_hidden_states');
  return [...tensors.keys()].filter((name) => !inputs.has(name));
}

/** One outcome for each of `names`, as it comes. */
export async function* runConformance(folder: GoldenFolder, runtime: Runtime, names: readonly string[]): AsyncGenerator<Outcome> {
  const bench = new Bench(folder, runtime);
  try {
    for (const name of names) yield await runCase(bench, name);
  } finally {
    await bench.close();
  }
}

async function runCase(bench: Bench, name: string): Promise<Outcome> {
  const run = caseFor(name, bench);
  if (!run) return { name, status: 'not supported yet' };
  const { data: golden } = goldenTensor(bench.folder, name);
  const { backend } = bench.runtime.info;
  const tolerance = directionOf(name) ? TOLERANCE.direction[backend] * largest(golden) : TOLERANCE.tensor[backend];
  try {
    const { data, layers } = await run();
    const error = maxAbsError(data, golden);
    const goldenLayers = bench.folder.json.layers[name.replace(/^eps\./, '')];
    const verdict = layers && goldenLayers ? compareLayers(layers, goldenLayers) : undefined;
    const wrong = !(error <= tolerance) || (verdict?.choicesDiffer.length ?? 0) + (verdict?.klOff.length ?? 0) > 0;
    return { name, status: wrong ? 'FAIL' : 'pass', maxAbsError: error, tolerance, ...verdict };
  } catch (thrown) {
    const { code, message } = asDiptychError(thrown);
    return { name, status: 'FAIL', tolerance, reason: `${code}: ${message}` };
  }
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
