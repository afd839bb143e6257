-- The rest of TELEMETRY_COLUMNS in shared/telemetry.ts: loading time of a visit's first run, and the times of a run's steps.
ALTER TABLE telemetry_events ADD COLUMN load_ms INTEGER;
ALTER TABLE telemetry_events ADD COLUMN step_p50_ms REAL;
ALTER TABLE telemetry_events ADD COLUMN step_p95_ms REAL;

-- Retention reads raw events, and deletes batches, by age. Whoever asks by site asks the roll-ups below.
DROP INDEX telemetry_events_by_time;
CREATE INDEX telemetry_events_by_time ON telemetry_events (at);
CREATE INDEX telemetry_batches_by_time ON telemetry_batches (received);

-- Hourly roll-ups: one row for each hour, site and combination of dimensions that occurred, kept for good. Written in the transaction that writes
-- the events, so the two always agree. All numbers are integers, so sums do not depend on the order in which batches came.
--   <column>    the sum of that column of telemetry_events over the row's events that have it
--   <column>_n  how many have it (the mean is <column> / <column>_n)
--   *_e6        a REAL column, each value rounded to a whole number of millionths
-- Dimensions that an event lacks are ''. The columns derive from TELEMETRY_COLUMNS (`roll`); a test compares the two.
CREATE TABLE telemetry_hours (
  site TEXT NOT NULL,
  hour INTEGER NOT NULL, -- its start, milliseconds since 1970
  event TEXT NOT NULL,
  backend TEXT NOT NULL,
  gpu_vendor TEXT NOT NULL, -- with the next: the GPU class
  gpu_architecture TEXT NOT NULL,
  model TEXT NOT NULL,
  subject TEXT NOT NULL,
  style TEXT NOT NULL,
  rule TEXT NOT NULL,
  code TEXT NOT NULL,
  events INTEGER NOT NULL,
  cache_hits INTEGER NOT NULL, -- events with cached_bytes above 0 and bytes 0: all came from the browser's cache
  duration_ms INTEGER NOT NULL,
  duration_ms_n INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  bytes_n INTEGER NOT NULL,
  cached_bytes INTEGER NOT NULL,
  cached_bytes_n INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  steps_n INTEGER NOT NULL,
  subject_share_e6 INTEGER NOT NULL,
  subject_share_n INTEGER NOT NULL,
  guidance_e6 INTEGER NOT NULL,
  guidance_n INTEGER NOT NULL,
  score_subject_e6 INTEGER NOT NULL,
  score_subject_n INTEGER NOT NULL,
  score_style_e6 INTEGER NOT NULL,
  score_style_n INTEGER NOT NULL,
  load_ms INTEGER NOT NULL,
  load_ms_n INTEGER NOT NULL,
  PRIMARY KEY (site, hour, event, backend, gpu_vendor, gpu_architecture, model, subject, style, rule, code)
) STRICT, WITHOUT ROWID;

-- Histograms of durations by hour, GPU class and model: quantiles of any period come from adding `events` up by bucket. Kept for good.
CREATE TABLE telemetry_histograms (
  site TEXT NOT NULL,
  hour INTEGER NOT NULL, -- its start, milliseconds since 1970
  metric TEXT NOT NULL, -- of TELEMETRY_HISTOGRAMS in shared/telemetry.ts: ready, load, step, total
  backend TEXT NOT NULL,
  gpu_vendor TEXT NOT NULL,
  gpu_architecture TEXT NOT NULL,
  model TEXT NOT NULL,
  bucket INTEGER NOT NULL, -- see shared/histogram.ts: bucket 0 up to 1 ms, bucket i above 2^((i - 1) / 8) and up to 2^(i / 8) ms
  events INTEGER NOT NULL,
  PRIMARY KEY (site, hour, metric, backend, gpu_vendor, gpu_architecture, model, bucket)
) STRICT, WITHOUT ROWID;

-- Messages that could not be counted, for a person to look at; deleted after 30 days.
CREATE TABLE telemetry_dead (
  id TEXT PRIMARY KEY, -- of the queue's message
  died INTEGER NOT NULL, -- milliseconds since 1970
  reason TEXT NOT NULL, -- names fields and errors, never a value
  site TEXT, -- where the message is well-formed, else NULL
  body TEXT CHECK (body IS NULL OR json_valid(body)) -- the message, where it is of the schema, else NULL: what is not could hold anything
) STRICT;
