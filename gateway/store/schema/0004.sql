-- What goes on around images: performed procedure steps, storage commitment, forwarding to a PACS.

-- Where a performed procedure step stands; content is DICOM JSON (PS3.18 F), all messages merged.
CREATE TABLE procedure_steps (
    uid TEXT PRIMARY KEY,
    device TEXT,
    calling TEXT NOT NULL,
    status TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    accession TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    reopened INTEGER NOT NULL DEFAULT 0,
    content TEXT NOT NULL
);
CREATE INDEX procedure_steps_by_study ON procedure_steps (study_uid);
CREATE INDEX procedure_steps_by_change ON procedure_steps (changed_at);

-- Every message that made or changed a step, as sent.
CREATE TABLE procedure_step_events (
    id INTEGER PRIMARY KEY,
    step TEXT NOT NULL REFERENCES procedure_steps (uid),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    device TEXT,
    calling TEXT NOT NULL,
    host TEXT NOT NULL,
    content TEXT NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE INDEX procedure_step_events_by_step ON procedure_step_events (step, id);

-- What devices asked us to commit to.  state: open (to be checked and reported), reported, given-up.
CREATE TABLE commitments (
    id INTEGER PRIMARY KEY,
    transaction_uid TEXT NOT NULL,
    device TEXT,
    calling TEXT NOT NULL,
    called TEXT NOT NULL,
    host TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    duplicate INTEGER NOT NULL DEFAULT 0,
    requested TEXT NOT NULL,
    failed TEXT,
    state TEXT NOT NULL DEFAULT 'open',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    reported_at INTEGER
);
CREATE INDEX commitments_open ON commitments (next_at) WHERE state = 'open';
CREATE INDEX commitments_by_transaction ON commitments (transaction_uid);

-- How far the archive has been queued for a destination.
CREATE TABLE forward_cursors (
    destination TEXT PRIMARY KEY,
    instance INTEGER NOT NULL
);

-- What a destination has taken, and whether it has promised to keep it.
-- state: sent, asked (in the transaction named), committed, refused.
CREATE TABLE forwardings (
    destination TEXT NOT NULL,
    instance INTEGER NOT NULL REFERENCES instances (id),
    sent_at INTEGER NOT NULL,
    sent_as TEXT NOT NULL,
    state TEXT NOT NULL,
    transaction_uid TEXT,
    asked_at INTEGER,
    answered_at INTEGER,
    reason INTEGER,
    refusals INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, instance)
);
CREATE INDEX forwardings_by_transaction ON forwardings (transaction_uid);
CREATE INDEX forwardings_by_state ON forwardings (destination, state);
CREATE INDEX forwardings_by_instance ON forwardings (instance);
