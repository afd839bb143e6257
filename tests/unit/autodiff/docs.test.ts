import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { NON_DIFFERENTIABLE, VJP_RULES } from '../../../shared/autodiff/vjp-rules.ts';

const page = await readFile(path.resolve(import.meta.dirname, '../../../docs/autodiff.md'), 'utf8');
const quoted = (text: string) => Array.from(text.matchAll(/`([A-Z]\w*)`/g), ([, name]) => name);

test('docs/autodiff.md lists every operator that has a rule', () => {
  const rows = page.split('\n').filter((line) => /^\| `\w+\.ts` \|/.test(line));
  expect(rows.flatMap(quoted).toSorted()).toEqual(Object.keys(VJP_RULES).toSorted());
});

test('and every operator at which a gradient stops', () => {
  const [, stops] = /### Where a gradient stops\n([^]*?)\n###/.exec(page)!;
  expect(quoted(stops!).toSorted()).toEqual([...NON_DIFFERENTIABLE].toSorted());
});
