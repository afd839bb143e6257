import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pipeline } from '../../../client/engine/pipeline.ts';
import { encodePrompts, readTokenizers } from '../../../client/engine/prompts.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { type GoldenFolder, goldenTensor, readGoldenFolder } from '../../../models-manifest/cli/conformance/golden-folder.ts';
import { maxAbsError } from '../../../models-manifest/cli/conformance/compare.ts';
import { prepareModel } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { type ModelEntry, modelBlobs } from '../../../shared/manifest.ts';
import type { GenerateRequest } from '../../../shared/protocol.ts';
import { RuleSettings } from '../../../shared/rules.ts';
import { SDXL } from '../cli/fixture-folder.ts';
import { tempRoot } from '../cli/temp-root.ts';
import * as v from 'valibot';

const store = new Store(tempRoot());
const NO_LORA = { subject: [], style: [] };
const ABOUT = { id: 'sdxl', name: 'SDXL', license: 'CC0-1.0', author: 'Diptych', weights: 'float32', shardBytes: 2 ** 20 } as const;

let runtime: Runtime;
let model: ModelEntry;
let pipeline: Pipeline;
let blobs: Map<string, Uint8Array>;
let golden: GoldenFolder;
beforeAll(async () => {
  runtime = await openNodeRuntime('cpu');
  golden = await readGoldenFolder(SDXL);
  model = await prepareModel(SDXL, store, ABOUT, () => undefined);
  blobs = new Map(
    await Promise.all(modelBlobs(model).map(async ({ sha256 }) => [sha256, await readFile(store.blobPath(sha256))] as const)),
  );
  pipeline = new Pipeline(runtime, model);
  await pipeline.load(pipeline.unready(), {}, new Map(blobs), () => undefined, new AbortController().signal);
});
afterAll(async () => {
  await pipeline.close();
  await runtime.close();
});

async function encoded(change: Partial<GenerateRequest>): Promise<Record<string, Float32Array>[]> {
  const parts = {
    runtime,
    pipeline,
    tokenizers: readTokenizers(model, blobs),
    adapters: { denoiser: NO_LORA, textEncoder: NO_LORA, textEncoder2: NO_LORA },
    rule: v.parse(RuleSettings, {}),
    onEvent: () => undefined,
  };
  const request: GenerateRequest = {
    model,
    prompt: 'a pip knit',
    seed: 0,
    steps: 2,
    guidanceScale: 3,
    strengths: [1, 1],
    rule: 'kl',
    ...change,
  };
  const steps = await encodePrompts(parts, request);
  expect(steps.map((passes) => passes.length)).toEqual([1, 1]);
  // Steps that are encoded alike share their tensors.
  expect(steps[1]).toBe(steps[0]);
  const read = Object.entries(steps[0]![0]!).map(async ([name, tensor]) => [name, (await runtime.read(tensor)).slice()] as const);
  return [Object.fromEntries(await Promise.all(read))];
}

const half = (values: Float32Array, row: number) => values.slice((row * values.length) / 2, ((row + 1) * values.length) / 2);

describe('the prompts of an SDXL-shaped model', () => {
  const inputs = ['encoder_hidden_states', 'text_embeds', 'time_ids'] as const;

  test.each(inputs)('give the %s of PyTorch', async (name) => {
    const [feeds] = await encoded({ negativePrompt: '' });
    expect(maxAbsError(feeds![name]!, goldenTensor(golden, name).data)).toBeLessThan(1e-5);
  });

  test('are zero in row 0 where no negative prompt is given', async () => {
    const [feeds] = await encoded({});
    for (const name of inputs.slice(0, 2)) {
      const values = feeds![name]!;
      expect(half(values, 0).every((value) => value === 0)).toBe(true);
      expect(maxAbsError(half(values, 1), half(goldenTensor(golden, name).data, 1))).toBeLessThan(1e-5);
    }
  });

  test('are the prompt twice without guidance, where the other half has no use', async () => {
    const [feeds] = await encoded({ guidanceScale: 1, negativePrompt: 'zebra' });
    for (const name of inputs) expect(half(feeds![name]!, 0)).toEqual(half(feeds![name]!, 1));
  });
});
