"""Tests that many devices run, ready for a profile's ``analytes``.

A LOINC code that says mass (or moles) goes with units of mass (or moles) only; where the same test
comes in either, the unit decides the code.  Units of one size are named side by side: 10*3/uL and
10*9/L are the same number.  Tests without a code here are known, and reported by the device's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.profiles.schema import Analyte, Scale, Typical

SERUM: Final = r"(?i)(?:ser|serum|plas|plasma|serum/plasma|blood serum)?"
"""Specimen types for which codes of serum or plasma stand; nothing said counts as such."""

_THOUSANDS: Final = ("10*3/uL", "10*9/L")
_MILLIONS: Final = ("10*6/uL", "10*12/L")


def named(analyte: Analyte, *codes: str) -> dict[str, Analyte]:
    """One test under several codes."""
    return dict.fromkeys(codes, analyte)


def _number(loinc: str | None, units: tuple[str, ...], low: str, high: str) -> Analyte:
    return Analyte(loinc, units, Scale.NUMBER, Typical(low, high))


def _local(display: str, unit: str) -> Analyte:
    """A test without a code here."""
    return Analyte(None, (unit,), display=display)


def _either(
    mass: str, unit: str, low: str, high: str, other: Mapping[str, str | None], specimen: str = ""
) -> Analyte:
    """``mass`` is the code for ``unit``; ``other`` has the codes of other units."""
    return Analyte(mass, (unit, *other), Scale.NUMBER, Typical(low, high), other, specimen=specimen)


BLOOD_COUNT: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "WBC": _number("6690-2", _THOUSANDS, "4.00", "10.00"),
        "RBC": _number("789-8", _MILLIONS, "4.00", "5.60"),
        "HGB": Analyte(
            "718-7",
            ("g/dL", "g/L", "mmol/L"),
            typical=Typical("12.0", "16.5"),
            by_unit={"mmol/L": "59260-0"},
        ),
        "HCT": _number("4544-3", ("%", "L/L"), "37.0", "48.0"),
        "MCV": _number("787-2", ("fL", "um3"), "80.0", "96.0"),
        "MCH": _either("785-6", "pg", "27.0", "33.0", {"fmol": None}),
        "MCHC": _either("786-4", "g/dL", "32.0", "36.0", {"g/L": "786-4", "mmol/L": None}),
        "PLT": _number("777-3", _THOUSANDS, "150", "400"),
        "RDW-SD": _number("21000-5", ("fL",), "37.0", "54.0"),
        "RDW-CV": _number("788-0", ("%",), "11.5", "14.5"),
        "MPV": _number("32623-1", ("fL",), "9.0", "13.0"),
        "PDW": Analyte(
            "32207-3", ("fL", "%"), typical=Typical("9.0", "17.0"), by_unit={"%": "51631-0"}
        ),
        "P-LCR": Analyte(
            None, ("%",), typical=Typical("13.0", "43.0"), display="Platelet large cell ratio"
        ),
        "PCT": _number("51637-7", ("%", "mL/L"), "0.17", "0.35"),
        "NEUT#": _number("751-8", _THOUSANDS, "1.80", "7.00"),
        "LYMPH#": _number("731-0", _THOUSANDS, "1.00", "4.00"),
        "MONO#": _number("742-7", _THOUSANDS, "0.20", "1.00"),
        "EO#": _number("711-2", _THOUSANDS, "0.02", "0.50"),
        "BASO#": _number("704-7", _THOUSANDS, "0.01", "0.10"),
        "NEUT%": _number("770-8", ("%",), "40.0", "75.0"),
        "LYMPH%": _number("736-9", ("%",), "20.0", "45.0"),
        "MONO%": _number("5905-5", ("%",), "3.0", "12.0"),
        "EO%": _number("713-8", ("%",), "0.5", "6.0"),
        "BASO%": _number("706-2", ("%",), "0.1", "1.5"),
        "IG#": _number("53115-2", _THOUSANDS, "0.00", "0.05"),
        "IG%": _number("71695-1", ("%",), "0.0", "0.6"),
        "NRBC#": _number("771-6", _THOUSANDS, "0.00", "0.02"),
        "NRBC%": _number("58413-6", ("/100{WBCs}", "%"), "0.0", "0.2"),
        "RET#": _number("60474-4", ("10*6/uL", "10*12/L"), "0.0200", "0.1000"),
        "RET%": _number("17849-1", ("%",), "0.50", "2.00"),
        "IRF": _local("Immature reticulocyte fraction", "%"),
        "LFR": _local("Reticulocytes of low fluorescence", "%"),
        "MFR": _local("Reticulocytes of middle fluorescence", "%"),
        "HFR": _local("Reticulocytes of high fluorescence", "%"),
        "RET-He": _local("Reticulocyte haemoglobin equivalent", "pg"),
        "IPF": _local("Immature platelet fraction", "%"),
        "MicroR": _local("Microcytic erythrocytes", "%"),
        "MacroR": _local("Macrocytic erythrocytes", "%"),
    }
)

HBA1C: Final = _either("4548-4", "%", "4.5", "6.4", {"mmol/mol": "59261-8"})
MEAN_GLUCOSE: Final = _either("27353-2", "mg/dL", "82", "137", {"mmol/L": "53553-4"})
CRP: Final = _number("1988-5", ("mg/L",), "1", "20")
URINE_ALBUMIN: Final = _number("14957-5", ("mg/L",), "5", "30")
URINE_CREATININE: Final = _either("2161-8", "mg/dL", "50.0", "200.0", {"mmol/L": "14683-7"})
ALBUMIN_CREATININE: Final = Analyte(
    "9318-7",
    ("mg/g{creat}", "mg/g", "mg/mmol", "mg/mmol{creat}"),
    typical=Typical("5", "29"),
    by_unit={"mg/mmol": None, "mg/mmol{creat}": None},
    display="Albumin/creatinine in urine",
)

CHOLESTEROL: Final = _either("2093-3", "mg/dL", "120", "240", {"mmol/L": "14647-2"})
HDL: Final = _either("2085-9", "mg/dL", "35", "80", {"mmol/L": "14646-4"})
LDL_CALCULATED: Final = _either("13457-7", "mg/dL", "60", "160", {"mmol/L": "39469-2"})
TRIGLYCERIDE: Final = _either("2571-8", "mg/dL", "50", "200", {"mmol/L": "14927-8"})
NON_HDL: Final = _either("43396-1", "mg/dL", "80", "190", {"mmol/L": "70204-3"})
CHOLESTEROL_RATIO: Final = Analyte("9830-1", (), typical=Typical("2.0", "6.0"))

CHEMISTRY: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "GLUCOSE": _either("2345-7", "mg/dL", "70", "140", {"mmol/L": "14749-6"}, SERUM),
        "CREATININE": _either("2160-0", "mg/dL", "0.50", "1.30", {"umol/L": "14682-9"}, SERUM),
        "BILIRUBIN": _either("1975-2", "mg/dL", "0.2", "1.2", {"umol/L": "14631-6"}, SERUM),
        "DIRECT": _either("1968-7", "mg/dL", "0.0", "0.3", {"umol/L": "14629-0"}, SERUM),
        "URATE": _either("3084-1", "mg/dL", "2.5", "7.5", {"umol/L": "14933-6"}, SERUM),
        "PHOSPHATE": _either("2777-1", "mg/dL", "2.5", "4.5", {"mmol/L": "14879-1"}, SERUM),
        "CALCIUM": _either("17861-6", "mg/dL", "8.5", "10.5", {"mmol/L": "2000-8"}, SERUM),
        "CHOLESTEROL": _either("2093-3", "mg/dL", "120", "240", {"mmol/L": "14647-2"}, SERUM),
        "TRIGLYCERIDE": _either("2571-8", "mg/dL", "50", "200", {"mmol/L": "14927-8"}, SERUM),
        "PROTEIN": _either("2885-2", "g/dL", "6.0", "8.3", {"g/L": "2885-2"}, SERUM),
        "ALBUMIN": _either("1751-7", "g/dL", "3.5", "5.2", {"g/L": "1751-7"}, SERUM),
        "ALT": _either("1742-6", "U/L", "7", "45", {"[IU]/L": "1742-6"}, SERUM),
        "AST": _either("1920-8", "U/L", "8", "40", {"[IU]/L": "1920-8"}, SERUM),
        "ALP": _either("6768-6", "U/L", "40", "130", {"[IU]/L": "6768-6"}, SERUM),
        "GGT": _either("2324-2", "U/L", "8", "60", {"[IU]/L": "2324-2"}, SERUM),
        "AMYLASE": _either("1798-8", "U/L", "25", "110", {"[IU]/L": "1798-8"}, SERUM),
    }
)
