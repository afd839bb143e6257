import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

const FOLDER = path.join(import.meta.dirname, '../../../worker/migrations');
const files = readdirSync(FOLDER).toSorted();
const split = files.findIndex((name) => name.startsWith('0005'));

function migrate(db: DatabaseSync, names: readonly string[]): void {
  for (const name of names) db.exec(readFileSync(path.join(FOLDER, name), 'utf8'));
}

// Stores of the versions before hold sites and their telemetry; pages out there name the old keys.
test('a site of the versions before keeps its id, its key and everything that was said of it', () => {
  const db = new DatabaseSync(':memory:');
  migrate(db, files.slice(0, split));
  const insert = db.prepare('INSERT INTO sites (id, name, origins, disabled, created) VALUES (?, ?, ?, ?, ?)');
  insert.run('pk_demo', 'Demo', '["http://localhost:*"]', 0, 1_700_000_000);
  insert.run('pk_off-1', 'Off', '[]', 1, 1_800_000_000);
  db.exec("INSERT INTO telemetry_batches (site, batch, received) VALUES ('pk_demo', 'b', 1)");
  migrate(db, files.slice(split));

  const unlimited = { models: null, loras: null, daily_bytes: null, daily_generations: null, revision: 1 };
  expect(db.prepare('SELECT * FROM sites ORDER BY id').all()).toEqual([
    { id: 'pk_demo', name: 'Demo', origins: '["http://localhost:*"]', disabled: 0, created: 1_700_000_000_000, ...unlimited },
    { id: 'pk_off-1', name: 'Off', origins: '[]', disabled: 1, created: 1_800_000_000_000, ...unlimited },
  ]);
  expect(db.prepare('SELECT * FROM site_keys ORDER BY key').all()).toEqual([
    { key: 'pk_demo', site: 'pk_demo', created: 1_700_000_000_000, expires: null },
    { key: 'pk_off-1', site: 'pk_off-1', created: 1_800_000_000_000, expires: null },
  ]);
  const counted = 'SELECT sites.id FROM telemetry_batches JOIN sites ON sites.id = telemetry_batches.site';
  expect(db.prepare(counted).all()).toEqual([{ id: 'pk_demo' }]);
});

test.for([
  "INSERT INTO sites (id, name) VALUES ('all', 'x')",
  "INSERT INTO sites (id, name) VALUES ('', 'x')",
  "INSERT INTO sites (id, name) VALUES ('a/b', 'x')",
  `INSERT INTO sites (id, name) VALUES ('${'x'.repeat(65)}', 'x')`,
  "INSERT INTO sites (id, name, daily_bytes) VALUES ('a', 'x', -1)",
  "INSERT INTO sites (id, name, loras) VALUES ('a', 'x', 'pip')",
  "INSERT INTO site_keys (key, site) VALUES ('pk_a', 'nobody')",
  "INSERT INTO site_keys (key, site) VALUES ('pk_', 'here')",
  "INSERT INTO site_keys (key, site) VALUES ('sk_a', 'here')",
])('the tables refuse %s', (sql) => {
  const db = new DatabaseSync(':memory:');
  migrate(db, files);
  db.exec("INSERT INTO sites (id, name) VALUES ('here', 'x')");
  expect(() => db.exec(sql)).toThrow(/constraint failed/i);
});
