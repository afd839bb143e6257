-- One row a site that may embed the studio.
CREATE TABLE sites (
  id TEXT PRIMARY KEY CHECK (id GLOB 'pk_*'), -- the public site key
  name TEXT NOT NULL,
  origins TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(origins)), -- JSON array of origin patterns, see shared/origins.ts
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created INTEGER NOT NULL DEFAULT (unixepoch()) -- seconds
) STRICT;
