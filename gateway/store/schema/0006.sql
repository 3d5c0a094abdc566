-- Results a person moved to another patient or specimen: the report that was withdrawn, the one that
-- took its place, whose it is now, and the lane in which both go out.
CREATE TABLE report_moves (
    id INTEGER PRIMARY KEY,
    report TEXT NOT NULL,
    revision INTEGER NOT NULL,
    moved_to TEXT NOT NULL,
    patient INTEGER REFERENCES patients (id),
    lane TEXT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE UNIQUE INDEX report_moves_by_report ON report_moves (report);
CREATE UNIQUE INDEX report_moves_by_target ON report_moves (moved_to);
CREATE INDEX report_moves_by_patient ON report_moves (patient);
