import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SchedulersFile } from '../../../models-manifest/cli/conformance/schedulers.ts';
import { diptych } from './diptych-process.ts';
import { editJson } from './edit-file.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const RUNS = 'tests/fixtures/schedulers.json';

const edited = async (name: string, edit: (file: SchedulersFile) => void): Promise<string> => {
  const file = path.join(root, name);
  await copyFile(RUNS, file);
  await editJson(file, edit);
  return file;
};

describe.concurrent('conformance of a file of sampler runs', () => {
  test('exits with 0 when every run passes, and prints them as a table', async () => {
    const { code, stdout } = await diptych('conformance', RUNS);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBe(44);
    expect(lines[1]).toMatch(/^1 heun v_prediction leading 4 +\d\.\d+e-\d+ +1\.00e-4 +- +- +pass$/);
    expect(lines[43]).toBe('42 of 42 pass');
  });

  test('exits with 1 when one does not, and says what is off', async () => {
    const file = await edited('off.json', ({ cases }) => (cases[2]!.timesteps[1]! += 1));
    const { code, stdout } = await diptych('--json', 'conformance', file);
    expect(code).toBe(1);
    const { passed, outcomes } = JSON.parse(stdout) as { passed: number; outcomes: object[] };
    expect(passed).toBe(41);
    expect(outcomes[2]).toMatchObject({ status: 'FAIL', timestepError: 1, reason: 'timestepError 1.00e+0', tolerance: 1e-4 });
  });

  test.each<[name: string, edit: (file: SchedulersFile) => void, message: RegExp]>([
    ['no-end', ({ cases }) => delete (cases[3] as Partial<SchedulersFile['cases'][number]>).final, /no-end\.json: cases\.3\.final: /],
    ['network', (file) => (file.network = 'x'), /network is "x"; it must be a\*sin/],
  ])('refuses a file of another form: %s', async (name, edit, message) => {
    const { code, stderr } = await diptych('conformance', await edited(`${name}.json`, edit));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  test('refuses what is not JSON, and a choice of goldens', async () => {
    const file = path.join(root, 'cut.json');
    await writeFile(file, '{"start": [');
    expect((await diptych('conformance', file)).stderr).toMatch(/cut\.json is not JSON/);
    expect(await diptych('conformance', RUNS, '--only', 'euler')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--only selects goldens/),
    });
  });
});
