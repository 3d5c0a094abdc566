-- What an EHR was last told of a study: under which order (NULL: taken back) and how many images.
-- The row of study '' says since when a destination is told at all.
CREATE TABLE study_notices (
    study_uid TEXT NOT NULL,
    destination TEXT NOT NULL,
    revision INTEGER NOT NULL,
    order_id INTEGER,
    images INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- why nothing could be written; empty when it was queued
    trouble TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (study_uid, destination)
);
CREATE INDEX studies_by_match ON studies (matched_at);
