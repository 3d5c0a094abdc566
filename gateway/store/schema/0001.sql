-- Immutable columns are covered by sha256 (gateway/store/digest.py); times are microseconds UTC.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE sequences (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

-- One row for everything one commit brought from all links (gateway/store/pages.py).
CREATE TABLE pages (
    page INTEGER PRIMARY KEY,
    entries BLOB NOT NULL,
    sha256 BLOB NOT NULL
);

CREATE TABLE damaged_pages (
    page INTEGER PRIMARY KEY,
    found_at INTEGER NOT NULL,
    entries BLOB NOT NULL
);

CREATE TABLE transmissions (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    protocol TEXT NOT NULL,
    profile TEXT NOT NULL,
    peer TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    content_key BLOB,
    duplicate_of INTEGER,
    raw BLOB NOT NULL,
    cuts BLOB NOT NULL,
    evidence BLOB NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE INDEX transmissions_by_content ON transmissions (device, content_key)
    WHERE content_key IS NOT NULL AND duplicate_of IS NULL;
CREATE INDEX transmissions_by_opening ON transmissions (opened_at);

CREATE TABLE reports (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    transmission INTEGER NOT NULL REFERENCES transmissions (id),
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    specimen TEXT,
    received_at INTEGER NOT NULL,
    booked_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (id, revision)
);
CREATE INDEX reports_by_transmission ON reports (transmission);
CREATE INDEX reports_by_booking ON reports (booked_at);
CREATE INDEX reports_by_specimen ON reports (specimen) WHERE specimen IS NOT NULL;

-- What came in, counted when it came in; the other side of the books.
CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    transmission INTEGER NOT NULL REFERENCES transmissions (id),
    device TEXT NOT NULL,
    booked_at INTEGER NOT NULL,
    items INTEGER NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE INDEX receipts_by_booking ON receipts (booked_at);
CREATE INDEX receipts_by_transmission ON receipts (transmission);

CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    transmission INTEGER NOT NULL REFERENCES transmissions (id),
    report INTEGER REFERENCES reports (seq),
    report_id TEXT,
    revision INTEGER,
    device TEXT NOT NULL,
    booked_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    problems TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    state TEXT NOT NULL,
    replaced INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER,
    actor TEXT,
    reason TEXT
);
CREATE INDEX holds_open ON holds (id) WHERE state = 'open';
CREATE INDEX holds_by_report ON holds (report);
CREATE INDEX holds_by_transmission ON holds (transmission);
CREATE INDEX holds_by_booking ON holds (booked_at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    destination TEXT NOT NULL,
    lane TEXT,
    report INTEGER REFERENCES reports (seq),
    report_id TEXT,
    revision INTEGER,
    device TEXT,
    control_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    meta TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    resend_of INTEGER,
    sha256 BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    first_try INTEGER,
    last_try INTEGER,
    finished_at INTEGER,
    answer TEXT
);
CREATE INDEX outbox_by_state ON outbox (destination, state, position);
CREATE INDEX outbox_blocked ON outbox (destination, lane, position)
    WHERE state IN ('postponed', 'parked') AND lane IS NOT NULL;
CREATE INDEX outbox_by_report ON outbox (report);
CREATE INDEX outbox_accepted ON outbox (control_id) WHERE state = 'accepted';

-- Hash chain: each row's hash covers the row before (gateway/store/audit.py).
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
);

-- Where a report stands; the books and every list use this one definition.
-- held: a person must decide.  queued: some message made of it is not delivered yet (parked ones
-- too).  delivered: all its messages are.  discarded: by a named person, or every message cancelled.
-- kept: nothing was to be sent for it.  replaced: released as newer reports that count instead.
CREATE VIEW report_states AS
SELECT r.seq, r.id, r.revision, r.transmission, r.device, r.kind, r.specimen, r.received_at,
       r.booked_at,
       CASE
           WHEN EXISTS (SELECT 1 FROM holds h WHERE h.report = r.seq AND h.state = 'open')
               THEN 'held'
           WHEN EXISTS (SELECT 1 FROM holds h WHERE h.report = r.seq AND h.state = 'discarded')
               THEN 'discarded'
           WHEN EXISTS (SELECT 1 FROM holds h WHERE h.report = r.seq AND h.replaced = 1)
               THEN 'replaced'
           WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.report = r.seq
                        AND o.state IN ('queued', 'postponed', 'accepted', 'parked'))
               THEN 'queued'
           WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.report = r.seq AND o.state = 'delivered')
               THEN 'delivered'
           WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.report = r.seq AND o.state = 'cancelled')
               THEN 'discarded'
           WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.report = r.seq)
               THEN 'lost'
           ELSE 'kept'
       END AS state
FROM reports r;

-- What was written stays written.  Rows go only by the purge, which says so in meta first.
CREATE TRIGGER transmissions_stay BEFORE UPDATE ON transmissions
BEGIN SELECT RAISE(ABORT, 'transmissions cannot be changed'); END;
CREATE TRIGGER transmissions_leave BEFORE DELETE ON transmissions
WHEN NOT EXISTS (SELECT 1 FROM meta WHERE key = 'purging')
BEGIN SELECT RAISE(ABORT, 'transmissions cannot be deleted'); END;

CREATE TRIGGER reports_stay BEFORE UPDATE ON reports
BEGIN SELECT RAISE(ABORT, 'reports cannot be changed'); END;
CREATE TRIGGER reports_leave BEFORE DELETE ON reports
WHEN NOT EXISTS (SELECT 1 FROM meta WHERE key = 'purging')
BEGIN SELECT RAISE(ABORT, 'reports cannot be deleted'); END;

CREATE TRIGGER receipts_stay BEFORE UPDATE ON receipts
BEGIN SELECT RAISE(ABORT, 'receipts cannot be changed'); END;
CREATE TRIGGER receipts_leave BEFORE DELETE ON receipts
WHEN NOT EXISTS (SELECT 1 FROM meta WHERE key = 'purging')
BEGIN SELECT RAISE(ABORT, 'receipts cannot be deleted'); END;

CREATE TRIGGER holds_leave BEFORE DELETE ON holds
WHEN NOT EXISTS (SELECT 1 FROM meta WHERE key = 'purging')
BEGIN SELECT RAISE(ABORT, 'holds cannot be deleted'); END;

CREATE TRIGGER outbox_stay
BEFORE UPDATE OF id, position, destination, lane, report, report_id, revision, device, control_id,
    content_type, meta, body, created_at, resend_of, sha256 ON outbox
BEGIN SELECT RAISE(ABORT, 'messages cannot be changed'); END;
CREATE TRIGGER outbox_leave BEFORE DELETE ON outbox
WHEN NOT EXISTS (SELECT 1 FROM meta WHERE key = 'purging')
BEGIN SELECT RAISE(ABORT, 'messages cannot be deleted'); END;

CREATE TRIGGER audit_stay BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END;
CREATE TRIGGER audit_leave BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be deleted'); END;
