/** `npm run check`: everything about the code that needs no run of it. One line a check; exits 1 when any fails. */
import { spawnSync } from 'node:child_process';

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', '.'],
  ['types of the edge', 'tsc', '-p', 'worker'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['format', 'prettier', '--check', '.'],
  ['dead code and unused dependencies', 'knip'],
  ['size of the loader and the studio', 'node', 'client/size.ts'],
];

/** Prints a line for each check, and the output of those that fail. Returns whether all passed. */
export function check(): boolean {
  let passed = true;
  for (const [name, command, ...args] of CHECKS) {
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
    if (status === 0) continue;
    passed = false;
    console.log(`${stdout ?? ''}${stderr ?? ''}`.trim());
  }
  return passed;
}

if (import.meta.main) process.exitCode = check() ? 0 : 1;
