import type { EngineEvent } from '../../../shared/protocol.ts';
import type { RunProgress, StepProgress } from '../messages.ts';

/** What the studio is doing, as far as its progress bar is concerned. */
export type Progress = { phase: 'start' } | RunProgress | ({ phase: 'step' } & StepProgress);

export function progressOf(event: Exclude<EngineEvent, { type: 'warning' | 'preview' }>): Progress {
  switch (event.type) {
    case 'download':
      return { phase: 'download', loaded: event.loaded, total: event.total, secondsLeft: event.secondsLeft };
    case 'pause':
      return { phase: 'pause', seconds: event.seconds };
    case 'session':
      return { phase: 'prepare', index: event.index, count: event.count };
    case 'step':
      return { phase: 'step', step: event.step, steps: event.steps, secondsLeft: event.secondsLeft };
    case 'decode':
      return { phase: 'decode' };
  }
}

/** Done of `max`; undefined where the end cannot be told. */
export function fractionOf(progress: Progress): number | undefined {
  switch (progress.phase) {
    case 'download':
      return progress.total > 0 ? progress.loaded / progress.total : undefined;
    case 'step':
      return progress.step / progress.steps;
    case 'prepare':
      return progress.index / progress.count;
    default:
      return undefined;
  }
}

/** One line for people: `Downloading: 3.1 of 12 MB, 8 s left`. */
export function progressText(progress: Progress): string {
  switch (progress.phase) {
    case 'start':
      return 'Starting';
    case 'consent':
      return `Waiting for your consent to download ${bytesText(progress.bytes)}`;
    case 'download':
      return `Downloading: ${bytesText(progress.loaded)} of ${bytesText(progress.total)}${leftText(progress.secondsLeft)}`;
    case 'pause':
      return `Much is being downloaded at once; this goes on by itself in ${Math.ceil(progress.seconds)} s`;
    case 'prepare':
      return `Preparing the model: part ${progress.index + 1} of ${progress.count}`;
    case 'step':
      return `Step ${progress.step} of ${progress.steps}${leftText(progress.secondsLeft)}`;
    case 'decode':
      return 'Finishing the picture';
  }
}

/** Decimal units, as file managers and download bars show: `840 KB`, `3.1 MB`, `12 MB`, `2.4 GB`. */
export function bytesText(bytes: number): string {
  const [unit, size] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['KB', 1e3];
  const amount = bytes / Number(size);
  return `${unit !== 'KB' && amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
}

function leftText(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 1) return ', a moment left';
  if (seconds < 90) return `, ${Math.round(seconds)} s left`;
  return `, ${Math.round(seconds / 60)} min left`;
}

/** What a screen reader says: each phase once, and a long one at its quarters. */
export function announcement(progress: Progress): string {
  const quarter = Math.floor((fractionOf(progress) ?? 0) * 4) * 25;
  switch (progress.phase) {
    case 'download':
      return `Downloading ${bytesText(progress.total)}: ${quarter} percent`;
    case 'step':
      return `Making the picture: ${quarter} percent`;
    case 'prepare':
      return 'Preparing the model';
    default:
      return progressText(progress);
  }
}
