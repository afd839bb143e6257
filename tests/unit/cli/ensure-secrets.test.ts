import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ensureSecrets } from '../../../models-manifest/cli/demo/local-edge.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const SIGNING = /^SIGNING_KEYS="local:[A-Za-z0-9+/]{43}="$/m;
const ADMIN = /^ADMIN_TOKEN="local:[0-9a-f]{64}"$/m;

test('makes secrets of this machine’s own, once', async () => {
  const file = path.join(root, 'fresh');
  await ensureSecrets(file);
  const made = await readFile(file, 'utf8');
  expect(made).toMatch(SIGNING);
  expect(made).toMatch(ADMIN);
  await ensureSecrets(file);
  expect(await readFile(file, 'utf8')).toBe(made);
});

// Files of the versions before have no ADMIN_TOKEN; a new signing key would end every signed address.
test.for([
  { what: 'a file of the version before', before: 'SIGNING_KEYS="local:abc="' },
  { what: 'comments and other variables', before: '# mine\nOTHER=1\n SIGNING_KEYS = "local:abc="\n#ADMIN_TOKEN="x"\n\n' },
])('adds what lacks to $what, and changes nothing of it', async ({ what, before }) => {
  const file = path.join(root, what.replaceAll(' ', '-'));
  await writeFile(file, before);
  await ensureSecrets(file);
  const after = await readFile(file, 'utf8');
  expect(after.startsWith(before.trimEnd())).toBe(true);
  expect(after.slice(before.trimEnd().length)).toMatch(new RegExp(String.raw`^\n${ADMIN.source.slice(1, -1)}\n$`));
});
