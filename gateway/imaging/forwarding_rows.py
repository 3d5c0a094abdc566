"""The statements behind ``forwarding``: what became of an instance at a destination, and in which
transactions it was asked about there."""

from __future__ import annotations

from typing import Final

KNOWN_AS: Final = "SELECT ae_title FROM forward_cursors WHERE destination = ?"
CALL: Final = "UPDATE forward_cursors SET ae_title = ? WHERE destination = ?"
ATTRIBUTE: Final = """
UPDATE forwardings SET promised_by = ? WHERE destination = ? AND state = 'committed'"""
SENT: Final = """
INSERT INTO forwardings (destination, instance, sent_at, sent_as, state, correction)
VALUES (?, ?, ?, ?, 'sent', ?) ON CONFLICT (destination, instance) DO UPDATE SET
    sent_at = excluded.sent_at, sent_as = excluded.sent_as, state = 'sent',
    correction = excluded.correction, transaction_uid = NULL
WHERE state <> 'committed' OR correction IS NOT excluded.correction
OR promised_by <> (
    SELECT c.ae_title FROM forward_cursors c WHERE c.destination = excluded.destination)"""
ASKED: Final = """
UPDATE forwardings SET state = 'asked', transaction_uid = ?, asked_at = ?
WHERE destination = ? AND state IN ('sent', 'asked')
AND instance = (SELECT id FROM instances WHERE uid = ?)"""
REMEMBER: Final = """
INSERT OR REPLACE INTO commitment_requests (transaction_uid, asked_at, destination, instance)
SELECT ?1, ?2, ?3, f.instance FROM forwardings f JOIN instances i ON i.id = f.instance
WHERE f.destination = ?3 AND i.uid = ?4 AND f.transaction_uid = ?1"""
FORGET: Final = """
DELETE FROM commitment_requests WHERE asked_at < ? AND destination = ?
AND instance = (SELECT id FROM instances WHERE uid = ?)"""
SETTLE: Final = """
UPDATE forwardings SET transaction_uid = ?1, state = ?3, reason = ?4, answered_at = ?5,
    refusals = refusals + ?6, promised_by = (
        SELECT c.ae_title FROM forward_cursors c WHERE c.destination = forwardings.destination)
WHERE instance = ?2 AND state IN ('sent', 'asked') AND (transaction_uid = ?1 OR EXISTS (
    SELECT 1 FROM commitment_requests q WHERE q.transaction_uid = ?1
    AND q.destination = forwardings.destination AND q.instance = forwardings.instance))
RETURNING destination"""
OF_STUDY: Final = """
SELECT f.destination, COUNT(*), SUM(f.state = 'committed'), SUM(f.state = 'refused'),
    SUM(f.correction IS NOT (SELECT MAX(c.id) FROM study_corrections c WHERE c.study_uid = ?))
FROM forwardings f JOIN instances i ON i.id = f.instance JOIN series e ON e.id = i.series
JOIN studies s ON s.id = e.study WHERE s.uid = ? GROUP BY f.destination ORDER BY 1"""
