"""Siemens RAPIDPoint 400/405/500 and RAPIDLab 800/1200: blood gas, LIS3 over TCP or serial.

The analyzer announces a sample and sends it only when asked.  Codes begin with m (measured) or c
(calculated); iPID is the patient's id, rSEQ the analyzer's number of the sample.  Controls come in
messages of their own (QC_NEW_DATA).  The air pressure (mBP) is no result.
"""

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import (
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    Rule,
    Shape,
    Typical,
    Where,
)
from gateway.profiles.vocabulary import FLAGS
from gateway.report import Kind


def _gas(loinc: str | None, low: str, high: str, *units: str, display: str = "") -> Analyte:
    return Analyte(loinc, units, typical=Typical(low, high), display=display or None)


PROFILE = AnalyzerProfile(
    name="rapidpoint-500",
    vendor="Siemens Healthineers",
    model="RAPIDPoint 500",
    link=Link(Protocol.TEXT, "tcp", codec="lis3"),
    evidence=Evidence.INTEGRATOR,
    source=("LIS3 messages of RAPIDPoint 500 and RAPIDLab 855 in the code of four integrators",),
    where=Where(
        code=("row",),
        value="row.value",
        patient=("iPID",),
        position=("rSEQ",),
        unit="row.unit",
        flags=("row.exceptions",),
        operator="iOID",
        observed=("rDATE+rTIME",),
        model="aMOD",
        serial="iIID",
    ),
    dates=("DDMONYYYY hh:mm:ss", "DDMONYYYY hh:mm", "DDMONYY hh:mm:ss", "DDMONYY hh:mm"),
    analytes={
        "mpH": _gas("11558-4", "7.350", "7.450"),
        "mPCO2": _gas("11557-6", "35.0", "45.0", "mm[Hg]", "kPa"),
        "mPO2": _gas("11556-8", "80.0", "105.0", "mm[Hg]", "kPa"),
        "mNa": _gas("2947-0", "136.0", "145.0", "mmol/L"),
        "mNa+": _gas("2947-0", "136.0", "145.0", "mmol/L"),
        "mK": _gas("6298-4", "3.50", "5.00", "mmol/L"),
        "mK+": _gas("6298-4", "3.50", "5.00", "mmol/L"),
        "mCl": _gas("2069-3", "98", "107", "mmol/L"),
        "mCl-": _gas("2069-3", "98", "107", "mmol/L"),
        "mCa++": _gas("1994-3", "1.12", "1.32", "mmol/L"),
        "mLac": _gas("32693-4", "0.36", "1.25", "mmol/L"),
        "mGlu": Analyte(
            "2339-0",
            ("mg/dL", "mmol/L"),
            typical=Typical("70", "105"),
            by_unit={"mmol/L": "15074-8"},
            display="Glucose in blood",
        ),
        "mtHb": _gas("718-7", "12.0", "17.0", "g/dL"),
        "mCOHb": _gas("20563-3", "0.5", "1.5", "%"),
        "mMetHb": _gas("2614-6", "0.0", "1.5", "%"),
        "mO2Hb": _gas(None, "90.0", "98.0", "%", display="Oxyhaemoglobin fraction"),
        "mHHb": _gas(None, "1.0", "8.0", "%", display="Deoxyhaemoglobin fraction"),
        "msO2": _gas(None, "92.0", "98.0", "%", display="Oxygen saturation"),
        "cHCO3act": _gas("1959-6", "22.0", "26.0", "mmol/L"),
        "cBE(vt)": _gas(None, "0.0", "2.0", "mmol/L", display="Base excess, in vitro"),
        "cBE(ecf)": _gas(
            None, "0.0", "2.0", "mmol/L", display="Base excess in extracellular fluid"
        ),
        "cHCO3std": _gas(None, "22.0", "26.0", "mmol/L", display="Bicarbonate, standard"),
        "cAnGap": _gas(None, "8.0", "16.0", "mmol/L", display="Anion gap"),
        "cCa++(7.4)": _gas(None, "1.12", "1.32", "mmol/L", display="Calcium, ionized, at pH 7.4"),
        "cO2SAT": _gas(None, "92.0", "98.0", "%", display="Oxygen saturation, calculated"),
        "ctCO2": _gas(None, "23.0", "27.0", "mmol/L", display="Carbon dioxide, total"),
        "cHct": _gas(None, "37", "50", "%", display="Haematocrit, calculated"),
    },
    flags=FLAGS,
    qc=(
        Rule(Kind.QC, "message", "QC_.*", "QC_NEW_DATA"),
        Rule(Kind.QC, "iSMPTYPE", "(?i:.*qc.*)", "QC"),
    ),
    kinds=(
        Rule(Kind.CALIBRATION, "message", "CAL_.*", "CAL_NEW_DATA"),
        Rule(Kind.QC, "rTYPE", "(?i:qc|control.*)", "QC"),
        Rule(Kind.UNKNOWN, "rTYPE", "(?!(?i:sample|qc|control.*)$).+", "PROFICIENCY"),
    ),
    asides=(Aside("mBP", AsideRole.REMARK),),
    shape=Shape(
        units={"mm[Hg]": "mmHg"},
        fixed={"message": "SMP_NEW_DATA", "aMOD": "0500", "iIID": "45064", "rTYPE": "SAMPLE"},
    ),
)
