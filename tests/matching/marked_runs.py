"""What devices send for controls, calibrations and patients, each in the words of its protocol.

Written out by hand, so that nothing of the gateway's own writers decides what a control looks like.
A control is marked in one of eleven ways and often names a patient all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FS, GS, RS = "\x1c", "\x1d", "\x1e"

Write = Callable[[str, str], bytes]
"""From a label and a value to the device's bytes."""


@dataclass(frozen=True, slots=True)
class Marked:
    """``mark`` names the way; empty for a patient's run.  ``undecided``: a person must say."""

    mark: str
    profile: str
    write: Write
    undecided: bool = False


def astm(
    header: str = "P",
    *,
    patient: str = "P|1||{label}||DOE^JANE",
    order: str = "O|1|{label}||^^^GLU|||||||N",
    result: str = "R|1|^^^GLU|{value}|mg/dL||N||F||||20260105101000",
    sender: str = "TEST^1",
) -> Write:
    def write(label: str, value: str) -> bytes:
        records = (
            rf"H|\^&|||{sender}|||||||{header}|LIS2-A2|20260105101200",
            *(one.format(label=label, value=value) for one in (patient, order, result)),
            "L|1|N",
        )
        return "".join(f"{record}\r" for record in records).encode()

    return write


def hl7(
    processing: str = "P",
    *,
    sender: str = "TEST|LAB",
    patient: str = "PID|1||{label}^^^LAB^MR||DOE^JANE",
    request: str = "OBR|1||{label}|GLU",
    result: str = "OBX|1|NM|GLU||{value}|mg/dL|||||F|||20260105101000",
    version: str = "2.5.1",
) -> Write:
    def write(label: str, value: str) -> bytes:
        segments = (
            rf"MSH|^~\&|{sender}|||20260105101200||ORU^R01|{value}|{processing}|{version}",
            *(one.format(label=label, value=value) for one in (patient, request, result)),
        )
        return b"\x0b" + "".join(f"{s}\r" for s in segments).encode() + b"\x1c\r"

    return write


def poct1a(message: str, role: str) -> Write:
    """A greeting, a status, the observations, the end: all a device says in one conversation."""

    def head(kind: str, number: str) -> str:
        created = '<HDR.creation_dttm V="2026-01-05T10:12:00+01:00"/>'
        return (
            f'<{kind}><HDR><HDR.control_id V="{number}"/><HDR.version_id V="POCT1"/>{created}</HDR>'
        )

    def write(label: str, value: str) -> bytes:
        return "".join(
            (
                head("HEL.R01", "1"),
                '<DEV><DEV.device_id V="D1"/><DEV.vendor_id V="DEMO"/></DEV></HEL.R01>',
                head("DST.R01", "2"),
                '<DST><DST.new_observations_qty V="1"/><DST.condition_cd V="R"/></DST></DST.R01>',
                head(message, "3"),
                f'<SVC><SVC.role_cd V="{role}"/>',
                '<SVC.observation_dttm V="2026-01-05T10:10:00+01:00"/>',
                f'<PT><PT.patient_id V="{label}"/>',
                '<OBS><OBS.observation_id V="GLU" SN="LN"/>',
                f'<OBS.value V="{value}" U="mg/dL"/>',
                '<OBS.method_cd V="M"/><OBS.status_cd V="A"/></OBS></PT></SVC>',
                f"</{message}>",
                head("EOT.R01", "4"),
                '<EOT><EOT.topic_cd V="OBS"/></EOT></EOT.R01>',
            )
        ).encode()

    return write


def rapidpoint(message: str, kind: str) -> Write:
    """LIS3: STX, message and data, ETX, the sum of the bytes between as two hex digits, EOT."""

    def write(label: str, value: str) -> bytes:
        cells = {
            "aMOD": "0500",
            "iIID": "45064",
            "rTYPE": kind,
            "iPID": label,
            "rDATE": "05Jan2026",
            "rTIME": "08:10:00",
            "mpH": value,
        }
        blank = GS * 3
        data = "".join(f"{name}{GS}{text}{blank}{FS}" for name, text in cells.items() if text)
        body = f"\x02{message}{FS}{RS}{data}{RS}\x03".encode()
        return body + b"%02X" % (sum(body) % 256) + b"\x04"

    return write


def text(mark: str) -> Write:
    def write(label: str, value: str) -> bytes:
        lines = (f"ID: {mark or label}", f"Patient: {label}", "Date: 2026-01-05 10:12:00")
        return "".join(f"{line}\r\n" for line in (*lines, f"GLU: {value} mg/dL")).encode()

    return write


def micros60(kind: str) -> Write:
    """ABX: STX, length, CR, one line a field, the sum of all before it behind FD, ETX."""

    def write(label: str, value: str) -> bytes:
        fields = (f"\xff {kind}", f"u {label:0>16}", f"!{float(value) / 1e4:6.1f}  ")
        lines = "".join(f"{field}\r" for field in fields).encode("latin-1")
        length = len(lines) + 13
        head = b"\x02%05d\r" % length + lines
        return head + b"\xfd %04X\r\x03" % (sum(head[1:]) % 65536)

    return write


GLU_HS = "OBX|1|NM|WBC||{value}|10*3/uL|||||F||||||||20260105101000"
MINDRAY = "OBX|1|NM|6690-2^WBC^LN||{value}|10*9/L||N|||F||||||||20260105101000"
AFINION = "R|1|^^^CRP|{value}|mg/L||||F||||20260105100900"
ABL9 = "R|1|^^^pH^M|{value}|||||F||||20260105101000"

