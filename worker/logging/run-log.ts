import type { Clock } from '../clock.ts';
import { logError, logLine } from './log.ts';

/** What a run did, in numbers. */
type Outcome = Record<string, number>;

/** Runs what no request asked for (a batch of the queue, the cron) and writes one line about it: what it did, or why it broke. */
export async function logRun(
  event: string,
  fields: Record<string, string | number>,
  now: Clock,
  run: () => Promise<Outcome>,
): Promise<void> {
  const started = now();
  try {
    const outcome = await run();
    logLine('info', event, { ...fields, ...outcome, ms: now() - started });
  } catch (thrown) {
    logError(event, thrown, { ...fields, ms: now() - started });
    throw thrown;
  }
}
