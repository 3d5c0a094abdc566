"""However many orders and steps have piled up, what one image or step is about is looked up, never
searched for from end to end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw

from gateway.imaging.procedure_step import Content, StepStatus
from gateway.imaging.procedure_steps import ProcedureSteps, Sender
from gateway.matching.imaging import Subject, decide
from gateway.matching.performed import apply, behind
from gateway.store import SpacePolicy, Store

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TABLES = frozenset({"imaging_procedures", "i", "orders", "o", "procedure_steps", "p", "e"})
ITEM = {
    "0020000D": {"vr": "UI", "Value": ["2.25.700"]},
    "00080050": {"vr": "SH", "Value": ["ACC1"]},
}
STEP: Content = {
    "00400252": {"vr": "CS", "Value": [StepStatus.IN_PROGRESS.value]},
    "00400270": {"vr": "SQ", "Value": [ITEM]},
    "00100020": {"vr": "LO", "Value": ["MRN1"]},
}
STUDY = Subject(
    uid="2.25.700",
    patient_id="MRN1",
    patient_name="DOE^JANE",
    birth_date="19700101",
    sex="F",
    accession="ACC1",
    mixed=False,
    steps=("S1",),
    performed=("2.25.1",),
)


def searched(connection: apsw.Connection, statement: str) -> list[str]:
    """The tables it goes through from end to end."""
    plan = [str(row[-1]).split() for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return [words[1] for words in plan if words[0] == "SCAN" and words[1] in TABLES]


async def test_what_it_is_about_is_looked_up(tmp_path: Path) -> None:
    space = SpacePolicy(share=0.0, most=0, ballast=0)
    store = await Store.open(tmp_path, clock=lambda: NOON, space=space)
    try:
        engine = store.engine
        await ProcedureSteps(engine).create("2.25.1", STEP, Sender("us", "US", "192.0.2.1"))
        statements: list[str] = []

        def work(connection: apsw.Connection) -> dict[str, list[str]]:
            connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda told: statements.append(told["sql"]))
            behind(connection)
            apply(engine, connection, "2.25.1")
            decide(connection, STUDY)
            connection.trace_v2(0, None)
            asked = [one for one in statements if one.startswith(("SELECT", "WITH"))]
            return {one: searched(connection, one.replace("?", "NULL")) for one in asked}

        found = await engine.write(work)
        assert len(found) >= 6
        assert {one: tables for one, tables in found.items() if tables} == {}
    finally:
        await store.aclose()
