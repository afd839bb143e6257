import { describe, expect, it } from 'vitest';
import { announcement, bytesText, fractionOf, type Progress, progressOf, progressText } from '../../../client/embed/studio/progress.ts';

describe('progress', () => {
  it.each<[Progress, string, number | undefined]>([
    [{ phase: 'start' }, 'Starting', undefined],
    [{ phase: 'consent', bytes: 12e6 }, 'Waiting for your consent to download 12 MB', undefined],
    [{ phase: 'download', loaded: 3.1e6, total: 12e6, secondsLeft: 8.4 }, 'Downloading: 3.1 MB of 12 MB, 8 s left', 3.1 / 12],
    [{ phase: 'download', loaded: 0, total: 0, secondsLeft: null }, 'Downloading: 0 KB of 0 KB', undefined],
    [{ phase: 'pause', seconds: 9.2 }, 'Much is being downloaded at once; this goes on by itself in 10 s', undefined],
    [{ phase: 'prepare', index: 1, count: 3 }, 'Preparing the model: part 2 of 3', 1 / 3],
    [{ phase: 'step', step: 5, steps: 20, secondsLeft: 240 }, 'Step 5 of 20, 4 min left', 0.25],
    [{ phase: 'step', step: 20, steps: 20, secondsLeft: 0 }, 'Step 20 of 20, a moment left', 1],
    [{ phase: 'decode' }, 'Finishing the picture', undefined],
  ])('%o reads as %s', (progress, text, fraction) => {
    expect(progressText(progress)).toBe(text);
    expect(fractionOf(progress)).toBe(fraction);
  });

  it('announces a long phase at its quarters only', () => {
    const said = Array.from({ length: 20 }, (_, step) => announcement({ phase: 'step', step: step + 1, steps: 20, secondsLeft: 1 }));
    expect(new Set(said)).toEqual(new Set([0, 25, 50, 75, 100].map((quarter) => `Making the picture: ${quarter} percent`)));
  });

  it('knows every event of the engine', () => {
    expect(progressOf({ type: 'session', graph: 'decoder', index: 2, count: 3 })).toEqual({ phase: 'prepare', index: 2, count: 3 });
    expect(progressOf({ type: 'decode' })).toEqual({ phase: 'decode' });
    expect(progressOf({ type: 'pause', seconds: 10 })).toEqual({ phase: 'pause', seconds: 10 });
  });

  it.each([
    [0, '0 KB'],
    [840_000, '840 KB'],
    [3_140_000, '3.1 MB'],
    [9_960_000, '10 MB'],
    [2_400_000_000, '2.4 GB'],
  ])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));
});
