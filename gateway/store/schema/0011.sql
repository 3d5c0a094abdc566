-- What was sent under which identity correction, and what the archive forgot on a promise.

-- The correction (study_corrections.id) an instance was sent under; NULL: as it came.
ALTER TABLE forwardings ADD COLUMN correction INTEGER;

-- Why a study must not be purged, whatever its age; NULL: nobody said so.
ALTER TABLE studies ADD COLUMN kept_for TEXT;

-- An instance whose file is gone: state 'purging', then 'purged'.  "kept_by" are the destinations
-- that had committed to it, as a JSON list.
CREATE TABLE purged_instances (
    instance INTEGER PRIMARY KEY REFERENCES instances (id),
    at INTEGER NOT NULL,
    kept_by TEXT NOT NULL
);
CREATE INDEX instances_unsound ON instances (state) WHERE state <> 'stored';

-- Walks over the whole archive ('sweep', 'purge'): where they are, and how the last one ended.
CREATE TABLE archive_walks (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    seen INTEGER NOT NULL,
    found INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    last_found INTEGER NOT NULL
);
