import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../shared/lora/safetensors.ts';
import { diptych } from './diptych-process.ts';
import { editTensors } from './edit-file.ts';
import { copyOf, SD15 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';
import { tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const EMPTY = path.join(root, 'empty-store');
const BIN = path.join(import.meta.dirname, '../../../models-manifest/cli/bin.mjs');
const LORA = path.join(SD15, 'lora/subject.kohya.safetensors');

describe.concurrent('--help', () => {
  test.each([
    '',
    'prepare',
    'lora',
    'lora add',
    'lora inspect',
    'publish',
    'site',
    'site create',
    'site rotate',
    'site origins',
    'generate',
    'grad',
    'conformance',
  ])('of diptych %s', async (command) => {
    const { code, stdout, stderr } = await diptych(...command.split(' ').filter(Boolean), '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: diptych/);
    expect(stdout).toContain(`\nExample:\n  $ npx diptych ${command}`);
  });
});

describe.concurrent('what is not understood exits with 2 and says why', () => {
  test.each<[args: string[], message: RegExp]>([
    [[], /^Usage: diptych/],
    [['paint'], /unknown command 'paint'/],
    [['prepare', 'folder', '--license', 'MIT'], /required option '--author <name>'/],
    [['prepare', 'folder', '--license', 'MIT', '--author', 'A', '--shard-size', '65'], /whole number from 1 to 64/],
    [['lora', 'add', 'file', '--kind', 'colour', '--model', 'demo'], /Allowed choices are subject, style/],
    [['generate', '--seed', '-1'], /whole number from 0 to 4294967295/],
    [['generate', '--guidance-setting', 'weights.judge=1'], /weights\.judge: /],
    [['generate', '--guidance-setting', 'weights.gram=-1'], /weights\.gram: /],
    [['conformance', SD15, '--only', 'eps.nothing'], /has no golden eps\.nothing; it has encoder_hidden_states, /],
    [['site', 'create', '--name', 'Shop', '--origin', 'shop.example/path'], /shop\.example\/path is no origin; write https:/],
    [['site', '--edge', 'http://edge.example', 'list'], /http:\/\/edge\.example is not https/],
    [['site', '--edge', 'https://edge.example', 'list'], /no admin token for https:\/\/edge\.example/],
    [['--store', EMPTY, 'prepare', SD15, '--id', 'My model', '--license', 'MIT', '--author', 'A'], /id "My model"/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await diptych(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('conformance', () => {
  test('exits with 0 when every golden asked for passes, and prints them as a table', async () => {
    const { code, stdout } = await diptych('conformance', SD15, '--only', 'eps.base, encoder_hidden_states');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBe(4);
    expect(lines[0]).toMatch(/^golden +max error +tolerance +KL error +choices +verdict$/);
    expect(lines[1]).toMatch(/^eps\.base +\d\.\d+e-\d +1\.00e-3 +- +- {2}pass$/);
    expect(lines[2]).toMatch(/^encoder_hidden_states .* pass$/);
    expect(lines[3]).toBe('2 of 2 pass on cpu');
  });

  test('exits with 1 when one is not supported yet', async () => {
    const folder = await copyOf(SD15, path.join(root, 'unheard-of'));
    const file = path.join(folder, 'golden.safetensors');
    const { tensors } = readSafetensors(new Uint8Array(await readFile(file)), file);
    await writeFile(file, writeSafetensors(tensors.set('eps.unheard_of', tensors.get('eps.base')!), {}));
    const { code, stdout } = await diptych('conformance', folder, '--only', 'eps.base,eps.unheard_of');
    expect(code).toBe(1);
    expect(stdout).toMatch(/eps\.unheard_of .* not supported yet\n1 of 2 pass on cpu\n$/);
  });

  test('exits with 1 when one fails; with --json it prints one JSON value', async () => {
    const folder = await copyOf(SD15, path.join(root, 'tampered'));
    await editTensors(path.join(folder, 'golden.safetensors'), (tensors) => tensors.get('eps.base')!.bytes.fill(0));
    const { code, stdout } = await diptych('--json', 'conformance', folder, '--only', 'eps.base,eps.kl');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      root: folder,
      backend: 'cpu',
      passed: 1,
      outcomes: [
        { name: 'eps.base', status: 'FAIL', maxAbsError: expect.any(Number), tolerance: 1e-3 },
        { name: 'eps.kl', status: 'pass', choicesDiffer: [], klOff: [] },
      ],
    });
  });
});

describe('--json', () => {
  test('gives what prepare and lora add did as the entries of the catalogue', async () => {
    const store = path.join(root, 'store');
    const folder = await tinyPipeline(path.join(root, 'Tiny'));
    const prepared = await diptych('prepare', folder, '--out', store, '--license', 'CC0-1.0', '--author', 'Diptych', '--json');
    expect(prepared).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(prepared.stdout)).toMatchObject({ id: 'tiny', name: 'tiny', defaults: { steps: 20, guidanceScale: 7.5 } });
    const lora = path.join(SD15, 'lora/style.peft.safetensors');
    const added = await diptych('--store', store, '--json', 'lora', 'add', lora, '--kind', 'style', '--model', 'tiny', '--trigger', 'knit');
    expect(JSON.parse(added.stdout)).toMatchObject({ id: 'style-peft', model: 'tiny', kind: 'style', trigger: 'knit', license: 'unknown' });
  });

  test('gives errors as JSON on stderr, and exits with 1', async () => {
    const { code, stdout, stderr } = await diptych('--store', EMPTY, '--json', 'generate', '--subject', 'pip');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'not_in_catalogue', message: `the store ${EMPTY} has no model; it has none`, details: { known: [] } },
    });
  });

  // Wrangler told on stdout where it had found the secrets of .dev.vars.
  test('of a command that opens the local edge prints nothing beside it', async () => {
    const { code, stdout, stderr } = await diptych('--store', EMPTY, '--json', 'publish', '--local');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'store_invalid' } });
  });
});

test('a reader that has seen enough ends the command quietly', async () => {
  const child = spawn('sh', ['-c', `"$0" "$1" lora inspect "$2" --json | true`, process.execPath, BIN, LORA], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  expect(await text(child.stderr)).toBe('');
  expect(await ended).toBe(0);
});

test('an error is one line with its code', async () => {
  const { code, stdout, stderr } = await diptych('conformance', EMPTY);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    `error[pipeline_incomplete]: ${EMPTY} has no golden.json; export the pipeline in the layout of public ONNX exports\n`,
  );
});
