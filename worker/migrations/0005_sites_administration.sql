-- Sites get an id that stays, apart from the keys that their pages name, which are rotated. A site that was there keeps its key as its id, so that
-- its telemetry, which is by id, goes on. All times are milliseconds since 1970 now, as in every other table.
CREATE TABLE sites_with_keys (
  -- Telemetry, quotas and the admin API name a site by it. `all` means all sites there.
  id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^A-Za-z0-9_-]*' AND id <> 'all'),
  name TEXT NOT NULL,
  origins TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(origins)), -- JSON array of origin patterns, see shared/origins.ts
  models TEXT CHECK (models IS NULL OR json_valid(models)), -- JSON array of the ids of the models it may use; NULL: all
  loras TEXT CHECK (loras IS NULL OR json_valid(loras)), -- the same of LoRAs
  daily_bytes INTEGER CHECK (daily_bytes >= 0), -- of weights, a UTC day; NULL: unlimited
  daily_generations INTEGER CHECK (daily_generations >= 0),
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  revision INTEGER NOT NULL DEFAULT 1 -- counts its changes: the ETag of GET /v1/sites/:id
) STRICT;

INSERT INTO sites_with_keys (id, name, origins, disabled, created) SELECT id, name, origins, disabled, created * 1000 FROM sites;
DROP TABLE sites;
ALTER TABLE sites_with_keys RENAME TO sites;

-- The public keys, pk_..., by which pages name their site.
CREATE TABLE site_keys (
  key TEXT PRIMARY KEY CHECK (key GLOB 'pk_?*' AND length(key) <= 63 AND key NOT GLOB '*[^A-Za-z0-9_-]*'),
  site TEXT NOT NULL REFERENCES sites (id),
  created INTEGER NOT NULL DEFAULT (unixepoch() * 1000),
  expires INTEGER -- from then on the key is unknown; NULL: never
) STRICT, WITHOUT ROWID;

CREATE INDEX site_keys_by_site ON site_keys (site);

INSERT INTO site_keys (key, site, created) SELECT id, id, created FROM sites;

-- What administrators have done: each row is written in the transaction of the change that it tells of, and stays as it is.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of the changes
  at INTEGER NOT NULL,
  actor TEXT NOT NULL, -- the name of an admin token, or who Cloudflare Access says it is
  action TEXT NOT NULL, -- site.create, site.change, key.rotate, key.revoke
  site TEXT NOT NULL,
  details TEXT NOT NULL CHECK (json_valid(details)),
  request TEXT -- id of the request, as in the logs
) STRICT;

CREATE INDEX audit_by_site ON audit (site, id);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are not deleted'); END;
