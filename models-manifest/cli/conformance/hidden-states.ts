import { type EncoderOutputs, layConditioning } from '../../../client/engine/conditioning.ts';
import { encoderOutput } from '../pipeline/encoder-output.ts';
import { encodersOf, familyOf } from '../pipeline/families.ts';
import { planConditioning } from '../pipeline/plan-conditioning.ts';
import type { Bench } from './bench.ts';

const INPUT = 'encoder_hidden_states';

/** What the denoiser reads of the text encoders' `outputs`, laid as `diptych prepare` would. */
export async function hiddenStates(bench: Bench, outputs: EncoderOutputs): Promise<Float32Array> {
  // Of one text encoder it is the first output, whatever the family would want of a second.
  if (outputs.size === 1) return outputs.get('textEncoder')!.values().next().value!.data;
  const family = familyOf(bench.folder.denoiserInputs, `the denoiser of ${bench.folder.root}`);
  const there = encodersOf(family).filter(([name]) => outputs.has(name));
  const roles = await Promise.all(
    there.map(async ([name, wanted]) => {
      const encoder = { ...(await bench.encoder(name)), layers: undefined };
      return [name, new Map(wanted.map((role) => [role, encoderOutput(encoder, role)]))] as const;
    }),
  );
  const { inputs } = await bench.graph('denoiser', 'plain');
  const plan = planConditioning(family, { outputs: new Map(roles), declared: inputs, batch: 2, configWidth: undefined });
  const input = plan.inputs({ height: 0, width: 0 }).find((candidate) => candidate.input === INPUT)!;
  return layConditioning(input, plan.dims[INPUT]!, outputs, false);
}
