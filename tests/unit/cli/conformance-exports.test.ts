import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { readGoldenFolder } from '../../../models-manifest/cli/conformance/golden-folder.ts';
import { goldenNames, type Outcome, runConformance } from '../../../models-manifest/cli/conformance/run.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { constantNodes, countedSplits, dynamoExport, sharedThroughIdentity, wrappedExport } from './dynamo-export.ts';
import { editModel } from './edit-file.ts';
import { copyOf, SDXL } from './fixture-folder.ts';
import { dequantisedExport, type Quantisation, quantisedExport } from './quantised-export.ts';
import { moveWeightsOut, unfoldTransposes } from './raw-export.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
let count = 0;
const folderOf = () => copyOf(SDXL, path.join(root, `folder-${count++}`));

async function outcomesOf(folderPath: string, backend: 'cpu' | 'wasm', names?: readonly string[]): Promise<Outcome[]> {
  const folder = await readGoldenFolder(folderPath);
  const runtime = await openNodeRuntime(backend);
  const outcomes: Outcome[] = [];
  for await (const outcome of runConformance(folder, runtime, names ?? goldenNames(folder))) outcomes.push(outcome);
  await runtime.close();
  return outcomes;
}

describe('every golden passes of an export', () => {
  const all = (edit: (model: Model) => Model) => async (folder: string) => {
    for (const part of ['unet', 'text_encoder', 'text_encoder_2']) await editModel(folder, part, edit);
  };
  const cases: [about: string, change: (folder: string) => Promise<void>][] = [
    ['by the dynamo exporter, of operator set 18', all((model) => dynamoExport(model))],
    ['by the dynamo exporter, inside another module', all((model) => dynamoExport(model, 'model.'))],
    ['whose splits are counted', all((model) => countedSplits(dynamoExport(model)))],
    ['whose weights and biases are shared through Identity', all(sharedThroughIdentity)],
    ['inside another module', all((model) => wrappedExport(model, 'wrapper'))],
    ['whose initializers are Constant nodes', all(constantNodes)],
    [
      'without constant folding, its weights in another file',
      async (folder) => {
        expect(await unfoldTransposes(folder, 'unet')).toBeGreaterThan(50);
        for (const part of ['unet', 'vae_decoder', 'text_encoder']) await moveWeightsOut(folder, part);
      },
    ],
  ];
  test.each(cases)('%s', async (_, change) => {
    const folder = await folderOf();
    await change(folder);
    for (const outcome of await outcomesOf(folder, 'cpu'))
      expect(outcome).toMatchObject({ status: 'pass', maxAbsError: expect.any(Number) });
  });
});

describe('4-bit Linears', () => {
  const NAMES = ['eps.base', 'eps.kl', 'eps.direct', 'eps.subject_only', 'trajectory.kl.final'];
  const kinds: [about: string, backend: 'cpu' | 'wasm', how: Quantisation][] = [
    ['in blocks of 32', 'cpu', { blockSize: 32, zeroPoints: false, biasInput: false }],
    ['in blocks of 16, with zero points', 'cpu', { blockSize: 16, zeroPoints: true, biasInput: false }],
    ['with the bias as an input', 'cpu', { blockSize: 16, zeroPoints: true, biasInput: true }],
    ['in blocks of 32, with zero points', 'wasm', { blockSize: 32, zeroPoints: true, biasInput: false }],
  ];
  // The goldens are of the float weights, so what both networks are held against is how far they are from them.
  test.each(kinds)('%s on %s make what their float weights make, and choose alike', async (_, backend, how) => {
    const [quantised, dequantised] = [await folderOf(), await folderOf()];
    await editModel(quantised, 'unet', (model) => quantisedExport(model, how));
    await editModel(dequantised, 'unet', (model) => dequantisedExport(model, how));
    const [ours, theirs] = [await outcomesOf(quantised, backend, NAMES), await outcomesOf(dequantised, backend, NAMES)];
    for (const [k, { name, reason, maxAbsError, choicesDiffer }] of theirs.entries()) {
      expect([name, reason]).toEqual([NAMES[k], undefined]);
      expect(ours[k]).toMatchObject({ name, ...(choicesDiffer ? { choicesDiffer } : {}) });
      // Far from the goldens, so that it is 4 bits that are compared; and both equally far.
      expect(maxAbsError!, name).toBeGreaterThan(1e-3);
      expect(Math.abs(ours[k]!.maxAbsError! - maxAbsError!), name).toBeLessThan(1e-4);
    }
  });
});
