import { DiptychError } from '../../shared/errors.ts';

/** What D1 threw; where a table or column is missing, as the error that names the command which makes it. */
export function explainDatabaseError(thrown: unknown): unknown {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (!/no such table|no such column|has no column/.test(reason)) return thrown;
  return new DiptychError(
    'edge_not_ready',
    'The database lacks a migration. Run: npx wrangler d1 migrations apply diptych --local; for a deployed one: npm run deploy.',
    { binding: 'DB' },
    { cause: thrown },
  );
}
