/** How the commands speak: results on stdout (as text, or as one JSON value with --json), progress and errors on stderr. */
import { asDiptychError } from '../../shared/errors.ts';

export interface Console {
  json: boolean;
  /** A line of the result, for people; silent with --json. */
  line(text: string): void;
  /** The result, for machines; silent without --json. */
  result(value: unknown): void;
  /** What the caller should know although it did not fail, on stderr. */
  warn(text: string): void;
  /** A bar that is drawn again and again on a terminal, and now and then as a line elsewhere. */
  progress(label: string): Progress;
}

export interface Progress {
  /** `done` of `total`, and what is left in seconds where it is known. */
  update(done: number, total: number, detail?: string): void;
  end(): void;
}

/** Between two lines of progress where there is no terminal, in milliseconds. */
const QUIET_INTERVAL = 2000;
const BAR_WIDTH = 24;

/** Before this an estimate of the time left is a guess. */
const SETTLING_SECONDS = 1;
const SETTLING_SHARE = 0.03;

export function openConsole(json: boolean): Console {
  return {
    json,
    line: (text) => void (json || process.stdout.write(`${text}\n`)),
    result: (value) => void (json && process.stdout.write(`${JSON.stringify(value)}\n`)),
    warn: (text) => void process.stderr.write(`warning: ${text}\n`),
    progress: (label) => (process.stderr.isTTY ? barProgress(label) : lineProgress(label)),
  };
}

function barProgress(label: string): Progress {
  const started = performance.now();
  return {
    update(done, total, detail = '') {
      const share = total > 0 ? done / total : 1;
      const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
      process.stderr.write(`\r\x1b[2K${label} ${bar} ${detail} ${timeLeft(started, share)}`);
    },
    end: () => void process.stderr.write('\r\x1b[2K'),
  };
}

function lineProgress(label: string): Progress {
  const started = performance.now();
  let last = started;
  return {
    update(done, total, detail = '') {
      const now = performance.now();
      if (now - last < QUIET_INTERVAL) return;
      last = now;
      const share = total > 0 ? done / total : 1;
      process.stderr.write(`${label}: ${Math.round(share * 100)} % ${detail} ${timeLeft(started, share)}\n`);
    },
    end() {},
  };
}

function timeLeft(started: number, share: number): string {
  const seconds = (performance.now() - started) / 1000;
  if (seconds < SETTLING_SECONDS || share < SETTLING_SHARE || share >= 1) return '';
  return `${Math.ceil((seconds / share) * (1 - share))} s left`;
}

/** 12.3 MB */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** One line (or one JSON object) for what went wrong; returns the exit code. */
export function reportError(thrown: unknown, json: boolean): number {
  const error = asDiptychError(thrown);
  process.stderr.write(json ? `${JSON.stringify({ error })}\n` : `error[${error.code}]: ${error.message}\n`);
  return error.code === 'usage' ? 2 : 1;
}
