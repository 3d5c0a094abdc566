"""The statement against the node itself: what it says is what a peer gets."""

from __future__ import annotations

import ast
import asyncio
import inspect
from pathlib import Path
from types import ModuleType

import pytest
from pynetdicom import AE, build_context
from services_site import UNIT, now
from typer.testing import CliRunner

from gateway.app import running
from gateway.cli.commands import app
from gateway.config import Configuration
from gateway.config.shape import shaped
from gateway.conformance import statement
from gateway.drivers.dicom import verification
from gateway.drivers.dicom.services import (
    commitment,
    commitment_report,
    procedure_step,
    reporter,
    retrieve,
    suboperations,
    worklist,
)
from gateway.errors import ConfigurationError
from gateway.imaging import inspection
from gateway.imaging import procedure_step as step
from gateway.imaging.commitment import SENT
from gateway.imaging_services.offered import OFFERS, Offer
from gateway.modalities import node_settings
from gateway.notices import Noticeboard
from gateway.protocols.dicom import Service, Status
from gateway.protocols.dicom.sop_classes import SOP_CLASSES
from gateway.protocols.dicom.transfer_syntaxes import TRANSFER_SYNTAXES

PRIVATE = "1.3.46.670589.2.5.1.1.1"


def configuration(folder: Path, **dicom: object) -> Configuration:
    unit = {
        "profile": "ultrasound",
        "ae_title": UNIT,
        "address": "127.0.0.1/32",
        "private_classes": (PRIVATE,),
    }
    return shaped(
        {
            "gateway": {"site": "clinic", "timezone": "Europe/Berlin", "data_dir": folder},
            "devices": {"us-room-2": unit},
            "dicom": {"listen": "127.0.0.1:0", **dicom},
            "destinations": {"pacs": {"type": "dicom", "address": "PACS@127.0.0.1:104"}},
        }
    )


def written(chosen: Configuration) -> str:
    assert chosen.dicom is not None
    return statement(chosen, chosen.dicom, "0")


def table(text: str, title: str) -> list[list[str]]:
    """The rows below a heading."""
    _, _, rest = text.partition(f"# {title}\n")
    lines = [line for line in rest.partition("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


async def test_a_peer_is_given_what_the_statement_says(tmp_path: Path) -> None:
    chosen = configuration(tmp_path)
    text = written(chosen)
    stated = {row[1] for row in table(text, "Accepted presentation contexts")}
    compressed = {row[1] for row in table(text, "Transfer syntaxes of stored images")}
    offered = [*SOP_CLASSES, PRIVATE, "1.2.840.10008.5.1.4.1.1.2"]

    def accepted(port: int, contexts: list[tuple[str, list[str]]]) -> set[tuple[str, str]]:
        ae = AE(ae_title=UNIT)
        ae.requested_contexts = [build_context(uid, syntaxes) for uid, syntaxes in contexts]
        association = ae.associate("127.0.0.1", port)
        assert association.is_established
        found = {
            (str(c.abstract_syntax), str(c.transfer_syntax[0]))
            for c in association.accepted_contexts
        }
        association.release()
        return found

    async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
        assert gateway.modalities is not None
        port = gateway.modalities.port
        plain = [(uid, ["1.2.840.10008.1.2"]) for uid in offered]
        got = await asyncio.to_thread(accepted, port, plain)
        every = [("1.2.840.10008.5.1.4.1.1.6.1", [uid]) for uid in TRANSFER_SYNTAXES]
        syntaxes = await asyncio.to_thread(accepted, port, every)
    assert {uid for uid, _ in got} - {PRIVATE} == stated
    assert PRIVATE in {uid for uid, _ in got}
    assert PRIVATE in text
    assert {uid for _, uid in syntaxes} == compressed


def test_it_follows_the_configuration(tmp_path: Path) -> None:
    lenient = written(configuration(tmp_path, duplicate_conflict="accept", idle_minutes=3))
    [conflict] = [row for row in table(lenient, "Storage SCP") if row[0] == "conflict"]
    assert conflict[1] == "0000"
    strict = configuration(tmp_path, unknown_callers="refuse", associations=9)
    text = written(strict)
    [conflict] = [row for row in table(text, "Storage SCP") if row[0] == "conflict"]
    assert conflict[1] == "0111"
    assert "calling AE title not recognized" in text
    assert "At most 9 associations" in text
    assert "calling AE title not recognized" not in lenient
    values = {row[0]: row[1] for row in table(lenient, "2.4 Configuration")}
    assert values["Timer idle: the next message"] == "180 s"
    assert strict.dicom is not None
    assert f"{node_settings(strict.dicom).max_pdu_length} bytes" in text
    assert "PACS@127.0.0.1:104" in text
    assert ("ScheduledProcedureStepSequence", "(0040,0100)") in {
        (row[0], row[1]) for row in table(text, "Attributes of the worklist")
    }
    assert "| ModalitiesInStudy | (0008,0061) | CS | STUDY |" in text


USED = (
    (verification, Service.VERIFICATION, ()),
    (worklist, Service.WORKLIST, ()),
    (procedure_step, Service.PROCEDURE_STEP, (step,)),
    (commitment, Service.COMMITMENT, ()),
    (commitment_report, Service.COMMITMENT_REPORT, ()),
    (retrieve, Service.RETRIEVE, (suboperations,)),
)


@pytest.mark.parametrize(("module", "service", "others"), USED)
def test_no_status_is_answered_that_is_not_stated(
    module: ModuleType, service: Service, others: tuple[ModuleType, ...]
) -> None:
    named = set[str]()
    for one in (module, *others):
        for node in ast.walk(ast.parse(inspect.getsource(one))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                named |= {node.attr} if node.value.id == "Status" else set()
    [offer] = [offer for offer in OFFERS if service in offer.services]
    assert {status.name for status in offer.statuses} == {Status[name].name for name in named}


def test_no_reason_for_a_failed_commitment_is_given_that_is_not_stated() -> None:
    named = set[str]()
    for one in (inspection, reporter):
        for node in ast.walk(ast.parse(inspect.getsource(one))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                named |= {node.attr} if node.value.id == "Failure" else set()
    assert {reason.name for reason in SENT} == named


def test_every_provider_of_the_node_is_stated(tmp_path: Path) -> None:
    assert frozenset().union(*(offer.services for offer in OFFERS)) | {Service.STORAGE} == set(
        Service
    )
    assert all(isinstance(offer, Offer) for offer in OFFERS)


def test_the_command_writes_it_and_needs_a_dicom_section(tmp_path: Path) -> None:
    config, out = tmp_path / "gateway.toml", tmp_path / "statement.md"
    head = f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "{tmp_path}/data"\n'
    config.write_text(head + "[dicom]\n")
    runner = CliRunner()
    done = runner.invoke(app, ["dicom-conformance", "-c", str(config), "-o", str(out)])
    assert (done.exit_code, done.output) == (0, "")
    assert out.read_text().startswith("# DICOM conformance statement")
    assert not (tmp_path / "data").exists()
    assert runner.invoke(app, ["dicom-conformance", "-c", str(config)]).output == out.read_text()
    config.write_text(head)
    asked = runner.invoke(app, ["dicom-conformance", "-c", str(config)])
    assert isinstance(asked.exception, ConfigurationError)
    assert "no [dicom] section" in str(asked.exception)
