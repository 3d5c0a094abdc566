-- Patients and orders from the EHR, and every message that brought them (gateway/orders).

-- What an EHR sent and what it was answered; a repeated message gets the same answer again.
CREATE TABLE order_messages (
    id INTEGER PRIMARY KEY,
    application TEXT NOT NULL,
    facility TEXT NOT NULL,
    control_id TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    answer BLOB NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX order_messages_by_content
    ON order_messages (application, facility, control_id, body_hash);
CREATE INDEX order_messages_by_time ON order_messages (received_at);

CREATE TABLE patients (
    id INTEGER PRIMARY KEY,
    name TEXT,
    birth_date TEXT,
    sex TEXT,
    updated_at INTEGER NOT NULL
);

-- state 'dead': merged into another number of the same patient; it leads there, nothing goes to it.
CREATE TABLE patient_identifiers (
    value TEXT NOT NULL,
    authority TEXT NOT NULL,
    type TEXT NOT NULL,
    patient INTEGER NOT NULL REFERENCES patients (id),
    state TEXT NOT NULL,
    PRIMARY KEY (value, authority)
);
CREATE INDEX patient_identifiers_by_patient ON patient_identifiers (patient);

CREATE TABLE patient_merges (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    prior TEXT NOT NULL,
    survivor TEXT NOT NULL,
    patient INTEGER NOT NULL,
    from_patient INTEGER NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    placer TEXT NOT NULL,
    placer_namespace TEXT NOT NULL,
    filler TEXT,
    group_number TEXT,
    patient INTEGER NOT NULL REFERENCES patients (id),
    code TEXT NOT NULL,
    text TEXT,
    system TEXT,
    priority TEXT,
    status TEXT NOT NULL,
    ordered_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    visit TEXT,
    patient_class TEXT,
    provider TEXT NOT NULL,
    message INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX orders_by_placer ON orders (placer, placer_namespace, code);
CREATE INDEX orders_by_patient ON orders (patient);
CREATE INDEX orders_by_status ON orders (status, expires_at);

CREATE TABLE order_specimens (
    barcode TEXT NOT NULL,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    type TEXT,
    collected_at INTEGER,
    PRIMARY KEY (barcode, order_id)
);
CREATE INDEX order_specimens_by_order ON order_specimens (order_id);

CREATE TABLE imaging_procedures (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    step TEXT NOT NULL,
    accession TEXT NOT NULL,
    requested_procedure TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    modality TEXT,
    station TEXT,
    location TEXT,
    ae_title TEXT,
    scheduled_at INTEGER,
    PRIMARY KEY (order_id, step)
);
CREATE INDEX imaging_by_time ON imaging_procedures (scheduled_at);

-- Which order and patient a stored report was filed under.
CREATE TABLE report_orders (
    report INTEGER PRIMARY KEY,
    order_id INTEGER REFERENCES orders (id),
    patient INTEGER REFERENCES patients (id)
);
CREATE INDEX report_orders_by_patient ON report_orders (patient);

-- Measurements of control material, judged per device, analyte, lot and level.
CREATE TABLE qc_results (
    id INTEGER PRIMARY KEY,
    report TEXT NOT NULL,
    device TEXT NOT NULL,
    analyte TEXT NOT NULL,
    material TEXT NOT NULL,
    lot TEXT NOT NULL,
    level TEXT NOT NULL,
    value TEXT NOT NULL,
    unit TEXT,
    measured_at INTEGER NOT NULL,
    deviation TEXT,
    verdict TEXT NOT NULL,
    released_by TEXT
);
CREATE INDEX qc_by_analyte ON qc_results (device, analyte, lot, level, measured_at);
CREATE UNIQUE INDEX qc_by_report ON qc_results (report, analyte, id);
