-- Every transaction in which a destination was asked to keep an instance it has, until one is
-- answered: an archive may take days, and is asked again meanwhile.
CREATE TABLE commitment_requests (
    destination TEXT NOT NULL,
    instance INTEGER NOT NULL REFERENCES instances (id),
    transaction_uid TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (destination, instance, transaction_uid)
) WITHOUT ROWID;
CREATE INDEX commitment_requests_by_transaction ON commitment_requests (transaction_uid);
INSERT INTO commitment_requests
    SELECT destination, instance, transaction_uid, COALESCE(asked_at, 0) FROM forwardings
    WHERE transaction_uid IS NOT NULL AND state IN ('sent', 'asked');
