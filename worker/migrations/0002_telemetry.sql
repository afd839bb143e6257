-- Batches that have arrived: the primary key is what makes a batch that comes twice count once.
CREATE TABLE telemetry_batches (
  site TEXT NOT NULL,
  batch TEXT NOT NULL, -- random UUID made by the sender
  received INTEGER NOT NULL, -- milliseconds
  PRIMARY KEY (site, batch)
) STRICT, WITHOUT ROWID;

-- Their events. The columns from `event` on are those of TELEMETRY_COLUMNS in shared/telemetry.ts; a test compares the two.
CREATE TABLE telemetry_events (
  site TEXT NOT NULL,
  batch TEXT NOT NULL,
  position INTEGER NOT NULL, -- of the event in its batch
  at INTEGER NOT NULL, -- milliseconds, by the edge's clock
  event TEXT NOT NULL,
  duration_ms INTEGER,
  bytes INTEGER,
  cached_bytes INTEGER,
  backend TEXT,
  gpu_vendor TEXT,
  gpu_architecture TEXT,
  model TEXT,
  subject TEXT,
  style TEXT,
  rule TEXT,
  steps INTEGER,
  subject_share REAL,
  code TEXT,
  PRIMARY KEY (site, batch, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX telemetry_events_by_time ON telemetry_events (site, at);
