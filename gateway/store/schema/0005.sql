-- Whose study it really is, as a person said; the images stay as they came (PS3.3 C.12.1.1.9).
CREATE TABLE study_corrections (
    id INTEGER PRIMARY KEY,
    study_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX study_corrections_by_study ON study_corrections (study_uid, id);
