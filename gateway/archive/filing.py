"""What an arrived file becomes: an instance of a study, a repetition, or a case for quarantine.

One savepoint of the store's group commit.  The same instance with the same bytes is stored once;
with other bytes both are kept, the later one in quarantine; so is what cannot be read or is not
what its command announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import apsw

from gateway.archive.header import Header
from gateway.archive.reception import Arrived
from gateway.store.moments import to_micros

_INSERT_INSTANCE = """INSERT INTO instances (
    series, uid, sop_class, transfer_syntax, number, rows, columns, frames, content_date,
    content_time, character_set, patient_id, issuer, patient_name, accession, step_id,
    procedure_id, mpps, station, device, calling, called, host, received_at, sha256, size, start,
    path
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class Verdict(StrEnum):
    """``RESTORED``: the stored file was damaged or gone, and this one took its place."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    RESTORED = "restored"
    CONFLICT = "conflict"
    MISMATCH = "mismatch"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Filed:
    """``superfluous``: the file below the archive that nothing names any more."""

    verdict: Verdict
    study: str | None = None
    superfluous: str | None = None
    kept: str | None = None  # where the bytes are that a repetition repeats


def file(connection: apsw.Connection, arrived: Arrived) -> Filed:
    """Only inside ``engine.write``."""
    header, offered = arrived.header, arrived.offered
    if header is None:
        return _quarantine(connection, arrived, Verdict.UNREADABLE, arrived.problem)
    announced = (offered.sop_class_uid, offered.sop_instance_uid)
    if (header.sop_class_uid, header.sop_instance_uid) != announced:
        return _quarantine(connection, arrived, Verdict.MISMATCH, "not what the command says")
    known = connection.execute(
        "SELECT sha256, path, state FROM instances WHERE uid = ?", (header.sop_instance_uid,)
    ).fetchone()
    if known is None:
        return _insert(connection, arrived, header)
    digest, path, state = known
    if digest != arrived.sha256:
        return _quarantine(connection, arrived, Verdict.CONFLICT, "the same UID, other bytes")
    if state == "stored":
        return Filed(Verdict.DUPLICATE, header.study_uid, arrived.path, path)
    return replace(connection, arrived)


def replace(connection: apsw.Connection, arrived: Arrived) -> Filed:
    """The arrived file instead of the one the index names: same bytes, but these are sound."""
    uid = arrived.offered.sop_instance_uid
    old = connection.execute("SELECT path FROM instances WHERE uid = ?", (uid,)).get
    connection.execute(
        "UPDATE instances SET path = ?, start = ?, transfer_syntax = ?, state = 'stored' "
        "WHERE uid = ?",
        (arrived.path, arrived.offset, arrived.offered.transfer_syntax, uid),
    )
    study = arrived.header.study_uid if arrived.header else None
    return Filed(Verdict.RESTORED, study, str(old))


def _insert(connection: apsw.Connection, arrived: Arrived, header: Header) -> Filed:
    now = to_micros(arrived.received_at)
    study = _study(connection, arrived, header, now)
    series = _series(connection, header, study)
    _instance(connection, arrived, header, series, now)
    connection.execute(
        "UPDATE studies SET instances = instances + 1, bytes = bytes + ?, changed_at = ?, told = 0 "
        "WHERE id = ?",
        (arrived.size, now, study),
    )
    connection.execute("UPDATE series SET instances = instances + 1 WHERE id = ?", (series,))
    return Filed(Verdict.STORED, header.study_uid)


def _study(connection: apsw.Connection, arrived: Arrived, header: Header, now: int) -> int:
    known = connection.execute(
        "SELECT id, patient_id, patient_name FROM studies WHERE uid = ?", (header.study_uid,)
    ).fetchone()
    if known is not None:
        number, patient, name = known
        if (patient, name) != (header.patient_id, header.patient_name):
            connection.execute("UPDATE studies SET mixed = 1 WHERE id = ?", (number,))
        return int(number)
    connection.execute(
        "INSERT INTO studies (uid, device, patient_id, issuer, patient_name, birth_date, sex, "
        "accession, study_id, study_date, study_time, description, referring, first_at, "
        "changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            header.study_uid,
            arrived.offered.device,
            header.patient_id,
            header.issuer_of_patient_id,
            header.patient_name,
            header.birth_date,
            header.sex,
            header.accession_number,
            header.study_id,
            header.study_date,
            header.study_time,
            header.study_description,
            header.referring_physician,
            now,
            now,
        ),
    )
    return connection.last_insert_rowid()


def _series(connection: apsw.Connection, header: Header, study: int) -> int:
    known = connection.execute(
        "SELECT id FROM series WHERE study = ? AND uid = ?", (study, header.series_uid)
    ).get
    if known is not None:
        return int(known)
    connection.execute(
        "INSERT INTO series (study, uid, modality, number, description) VALUES (?, ?, ?, ?, ?)",
        (
            study,
            header.series_uid,
            header.modality,
            header.series_number,
            header.series_description,
        ),
    )
    return connection.last_insert_rowid()


def _instance(
    connection: apsw.Connection, arrived: Arrived, header: Header, series: int, now: int
) -> None:
    offered = arrived.offered
    connection.execute(
        _INSERT_INSTANCE,
        (
            series,
            header.sop_instance_uid,
            header.sop_class_uid,
            offered.transfer_syntax,
            header.instance_number,
            header.rows,
            header.columns,
            header.frames,
            header.content_date,
            header.content_time,
            header.character_set,
            header.patient_id,
            header.issuer_of_patient_id,
            header.patient_name,
            header.accession_number,
            header.step_id,
            header.procedure_id,
            header.mpps_uid,
            header.station_name,
            offered.device,
            offered.calling,
            offered.called,
            offered.host,
            now,
            arrived.sha256,
            arrived.size,
            arrived.offset,
            arrived.path,
        ),
    )


def _quarantine(
    connection: apsw.Connection, arrived: Arrived, verdict: Verdict, detail: str
) -> Filed:
    """Kept once: a sender that tries again and again must not fill the disk."""
    offered = arrived.offered
    study = arrived.header.study_uid if arrived.header else ""
    known = connection.execute(
        "SELECT path FROM quarantine WHERE sha256 = ? AND uid = ? AND reason = ? "
        "AND state = 'open'",
        (arrived.sha256, offered.sop_instance_uid, verdict.value),
    ).get
    if known is not None:
        return Filed(verdict, None, arrived.path, str(known))
    connection.execute(
        "INSERT INTO quarantine (reason, detail, sop_class, uid, study_uid, transfer_syntax, "
        "device, calling, called, host, received_at, sha256, size, start, path) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            verdict.value,
            detail,
            offered.sop_class_uid,
            offered.sop_instance_uid,
            study,
            offered.transfer_syntax,
            offered.device,
            offered.calling,
            offered.called,
            offered.host,
            to_micros(arrived.received_at),
            arrived.sha256,
            arrived.size,
            arrived.offset,
            arrived.path,
        ),
    )
    return Filed(verdict)
