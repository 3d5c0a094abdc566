-- The image archive's index.  Text is as the device sent it (decoded); files are below archive/.

CREATE TABLE studies (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    device TEXT,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    sex TEXT NOT NULL,
    accession TEXT NOT NULL,
    study_id TEXT NOT NULL,
    study_date TEXT NOT NULL,
    study_time TEXT NOT NULL,
    description TEXT NOT NULL,
    referring TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    instances INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    -- 1: an instance names another patient than the first one did
    mixed INTEGER NOT NULL DEFAULT 0,
    match_state TEXT NOT NULL DEFAULT 'unmatched',
    match_order TEXT,
    matched_at INTEGER
);
CREATE INDEX studies_by_patient ON studies (patient_id);
CREATE INDEX studies_by_accession ON studies (accession) WHERE accession <> '';
CREATE INDEX studies_by_change ON studies (changed_at);
CREATE INDEX studies_untold ON studies (id) WHERE told = 0;
CREATE INDEX studies_unmatched ON studies (id) WHERE match_state <> 'matched';

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    study INTEGER NOT NULL REFERENCES studies (id),
    uid TEXT NOT NULL,
    modality TEXT NOT NULL,
    number TEXT NOT NULL,
    description TEXT NOT NULL,
    instances INTEGER NOT NULL DEFAULT 0,
    UNIQUE (study, uid)
);

CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id),
    uid TEXT NOT NULL UNIQUE,
    sop_class TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    number TEXT NOT NULL,
    rows TEXT NOT NULL,
    columns TEXT NOT NULL,
    frames TEXT NOT NULL,
    content_date TEXT NOT NULL,
    content_time TEXT NOT NULL,
    character_set TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    patient_name TEXT NOT NULL,
    accession TEXT NOT NULL,
    step_id TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    mpps TEXT NOT NULL,
    station TEXT NOT NULL,
    device TEXT,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    host TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- sha256 and size: of the data set, which begins at "start" of the file and fills the rest
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    start INTEGER NOT NULL,
    path TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'stored',
    checked_at INTEGER
);
CREATE INDEX instances_by_series ON instances (series);
CREATE INDEX instances_by_step ON instances (step_id) WHERE step_id <> '';
CREATE INDEX instances_by_mpps ON instances (mpps) WHERE mpps <> '';

-- What was received and is not part of any study until a person decides.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    uid TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    device TEXT,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    host TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    start INTEGER NOT NULL,
    path TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'open'
);
CREATE INDEX quarantine_open ON quarantine (id) WHERE state = 'open';
CREATE INDEX quarantine_by_content ON quarantine (sha256);
