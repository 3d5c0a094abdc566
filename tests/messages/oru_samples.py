"""Synthetic reports for the golden messages: one case for each thing a message must express.

Run as a program it writes the golden files anew; read them before committing them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from gateway.messages import (
    DESTINATION_PROFILES,
    CodedElement,
    DestinationProfile,
    EntityIdentifier,
    Envelope,
    HierarchicDesignator,
    IdentifierDomain,
    Order,
    PointOfCare,
    ProcessingId,
    control_id,
    encode,
    point_of_care,
)
from gateway.report import (
    Absent,
    AbsentReason,
    Code,
    Coded,
    Comparator,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Quantity,
    Range,
    Report,
    Source,
    Specimen,
    Status,
    Text,
    Titer,
    Unit,
    Value,
)

GOLDEN = Path(__file__).parent / "golden"
ALL = tuple(DESTINATION_PROFILES)
ZONE = timezone(timedelta(hours=1))
MEASURED = datetime(2026, 1, 5, 10, 11, 30, tzinfo=ZONE)
RECEIVED = datetime(2026, 1, 5, 10, 12, 0, tzinfo=ZONE)
SENT = datetime(2026, 1, 5, 10, 12, 2, tzinfo=ZONE)
KEY = b"a key of the test site"

THOUSANDS = Unit("10^3/uL", "10*3/uL")
LOINC_NAMES = {
    "6690-2": "Leukocytes [#/volume] in Blood by Automated count",
    "706-2": "Basophils/100 leukocytes in Blood by Automated count",
    "1988-5": "C reactive protein [Mass/volume] in Serum or Plasma",
    "5048-4": "Nuclear Ab [Titer] in Serum by Immunofluorescence",
    "80382-5": "Influenza virus A Ag [Presence] in Upper respiratory specimen by Rapid immunoassay",
}
HOSTILE = "a|b^c&d~e\\f \\X0D\\ \x0b\x1c\r\nOBX|9|NM|hacked||1\x00 \u00b5\u00e9 end"


def observation(
    device: str,
    loinc: str | None,
    value: Value,
    raw: str = "",
    *,
    flags: tuple[str, ...] = (),
    reference: str | None = None,
    status: Status = Status.FINAL,
    notes: tuple[str, ...] = (),
    operator: str | None = None,
) -> Observation:
    code = Code(device, loinc, LOINC_NAMES.get(loinc or ""))
    return Observation(code, value, raw, flags, reference, status, MEASURED, operator, notes)


def quantity(number: str, unit: Unit | None = THOUSANDS, sign: Comparator | None = None) -> Value:
    return Quantity(number, sign, unit)


WBC = observation(
    "WBC", "6690-2", quantity("5.50"), "  5.50", flags=("N",), reference="4.0-10.0", operator="OP1"
)
BASE = Report(
    id="0123456789abcdef0123456789abcdef",
    device=Device("haematology", "sysmex-xn-l", "Sysmex", "XN-550", "12345"),
    kind=Kind.PATIENT,
    specimen=Specimen("26S0042", "3^2"),
    patient=Patient((PatientId("MRN0001", "P.3"),), "DOE^JANE", "1980-01-31", "F"),
    received_at=RECEIVED,
    observations=(WBC,),
    problems=(),
    source=Source("1", "astm"),
)
ENVELOPE = Envelope(
    control_id=control_id(KEY, BASE.id, 0),
    message_time=SENT,
    sending_application=HierarchicDesignator("GATEWAY"),
    sending_facility=HierarchicDesignator("CLINIC-A"),
    receiving_application=HierarchicDesignator("EHR"),
    receiving_facility=HierarchicDesignator("CLINIC-A", "2.999.1", "ISO"),
)
ORDER = Order(
    placer_number=EntityIdentifier("4711", "EHR"),
    procedure=CodedElement("CBC", "Complete blood count", "L"),
    priority="S",
    visit_number="V77",
    patient_class="O",
    ordering_provider=("1234567893", "DOE", "JOHN"),
)
DOMAINS = (
    IdentifierDomain("P.3", HierarchicDesignator("HOSPITAL", "2.999.2", "ISO"), "MR"),
    IdentifierDomain("P.4", HierarchicDesignator("LAB")),
    IdentifierDomain(None, None, "PI"),
)


@dataclass(frozen=True)
class Case:
    """``profiles`` are those that can express it; the others must refuse it."""

    name: str
    report: Report
    envelope: Envelope = ENVELOPE
    profiles: tuple[str, ...] = ALL


def _with(*observations: Observation) -> Report:
    return replace(BASE, observations=observations)


def _absent(reason: str) -> Value:
    return Absent(AbsentReason(reason))


def _patient(name: str, birth_date: str) -> Report:
    return replace(BASE, patient=replace(BASE.patient, name=name, birth_date=birth_date))


def _corrected() -> Envelope:
    before = _with(observation("WBC", "6690-2", quantity("5.60"), flags=("N",)), *_UNCHANGED)
    return replace(
        ENVELOPE,
        control_id=control_id(KEY, BASE.id, 1),
        filler_number="ORIGINAL-1",
        revision=1,
        previous=before,
    )


_UNCHANGED = (observation("CRP", "1988-5", quantity("3", Unit("mg/L", "mg/L"))),)
_CLINIC = IdentifierDomain(None, HierarchicDesignator("CLINIC-A"))
_LONG_NAMED = replace(BASE.device, manufacturer="Siemens Healthcare Diagnostics")
_NO_ID = Patient((), "DOE^JANE", "1980", "F")

CASES = (
    Case("numeric", BASE),
    Case(
        "structured",
        _with(
            observation("CRP", "1988-5", quantity("0.50", Unit("mg/L", "mg/L"), Comparator.LESS)),
            observation("CRP", "1988-5", quantity("300", Unit("mg/L", "mg/L"), Comparator.GREATER)),
            observation("X1", None, quantity("7", None, Comparator.AT_MOST)),
            observation("X2", None, quantity("8", None, Comparator.AT_LEAST)),
        ),
    ),
    Case("titer", _with(observation("ANA", "5048-4", Titer("1", "80"), "1:80"))),
    Case("range", _with(observation("RBC-S", None, Range("2", "5", Unit("/HPF")), "2-5"))),
    Case("text", _with(observation("COLOR", None, Text("Pale yellow"), "Pale yellow"))),
    Case(
        "coded",
        _with(
            observation("FLUA", "80382-5", Coded("260385009", "Negative", "SCT"), "NEG"),
            observation("UBG", None, Coded("1+", "1+"), "1+"),
        ),
    ),
    Case(
        "absent",
        _with(
            observation("BASO%", "706-2", _absent("masked"), "---.-", status=Status.NO_RESULT),
            observation("WBC", "6690-2", _absent("above-range"), "+++++", flags=(">",)),
            WBC,
        ),
    ),
    Case("nothing-measured", _with(observation("K", None, _absent("error"), "err"))),
    Case("pending", _with(replace(WBC, status=Status.PRELIMINARY), *_UNCHANGED)),
    Case("wrong-patient", _with(replace(WBC, status=Status.WRONG))),
    Case("correction", _with(WBC, *_UNCHANGED), _corrected()),
    Case("correction-all", BASE, replace(ENVELOPE, revision=2, filler_number="ORIGINAL-1")),
    Case(
        "replicates",
        _with(*(observation("GLU", None, quantity(n)) for n in ("5.1", "5.2", "5.3")), WBC),
    ),
    Case(
        "flags-and-notes",
        replace(
            _with(replace(WBC, flags=("H", "A", "PLT?", ""), notes=("Diluted", "two\nlines", " "))),
            notes=("Specimen clotted?",),
        ),
    ),
    Case("units", _with(*(observation(f"U{i}", None, quantity("1", unit)) for i, unit in enumerate(
        (None, Unit("K/uL"), Unit("g/dL", "g/dL"), Unit("", "[pH]"), Unit("x|y^z", "{x}")))))),
    Case("long-numbers", _with(
        observation("N1", None, quantity("0.12345678901234567", None)),
        observation("N2", None, quantity("1.5E3", None, Comparator.LESS)),
        observation("N3", None, quantity("-.5", None)),
    )),
    Case(
        "identifiers",
        replace(
            BASE,
            patient=Patient(
                (PatientId("MRN0001", "P.3"), PatientId("L&9", "P.4"), PatientId("OLD1", "P.5")),
                "DOE^JANE^Q^JR^DR",
                "19800131",
                "F",
            ),
        ),
        replace(ENVELOPE, domains=DOMAINS),
    ),
    Case("one-authority", BASE, replace(ENVELOPE, domains=(DOMAINS[1], _CLINIC))),
    Case("name-unknown", replace(BASE, patient=Patient((PatientId("MRN0001", "P.3"),), sex="X"))),
    Case("name-unusual", _patient("A^B^C^D^E^F", "1980")),
    Case("without-patient", replace(BASE, patient=Patient()), profiles=("oru-2.5.1", "oru-2.3")),
    Case("patient-without-id", replace(BASE, patient=_NO_ID), profiles=("oru-2.5.1", "oru-2.3")),
    Case("ordered", BASE, replace(ENVELOPE, order=ORDER, processing_id=ProcessingId.TRAINING)),
    Case(
        "collected",
        replace(
            BASE,
            specimen=Specimen("26S0042", None, "SERUM", MEASURED - timedelta(hours=2)),
            device=Device("chemistry", "generic-astm"),
        ),
        replace(ENVELOPE, timezone=UTC),
    ),
    Case("no-specimen", replace(BASE, specimen=Specimen())),
    Case("maker-unwieldy", replace(BASE, device=_LONG_NAMED)),
    Case(
        "hostile",
        replace(
            _with(
                observation(
                    "T|^&~\\", None, Text(HOSTILE), "", flags=(HOSTILE,), reference=HOSTILE,
                    operator=HOSTILE, notes=(HOSTILE,),
                ),
                observation("C", None, Coded("a|b", HOSTILE, "L"), HOSTILE),
                observation("A", None, _absent("error"), HOSTILE),
            ),
            patient=Patient((PatientId("M|^&~\\1", "P.3"),), "DOE&|^JA\rNE"),
            specimen=Specimen("S|^&~\\1", None, HOSTILE),
            notes=(HOSTILE,),
        ),
    ),
)  # fmt: skip


POINT_OF_CARE = {
    "numeric": (PointOfCare.CREATE, PointOfCare.FIND),
    "structured": (PointOfCare.CREATE,),
    "absent": (PointOfCare.CREATE,),
    "hostile": (PointOfCare.FIND,),
    "ordered": (PointOfCare.KNOWN,),
    "correction": (PointOfCare.KNOWN,),
    "no-specimen": (PointOfCare.CREATE,),
}
"""Cases that are also written as ORU^R30, R31 or R32."""


def pairs() -> Iterator[tuple[Case, DestinationProfile]]:
    for case in CASES:
        for name in case.profiles:
            yield case, DESTINATION_PROFILES[name]
        for what in POINT_OF_CARE.get(case.name, ()):
            yield case, point_of_care(DESTINATION_PROFILES["oru-2.5.1"], what)


def golden_path(case: Case, profile: DestinationProfile) -> Path:
    return GOLDEN / profile.name.replace(" ", "-") / f"{case.name}.hl7"


def as_lines(message: bytes, profile: DestinationProfile) -> str:
    """A message as a golden file has it: UTF-8, one segment a line."""
    return message.decode(profile.charset.codec).replace("\r", "\n")


def main() -> None:
    for case, profile in pairs():
        path = golden_path(case, profile)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_lines(encode(case.report, case.envelope, profile), profile), "utf-8")


if __name__ == "__main__":
    main()
