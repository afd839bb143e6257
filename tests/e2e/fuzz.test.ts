import { expect, test } from 'vitest';
import { fuzz } from '../bench/fuzz/fuzz.ts';

// `npm run bench -- fuzz` sends a hundred thousand; docs/security.md says what came of it.
test('3000 random and mutated requests find no fault, no hang and no leak', async () => {
  const { statuses, findings } = await fuzz({ requests: 3000, seed: 20_261_123 }, () => {});
  expect(findings).toEqual([]);
  expect(Object.values(statuses).reduce((sum, count) => sum + count, 0)).toBe(3000);
  // It reached what it meant to reach: routes that answer, refuse and miss.
  for (const status of ['200', '400', '401', '403', '404', '405']) expect(statuses[status], status).toBeGreaterThan(10);
});
