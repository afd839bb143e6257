import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import type { GoldenLayer } from '../../../models-manifest/cli/conformance/compare.ts';
import { readGoldenFolder } from '../../../models-manifest/cli/conformance/golden-folder.ts';
import { lineOf } from '../../../models-manifest/cli/conformance/line.ts';
import { goldenNames, type Outcome, runConformance } from '../../../models-manifest/cli/conformance/run.ts';
import { editJson, editTensors } from './edit-file.ts';
import { copyOf, SD15, SD3 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();

/** The goldens of sd15-tiny, by what they are. */
const MEASURED = ['eps.kl', 'eps.kl_strengths'];
const FUSED = [...MEASURED, 'eps.direct', 'eps.subject_only', 'eps.style_only'];
const MADE = [
  'encoder_hidden_states',
  'encoder_hidden_states.subject_lora',
  'eps.base',
  ...FUSED,
  ...['s_step0of6', 's_step3of6', 's_step5of6', 's*_step0of6', 's*_step3of6', 's*_step5of6'].map((rule) => `eps.klora_${rule}`),
  'eps.np_lora_mu0.5',
  'trajectory.kl.final',
  'decoded',
  ...['vae', 'tiny'].flatMap((decoder) => ['', '.dino_alone', '.clip_alone'].map((only) => `guidance.${decoder}.gradient${only}`)),
  'trajectory.kl_guided.final',
];

async function outcomesOf(folderPath: string, only?: string[], backend: 'cpu' | 'wasm' = 'cpu'): Promise<Outcome[]> {
  const folder = await readGoldenFolder(folderPath);
  const runtime = await openNodeRuntime(backend);
  const outcomes: Outcome[] = [];
  for await (const outcome of runConformance(folder, runtime, only ?? goldenNames(folder))) outcomes.push(outcome);
  await runtime.close();
  return outcomes;
}

const namesOf = (outcomes: Outcome[], status: Outcome['status']) =>
  outcomes.filter((outcome) => outcome.status === status).map(({ name }) => name);

describe.each(['cpu', 'wasm'] as const)('sd15-tiny on %s', (backend) => {
  test('every golden passes, its layers judged one by one', async () => {
    const outcomes = await outcomesOf(SD15, undefined, backend);
    expect(namesOf(outcomes, 'FAIL')).toEqual([]);
    expect(namesOf(outcomes, 'pass').toSorted()).toEqual(MADE.toSorted());
    expect(namesOf(outcomes, 'not supported yet')).toEqual([]);
    expect(outcomes.filter((outcome) => outcome.klError !== undefined).map(({ name }) => name)).toEqual(MEASURED);
    for (const { name, maxAbsError, tolerance } of outcomes) {
      expect(maxAbsError, name).toBeLessThan(1e-4);
      // A direction is judged by its largest element, everything else as it is.
      expect(tolerance === 1e-3, name).toBe(!name.startsWith('guidance.'));
    }
  });
});

test('sd3-tiny: every golden passes', async () => {
  const outcomes = await outcomesOf(SD3);
  expect(namesOf(outcomes, 'pass').toSorted()).toEqual(['eps.base', ...FUSED, 'trajectory.kl.final'].toSorted());
  expect(namesOf(outcomes, 'FAIL')).toEqual([]);
});

type Golden = { layers: Record<string, Record<string, GoldenLayer>> };

/** A layer that both LoRAs change, the two KLs far apart. */
const CONTESTED = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';

const floats = ({ bytes }: { bytes: Uint8Array }) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe('a golden folder that was tampered with', () => {
  const tampered = (name: string) => copyOf(SD15, path.join(root, name));

  test('one number of a golden tensor changed', async () => {
    const folder = await tampered('tensor');
    await editTensors(path.join(folder, 'golden.safetensors'), (tensors) => {
      const view = floats(tensors.get('eps.base')!);
      view.setFloat32(400, view.getFloat32(400, true) + 2e-3, true);
    });
    const [base, kl] = await outcomesOf(folder, ['eps.base', 'eps.kl']);
    expect(base).toMatchObject({ status: 'FAIL', maxAbsError: expect.closeTo(2e-3, 4) });
    expect(kl).toMatchObject({ status: 'pass' });
  });

  test('a golden tensor that holds a NaN in its first element', async () => {
    const folder = await tampered('nan');
    await editTensors(path.join(folder, 'golden.safetensors'), (tensors) =>
      floats(tensors.get('eps.base')!).setFloat32(0, Number.NaN, true),
    );
    expect(await outcomesOf(folder, ['eps.base'])).toMatchObject([{ status: 'FAIL', maxAbsError: Number.NaN }]);
  });

  test.each<[about: string, edit: (layer: GoldenLayer) => void, expected: Partial<Outcome>]>([
    ['a KL', (layer) => (layer.kl[1] *= 1.01), { klOff: [CONTESTED], choicesDiffer: [] }],
    ['a gate', (layer) => (layer.gates = [layer.gates[1], layer.gates[0]]), { klOff: [], choicesDiffer: [CONTESTED] }],
  ])('%s of one layer changed', async (about, edit, expected) => {
    const folder = await tampered(about.replace(' ', '-'));
    await editJson<Golden>(path.join(folder, 'golden.json'), ({ layers }) => edit(layers['kl']![CONTESTED]!));
    const [kl, direct] = await outcomesOf(folder, ['eps.kl', 'eps.direct']);
    expect(kl).toMatchObject({ status: 'FAIL', ...expected });
    expect(lineOf(kl!)).toMatch(new RegExp(`FAIL +\\(${CONTESTED}\\)`));
    expect(direct).toMatchObject({ status: 'pass' });
  });

  test('a layer that the LoRAs do not change', async () => {
    const folder = await tampered('layer');
    await editJson<Golden>(
      path.join(folder, 'golden.json'),
      ({ layers }) => (layers['kl']!['conv_nowhere'] = { kl: [1, 2], gates: [0, 1] }),
    );
    expect(await outcomesOf(folder, ['eps.kl'])).toMatchObject([
      { status: 'FAIL', klOff: ['conv_nowhere'], choicesDiffer: ['conv_nowhere'] },
    ]);
  });

  // With the style LoRA in both places every layer is a tie, and the output is that of the style alone whatever is chosen.
  test.each<[gates: [number, number], klFactor: number, status: Outcome['status']]>([
    [[1, 0], 1 + 5e-5, 'pass'],
    [[0, 1], 1 + 5e-5, 'pass'],
    [[1, 1], 1 + 5e-5, 'FAIL'],
  ])('gates %j at a tie of two real KLs', async (gates, klFactor, status) => {
    const folder = await tampered(`tie-${gates.join('-')}`);
    const style = await readFile(path.join(folder, 'lora/style.peft.safetensors'));
    await writeFile(path.join(folder, 'lora/subject.kohya.safetensors'), style);
    await editTensors(path.join(folder, 'golden.safetensors'), (tensors) =>
      tensors.get('eps.kl')!.bytes.set(tensors.get('eps.style_only')!.bytes),
    );
    await editJson<Golden>(path.join(folder, 'golden.json'), ({ layers }) => {
      const changed = Object.entries(layers['style_only']!).filter(([, layer]) => layer.kl[1] > 0);
      layers['kl'] = Object.fromEntries(changed.map(([module, { kl }]) => [module, { kl: [kl[1], kl[1] * klFactor], gates }]));
      expect(changed.length).toBeGreaterThan(10);
    });
    const [kl] = await outcomesOf(folder, ['eps.kl']);
    expect(kl).toMatchObject({ status, klOff: [] });
  });

  test('without a UNet its goldens fail by name, and the others are made', async () => {
    const folder = await tampered('no-unet');
    await rm(path.join(folder, 'unet'), { recursive: true });
    const outcomes = await outcomesOf(folder, ['eps.base', 'trajectory.kl.final', 'encoder_hidden_states', 'decoded']);
    expect(outcomes.map(({ status }) => status)).toEqual(['FAIL', 'FAIL', 'pass', 'pass']);
    expect(outcomes[0]!.reason).toMatch(/^pipeline_incomplete: .*no-unet has no unet\/model\.onnx or transformer\/model\.onnx/);
  });

  test('without one LoRA the fused goldens fail by name', async () => {
    const folder = await tampered('no-lora');
    await rm(path.join(folder, 'lora/subject.kohya.safetensors'));
    const [base, kl] = await outcomesOf(folder, ['eps.base', 'eps.kl']);
    expect(base).toMatchObject({ status: 'pass' });
    expect(kl).toMatchObject({
      status: 'FAIL',
      reason: expect.stringMatching(/^pipeline_incomplete: .*lora has no subject\*\.safetensors/),
    });
  });

  test.each<[about: string, change: (folder: string) => Promise<void>, message: RegExp]>([
    ['no golden.json', (folder) => rm(path.join(folder, 'golden.json')), /has no golden\.json/],
    ['no golden.safetensors', (folder) => rm(path.join(folder, 'golden.safetensors')), /golden\.safetensors cannot be read/],
    ['no scheduler', (folder) => rm(path.join(folder, 'scheduler'), { recursive: true }), /has no scheduler\/scheduler_config\.json/],
    ['JSON cut short', (folder) => writeFile(path.join(folder, 'golden.json'), '{"kind": "sd15", '), /golden\.json is not JSON/],
    [
      'a KL that is no number',
      (folder) =>
        editJson<Golden>(path.join(folder, 'golden.json'), ({ layers }) => ((layers['kl']![CONTESTED]!.kl as unknown[])[0] = 'big')),
      /golden\.json: layers\.kl\..*kl\.0: .*number/,
    ],
  ])('%s', async (about, change, message) => {
    const folder = await tampered(about.replaceAll(/\W/g, '-'));
    await change(folder);
    await expect(readGoldenFolder(folder)).rejects.toMatchObject({ code: 'pipeline_incomplete', message: expect.stringMatching(message) });
  });
});
