"""Mindray BC-3000Plus, BC-2800 and BC-3200: blood count, blocks of named fields; results only.

Two calls want an ACK, then blocks follow; silence ends a message.  Block SampleInfo tells of the
run, a block with ``Val`` is a result, RunQCInfo and StQCInfo belong to controls.  Stars stand for a
value that is missing.  There is no checksum.
"""

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import BLOOD_COUNT, named
from gateway.profiles.schema import Analyte, AnalyzerProfile, Evidence, Rule, Shape, Typical, Where
from gateway.profiles.vocabulary import FLAGS
from gateway.report import Kind

_COUNTS = ("10*9/L", "10*3/uL")


def _mid(display: str, unit: tuple[str, ...], low: str, high: str) -> Analyte:
    return Analyte(None, unit, typical=Typical(low, high), display=display)


PROFILE = AnalyzerProfile(
    name="mindray-bc3000plus",
    vendor="Mindray",
    model="BC-3000Plus",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="mindray-bc3000plus"),
    evidence=Evidence.CAPTURE,
    source=(
        "a capture of a BC-3000Plus, blocks as decoded from it",
        "field names as two integrators' programs read them",
    ),
    where=Where(
        code=("row",),
        value="row.Val",
        specimen=("SampleInfo.SampleID",),
        patient=("SampleInfo.ChartNo",),
        name=("SampleInfo.Name",),
        unit="row.Unit",
        range="row.Range",
        flags=("row.Flag",),
        operator="SampleInfo.Tester",
        observed=("SampleInfo.TestTime",),
    ),
    dates=("YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD"),
    analytes={
        **{
            code: BLOOD_COUNT[code]
            for code in ("WBC", "RBC", "HGB", "HCT", "MCV", "MCH", "MCHC", "PLT", "MPV", "PDW")
        },
        **named(BLOOD_COUNT["RDW-CV"], "RDW-CV", "RDWCV"),
        **named(BLOOD_COUNT["RDW-SD"], "RDW-SD", "RDWSD"),
        "PCT": BLOOD_COUNT["PCT"],
        "P-LCR": BLOOD_COUNT["P-LCR"],
        "Lymph#": BLOOD_COUNT["LYMPH#"],
        "Lymph%": BLOOD_COUNT["LYMPH%"],
        "Mid#": _mid("Mid-sized cells", _COUNTS, "0.1", "0.9"),
        "Mid%": _mid("Mid-sized cells per 100 leucocytes", ("%",), "3.0", "9.0"),
        "Gran#": _mid("Granulocytes", _COUNTS, "2.0", "7.0"),
        "Gran%": _mid("Granulocytes per 100 leucocytes", ("%",), "50.0", "70.0"),
    },
    flags={**FLAGS, "0": ""},
    qc=(
        Rule(Kind.QC, "RunQCInfo.FileNo", ".+", "1"),
        Rule(Kind.QC, "StQCInfo.FileNo", ".+", "1"),
        Rule(Kind.QC, "SampleInfo.SampleID", TYPED_QC, "QC01"),
    ),
    kinds=(
        Rule(Kind.OTHER, "SampleInfo.SampleID", "(?i:background)", "Background"),
        Rule(Kind.OTHER, "SampleInfo.Mode", "(?i:background.*)", "Background"),
    ),
    shape=Shape(fixed={"SampleInfo.Mode": "WB"}),
    setup="Switch on automatic transmission after each count.",
)
