import { expect, test } from 'vitest';
import { askForGeneration } from '../../../client/embed/studio/admission.ts';
import { errorText } from '../../../client/embed/studio/error-text.ts';
import { DiptychError } from '../../../shared/errors.ts';

/** How the studio takes this answer of the edge: `goes on`, or the code. */
async function outcome(path: string | undefined, answer: () => Promise<Response>): Promise<string> {
  try {
    await askForGeneration(path, answer);
    return 'goes on';
  } catch (thrown) {
    return (thrown as DiptychError).code;
  }
}

const problem = (status: number, code: string) => async () => Response.json({ code, detail: 'Because.' }, { status });

test.each<[about: string, answer: () => Promise<Response>, expected: string]>([
  ['it may', async () => Response.json({ limit: 5, left: 4, resets: 60 }), 'goes on'],
  ['the day is used up', problem(429, 'quota_exceeded'), 'quota_exceeded'],
  ['the site was disabled meanwhile', problem(403, 'site_disabled'), 'site_disabled'],
  ['the edge is broken', problem(503, 'edge_not_ready'), 'goes on'],
  ['the edge cannot be reached', () => Promise.reject(new TypeError('Failed to fetch')), 'goes on'],
])('%s', async (_, answer, expected) => {
  expect(await outcome('/v1/generations?site=pk_a', answer)).toBe(expected);
});

test('a site without a limit is not asked for', async () => {
  const asked = () => Promise.reject(new Error('asked'));
  expect(await outcome(undefined, asked)).toBe('goes on');
});

test('what a visitor reads when the day is used up: the hour of their own clock at which it starts again', () => {
  const now = new Date(2026, 10, 23, 22, 15).getTime();
  const { title, advice } = errorText(new DiptychError('quota_exceeded', 'Used up.', { retryAfter: 2 * 3600 }), now);
  expect(title).toBe('This site’s share of today is used up');
  expect(advice).toContain(new Date(2026, 10, 24, 0, 15).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
});
