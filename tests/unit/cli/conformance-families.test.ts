import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { readGoldenFolder } from '../../../models-manifest/cli/conformance/golden-folder.ts';
import { goldenNames, type Outcome, runConformance } from '../../../models-manifest/cli/conformance/run.ts';
import { copyOf, SDXL } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';
import { halveLora, toFloat16Model } from './float16-export.ts';
import { editModel } from './edit-file.ts';

const root = tempRoot();

async function outcomesOf(folderPath: string, backend: 'cpu' | 'wasm' = 'cpu'): Promise<Outcome[]> {
  const folder = await readGoldenFolder(folderPath);
  const runtime = await openNodeRuntime(backend);
  const outcomes: Outcome[] = [];
  for await (const outcome of runConformance(folder, runtime, goldenNames(folder))) outcomes.push(outcome);
  await runtime.close();
  return outcomes;
}

const RESULTS = [
  'encoder_hidden_states',
  'encoder_hidden_states.subject_lora',
  'eps.base',
  'eps.kl',
  'eps.direct',
  'eps.subject_only',
  'eps.style_only',
  'trajectory.kl.final',
  'decoded',
];

describe('sdxl-tiny', () => {
  test.each(['cpu', 'wasm'] as const)('passes every golden on %s, and takes those that the UNet reads as inputs', async (backend) => {
    const outcomes = await outcomesOf(SDXL, backend);
    expect(outcomes.map(({ name }) => name)).toEqual(RESULTS);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'pass', maxAbsError: expect.any(Number) });
    for (const outcome of outcomes) expect(outcome.maxAbsError).toBeLessThan(1e-4);
  });

  test('with LoRA files in half precision only, chooses alike', async () => {
    const folder = await copyOf(SDXL, path.join(root, 'half-loras'));
    for (const kind of ['subject.kohya', 'style.peft']) await halveLora(path.join(folder, 'lora'), kind);
    const kl = (await outcomesOf(folder)).find(({ name }) => name === 'eps.kl');
    expect(kl).toMatchObject({ choicesDiffer: [] });
    expect(kl!.maxAbsError).toBeLessThan(1e-2);
  });

  test('in float16 takes float32 and gives it, near the goldens', async () => {
    const folder = await copyOf(SDXL, path.join(root, 'float16'));
    for (const part of ['unet', 'text_encoder', 'text_encoder_2', 'vae_decoder']) await editModel(folder, part, toFloat16Model);
    const outcomes = await outcomesOf(folder);
    expect(outcomes.map(({ name }) => name)).toEqual(RESULTS);
    for (const { name, maxAbsError, reason } of outcomes) {
      expect([name, reason]).toEqual([name, undefined]);
      expect(maxAbsError, name).toBeGreaterThan(1e-5);
      expect(maxAbsError, name).toBeLessThan(name === 'trajectory.kl.final' ? 0.3 : 0.03);
    }
  });
});
