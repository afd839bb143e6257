import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DiptychError } from '../../../shared/errors.ts';

/** The script behind `npx wrangler`. */
export const WRANGLER = path.join(createRequire(import.meta.url).resolve('wrangler'), '../../bin/wrangler.js');

/** Wrangler as we want it: no banner, no metrics, no log files, no look-up of its edge. */
export const WRANGLER_ENV = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
};

/** What a run of wrangler came to. `output` is stdout and stderr as they came. */
export interface WranglerRun {
  status: number;
  stdout: string;
  output: string;
}

/** Runs wrangler. That it fails is a result too. */
export async function runWrangler(...args: string[]): Promise<WranglerRun> {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    env: { ...process.env, ...WRANGLER_ENV },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  return { status, stdout, output };
}

/**
 * Runs wrangler and returns what it printed.
 *
 * @throws DiptychError `internal` with the end of its output when it fails
 */
export async function wrangler(...args: string[]): Promise<string> {
  const { status, output } = await runWrangler(...args);
  if (status === 0) return output;
  throw new DiptychError('internal', `wrangler ${args.join(' ')} failed: ${output.trim().split('\n').slice(-6).join('\n')}`, { status });
}
