#!/usr/bin/env node
// Runs the command with the Node that the project brings along where the machine's own is too old to read TypeScript.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;
const program = fileURLToPath(new URL('diptych.ts', import.meta.url));
const own = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
const recent = Number(process.versions.node.split('.')[0]) >= OLDEST;

if (!recent && !existsSync(own)) {
  console.error(
    `error: diptych needs Node ${OLDEST} or newer, and this is ${process.versions.node}. Run npm install in the project, or install Node ${OLDEST}.`,
  );
  process.exit(1);
}
if (recent) await import(program);
else process.exit(spawnSync(own, [program, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
