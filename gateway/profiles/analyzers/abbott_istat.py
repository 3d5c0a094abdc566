"""Abbott i-STAT 1 and Alinity: blood gas, electrolytes and troponin, POCT1-A; the device dials.

A cartridge is a panel; each of its analytes is an observation.  Vendor extensions (prompts, the
patient's temperature) are kept with the bytes and not read.
"""

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Evidence,
    Shape,
    Signature,
    Typical,
)
from gateway.profiles.standard import (
    HL7_FLAGS,
    POCT1A,
    POCT1A_DATES,
    POCT1A_NO_IDS,
    POCT1A_QC,
    POCT1A_STATUSES,
)
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.report import AbsentReason


def _gas(loinc: str | None, low: str, high: str, *units: str, display: str = "") -> Analyte:
    return Analyte(loinc, units, typical=Typical(low, high), display=display or None)


PROFILE = AnalyzerProfile(
    name="abbott-istat",
    vendor="Abbott",
    model="i-STAT",
    link=Link(Protocol.POCT1A, "tcp-listen", reply_within=60.0),
    evidence=Evidence.INTEGRATOR,
    source=(
        "i-STAT 1 system manual, art. 714384, data management",
        "an integrator's POCT1-A server for i-STAT, as read from its code",
    ),
    signatures=(
        Signature("DEV.vendor_id", "(?i)(?:ABBT|ABBOTT|APOC|I-?STAT).*"),
        Signature("DEV.model_id", "(?i).*(?:i-?STAT|Alinity).*"),
    ),
    where=POCT1A,
    dates=POCT1A_DATES,
    no_ids=POCT1A_NO_IDS,
    analytes={
        "Na": _gas("2947-0", "136", "145", "mmol/L"),
        "K": _gas("6298-4", "3.5", "5.0", "mmol/L"),
        "Cl": _gas("2069-3", "98", "107", "mmol/L"),
        "iCa": _gas("1994-3", "1.12", "1.32", "mmol/L"),
        "Glu": Analyte(
            "2339-0",
            ("mg/dL", "mmol/L"),
            typical=Typical("70", "105"),
            by_unit={"mmol/L": None},
            display="Glucose in blood",
        ),
        "pH": _gas("11558-4", "7.350", "7.450"),
        "PCO2": _gas("11557-6", "35.0", "45.0", "mm[Hg]"),
        "PO2": _gas("11556-8", "80", "105", "mm[Hg]"),
        "HCO3": _gas("1959-6", "22.0", "26.0", "mmol/L"),
        "Lac": _gas("32693-4", "0.36", "1.25", "mmol/L"),
        "cTnI": _gas("42757-5", "0.00", "0.07", "ng/mL"),
        "TCO2": _gas(None, "23", "27", "mmol/L", display="Carbon dioxide, total, in blood"),
        "BEecf": _gas(None, "0", "3", "mmol/L", display="Base excess in extracellular fluid"),
        "sO2": _gas(None, "95", "98", "%", display="Oxygen saturation, calculated"),
        "Hct": _gas(None, "38", "51", "%", display="Haematocrit by conductivity"),
        "Hb": _gas(None, "12.0", "17.0", "g/dL", display="Haemoglobin, calculated"),
        "Crea": _gas(None, "0.6", "1.3", "mg/dL", display="Creatinine in blood"),
        "BUN": _gas(None, "8", "26", "mg/dL", display="Urea nitrogen in blood"),
        "AnGap": _gas(None, "10", "20", "mmol/L", display="Anion gap"),
    },
    voids=(
        Void(r"\*{2,}", AbsentReason.ERROR),
        Void(r"<>", AbsentReason.NOT_MEASURED),
        *VOIDS,
    ),
    flags=HL7_FLAGS,
    statuses=POCT1A_STATUSES,
    qc=POCT1A_QC,
    alarms=(Alarm("SVC.status_cd", "OVR", "measured although the device objected", hold=False),),
    shape=Shape(
        units={"mm[Hg]": "mmHg"},
        fixed={
            "DEV.vendor_id": "ABBT",
            "DEV.model_id": "i-STAT",
            "SVC.role_cd": "OBS",
            "OBS.method_cd": "M",
            "OBS.status_cd": "A",
        },
    ),
)