PATIENTS = (
    Marked("", "generic-astm", astm()),
    Marked("", "generic-hl7", hl7()),
    Marked("", "generic-poct1a", poct1a("OBS.R01", "OBS")),
    Marked("", "generic-text", text("")),
    Marked(
        "",
        "hemoscreen",
        hl7(
            sender="HemoScreen|PixCell",
            patient="PID|1|{label}",
            request="OBR|1|||OBS",
            result=GLU_HS,
            version="2.4",
        ),
    ),
    Marked(
        "",
        "mindray-bc5",
        hl7(
            sender="BC-5150|Mindray",
            request="OBR|1||{label}|00001^Automated Count^99MRC",
            result=MINDRAY,
            version="2.3.1",
        ),
    ),
    Marked(
        "",
        "abbott-afinion-2",
        astm(
            sender="Afinion 2 Analyzer^^AF0012345",
            order="O|1||19|^^^CRP|||||||||||^O",
            result=AFINION,
        ),
    ),
    Marked("", "rapidpoint-500", rapidpoint("SMP_NEW_DATA", "SAMPLE")),
)

CONTROLS = (
    Marked("H-12 Q", "generic-astm", astm("Q")),
    Marked("O-12 Q", "generic-astm", astm(order="O|1|{label}||^^^GLU|||||||Q")),
    Marked("MSH-11 Q", "generic-hl7", hl7("Q")),
    Marked("role LQC", "generic-poct1a", poct1a("OBS.R01", "LQC")),
    Marked("OBS.R02", "generic-poct1a", poct1a("OBS.R02", "OBS")),
    Marked(
        "OBR-4 LQC",
        "hemoscreen",
        hl7(
            sender="HemoScreen|PixCell",
            patient="PID|1|{label}",
            request="OBR|1|||LQC",
            result=GLU_HS,
            version="2.4",
        ),
    ),
    Marked(
        "OBR-3 QC file",
        "mindray-bc5",
        hl7(
            "Q",
            sender="BC-5150|Mindray",
            request="OBR|1||3|00003^LJ QCR^99MRC",
            result=MINDRAY,
            version="2.3.1",
        ),
    ),
    Marked(
        "OBR-4 QCR alone",
        "mindray-bc5",
        hl7(
            sender="BC-5150|Mindray",
            request="OBR|1||3|00003^LJ QCR^99MRC",
            result=MINDRAY,
            version="2.3.1",
        ),
    ),
    Marked("O-16 CTRL", "generic-astm", astm(order="O|1|{label}||^^^GLU|||||||N||||CTRL")),
    Marked(
        "O-16 ^C",
        "abbott-afinion-2",
        astm(
            sender="Afinion 2 Analyzer^^AF0012345",
            order="O|1||19|^^^CRP|||||||||||^C",
            result=AFINION,
        ),
    ),
    Marked("typed QC01", "generic-astm", astm(order="O|1|QC01||^^^GLU|||||||N")),
    Marked("typed QC-7", "generic-hl7", hl7(request="OBR|1||QC-7{value}|GLU")),
    Marked("typed QC 2", "generic-text", text("QC 2")),
    Marked(
        "typed Abg qc 1",
        "radiometer-abl9",
        astm(
            sender="ABL9^400001",
            patient="P|1|Abg qc 1",
            order="O|1|{label}|Sample #^72",
            result=ABL9,
        ),
    ),
    Marked(
        "Background",
        "mindray-bc5",
        hl7(
            sender="BC-5150|Mindray",
            request="OBR|1||Background|00001^Automated Count^99MRC",
            result=MINDRAY,
            version="2.3.1",
        ),
    ),
    Marked(
        "bare P",
        "radiometer-abl9",
        astm(
            sender="ABL9^400001",
            patient="P|1",
            order="O|1||Cal #^70|||||||||SYSTEM",
            result="R|1|^^^pH^Sens|{value}|||||F||||20260105101000",
        ),
    ),
    Marked("QC_NEW_DATA", "rapidpoint-500", rapidpoint("QC_NEW_DATA", "")),
    Marked("QC-RES", "horiba-micros60", micros60("QC-RES")),
)

UNDECIDED = (
    Marked("typed CTRL1", "generic-astm", astm(order="O|1|CTRL1||^^^GLU|||||||N"), undecided=True),
    Marked("typed Control", "generic-text", text("Control"), undecided=True),
    Marked("H-12 T", "generic-astm", astm("T"), undecided=True),
    Marked("role UNK", "generic-poct1a", poct1a("OBS.R01", "UNK"), undecided=True),
    Marked(
        "O-16 ^V",
        "abbott-afinion-2",
        astm(
            sender="Afinion 2 Analyzer^^AF0012345",
            order="O|1||19|^^^CRP|||||||||||^V",
            result=AFINION,
        ),
        undecided=True,
    ),
    Marked(
        "Q and CAL",
        "rapidpoint-500",
        rapidpoint("SMP_NEW_DATA", "PROFICIENCY"),
        undecided=True,
    ),
    Marked(
        "bare P without a mark",
        "radiometer-abl9",
        astm(sender="ABL9^400001", patient="P|1", order="O|1||Sample #^70", result=ABL9),
        undecided=True,
    ),
)
