-- Metric guidance of a run, and how near its picture came to the references: the last columns of TELEMETRY_COLUMNS in shared/telemetry.ts.
ALTER TABLE telemetry_events ADD COLUMN guidance REAL;
ALTER TABLE telemetry_events ADD COLUMN score_subject REAL;
ALTER TABLE telemetry_events ADD COLUMN score_style REAL;
