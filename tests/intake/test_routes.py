"""Which destination gets what: by device, by kind, and under whose numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.intake import EhrRoute, MqttRoute, Router, Sender
from gateway.intake.routes import Revision
from gateway.messages import DESTINATION_PROFILES, PatientData
from gateway.report import (
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Quantity,
    Report,
    Source,
    Specimen,
    Unit,
)

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ORU = DESTINATION_PROFILES["oru-2.5.1"]


def report(device: str, kind: Kind = Kind.PATIENT) -> Report:
    glucose = Observation(
        Code("GLU", "2345-7"), Quantity("90", None, Unit("mg/dL", "mg/dL")), "90", observed_at=NOW
    )
    return Report(
        id=f"{device}-1",
        device=Device(device, "generic-astm", None, None, None),
        kind=kind,
        specimen=Specimen("S1"),
        patient=Patient((PatientId("MRN1", "P.3"),)),
        received_at=NOW,
        observations=(glucose,),
        problems=(),
        source=Source(1, "astm"),
    )


def router(*routes: EhrRoute | MqttRoute) -> Router:
    return Router(routes, Sender("GATEWAY", "a"), b"k" * 32, lambda: NOW)


EVERYWHERE = router(
    EhrRoute("all", ORU),
    EhrRoute("wards", ORU, frozenset({"poct", "bench"})),
    EhrRoute("nobody", ORU, frozenset()),
    MqttRoute("watch", PatientData.NONE, frozenset({"bench"})),
    MqttRoute("screens", PatientData.NONE),
)


@pytest.mark.parametrize(
    ("device", "kind", "names"),
    [
        ("bench", Kind.PATIENT, ["all", "wards", "watch", "screens"]),
        ("poct", Kind.PATIENT, ["all", "wards", "screens"]),
        ("other", Kind.PATIENT, ["all", "screens"]),
        ("bench", Kind.QC, ["watch", "screens"]),
        ("other", Kind.QC, ["screens"]),
    ],
)
def test_who_gets_a_device_s_results(device: str, kind: Kind, names: list[str]) -> None:
    sent = EVERYWHERE.messages(report(device, kind))
    assert [message.destination for message in sent] == names


def test_who_hears_of_a_device() -> None:
    assert [m.destination for m in EVERYWHERE.event("bench", "held", {})] == ["watch", "screens"]
    assert [m.destination for m in EVERYWHERE.event("other", "held", {})] == ["screens"]


def test_nothing_is_written_anew_for_who_was_never_to_have_it() -> None:
    again = EVERYWHERE.rewritten(report("poct"), "wards", Revision())
    assert again.destination == "wards"
    for name in ("nobody", "watch", "elsewhere"):
        with pytest.raises(LookupError):
            EVERYWHERE.rewritten(report("poct"), name, Revision())


def test_a_lane_of_an_earlier_report_is_kept() -> None:
    route = router(EhrRoute("ehr", ORU))
    lanes = [route.messages(report("bench"), Revision(lane=lane))[0].lane for lane in (None, "S0")]
    assert lanes == ["S1", "S0"]


@pytest.mark.parametrize(("authority", "cell"), [("CLINIC", "MRN1^^^CLINIC^MR"), (None, "MRN1")])
def test_whose_number_it_is(authority: str | None, cell: str) -> None:
    (message,) = router(EhrRoute("ehr", ORU, assigning_authority=authority)).messages(
        report("bench")
    )
    (pid,) = [line for line in message.body.decode().split("\r") if line.startswith("PID")]
    assert pid.split("|")[3] == cell
