import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { costTable, costTables, DEMO, MONTHS, SD15, total } from '../../../models-manifest/cli/deploy/costs.ts';
import { withDemoStore } from '../../../models-manifest/cli/demo/with-demo-store.ts';

test('docs/operate.md has the tables as they are worked out: node models-manifest/cli/deploy/print-costs.ts prints them', async () => {
  const page = await readFile(new URL('../../../docs/operate.md', import.meta.url), 'utf8');
  const [, between] = /<!-- costs -->\n\n([^]*)\n\n<!-- end of costs -->/.exec(page) ?? [];
  expect(between).toBe(costTables());
});

test('a first visit downloads of the demo model what the tables say', async () => {
  await withDemoStore(async (store) => {
    const { models, loras } = await store.manifest();
    const [model] = models;
    const { textEncoder, denoiser, decoder } = model!.graphs;
    const graphs = [textEncoder, denoiser, decoder].flatMap((graph) => [graph!.topology, ...graph!.weights]);
    const pair = ['subject', 'style'].map((kind) => loras.find((lora) => lora.kind === kind)!.file);
    const files = [...graphs, model!.text.tokenizer, ...pair];
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    expect(files).toHaveLength(DEMO.files);
    expect(Math.abs(bytes / DEMO.bytes - 1)).toBeLessThan(0.01);
  });
});

test('the sum of a table is that of its lines', () => {
  for (const month of MONTHS) {
    const amounts = [...costTable(month).matchAll(/\| \$(\d+\.\d\d) \|$/gm)].map(([, amount]) => Number(amount));
    expect(amounts.length).toBeGreaterThan(10);
    expect(Math.abs(amounts.reduce((sum, amount) => sum + amount, 0) - total(month))).toBeLessThan(0.01 * amounts.length);
  }
});

test('what lies beyond the plan is paid, and only that', () => {
  expect(total({ model: DEMO, pictures: 0, cacheShare: 0 })).toBe(5);
  expect(total({ model: DEMO, pictures: 1e6, cacheShare: 1 })).toBeGreaterThan(5);
  expect(total({ model: SD15, pictures: 1e6, cacheShare: 0 })).toBeGreaterThan(total({ model: SD15, pictures: 1e6, cacheShare: 1 }));
});
