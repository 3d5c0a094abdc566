"""Further tests that many devices run: blood gases, urine strips, electrolytes, hormones.

Codes of blood gases are those of blood of any kind: whether it was arterial is rarely sent.  A
urine strip's answer has the code of its grades, a number with a unit that of its concentration.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.profiles.menus import SERUM
from gateway.profiles.schema import Analyte, Scale, Typical

_PRESSURES: Final = ("mm[Hg]", "kPa")
_MOLES: Final = ("mmol/L", "meq/L")


def _number(loinc: str | None, units: tuple[str, ...], low: str, high: str) -> Analyte:
    return Analyte(loinc, units, Scale.NUMBER, Typical(low, high))


def _named(display: str, units: tuple[str, ...], low: str, high: str) -> Analyte:
    """A test without a code here."""
    return Analyte(None, units, Scale.NUMBER, Typical(low, high), display=display)


def _either(
    mass: str | None,
    unit: str,
    low: str,
    high: str,
    other: Mapping[str, str | None],
    specimen: str = "",
) -> Analyte:
    """``mass`` is the code for ``unit``; ``other`` has the codes of other units."""
    return Analyte(mass, (unit, *other), Scale.NUMBER, Typical(low, high), other, specimen=specimen)


BLOOD_GAS: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "PH": Analyte("11558-4", ("[pH]",), typical=Typical("7.350", "7.450"), unsent="[pH]"),
        "PCO2": _number("11557-6", _PRESSURES, "35.0", "45.0"),
        "PO2": _number("11556-8", _PRESSURES, "80.0", "100.0"),
        "HCO3": _number("1959-6", _MOLES, "22.0", "26.0"),
        "TCO2": _number("20565-8", _MOLES, "23", "27"),
        "BE": _named("Base excess", _MOLES, "-2.0", "2.0"),
        "SO2": _named("Oxygen saturation", ("%",), "94.0", "99.0"),
        "NA": _number("2947-0", _MOLES, "136", "145"),
        "K": _number("6298-4", _MOLES, "3.50", "5.00"),
        "CL": _number("2069-3", _MOLES, "98", "107"),
        "CA": _either("1994-3", "mmol/L", "1.15", "1.30", {"mg/dL": None}),
        "GLU": _either("2339-0", "mg/dL", "70", "110", {"mmol/L": "15074-8"}),
        "LAC": _either("32693-4", "mmol/L", "0.5", "1.6", {"mg/dL": None}),
        "HCT": _number("20570-8", ("%",), "37", "48"),
        "HB": Analyte(
            "718-7",
            ("g/dL", "g/L", "mmol/L"),
            typical=Typical("12.0", "16.5"),
            by_unit={"mmol/L": "59260-0"},
        ),
        "COHB": _number("20563-3", ("%",), "0.1", "1.5"),
        "METHB": _number("2614-6", ("%",), "0.1", "1.5"),
        "BUN": _either("6299-2", "mg/dL", "8", "20", {"mmol/L": None}),
        "CREA": _either("38483-4", "mg/dL", "0.5", "1.3", {"umol/L": "59826-8"}),
        "AGAP": _named("Anion gap", _MOLES, "8", "16"),
    }
)
"""Whole blood."""


def _strip(grades: str | None, mass: Mapping[str, str | None], *words: str, name: str) -> Analyte:
    """``mass`` has the codes of numbers by their unit."""
    units = tuple(mass)
    return Analyte(grades, units, Scale.ANSWER, by_unit=mass, display=name, words=words)


_GRADES: Final = ("NEG", "TRACE", "+", "++")

URINE_STRIP: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "GLU": _strip("25428-4", {"mg/dL": "5792-7", "mmol/L": None}, *_GRADES, name="Glucose"),
        "BIL": _strip("5770-3", {"mg/dL": None, "umol/L": None}, *_GRADES, name="Bilirubin"),
        "KET": _strip("2514-8", {"mg/dL": "5797-6", "mmol/L": None}, *_GRADES, name="Ketones"),
        "SG": Analyte("5811-5", (), Scale.ANSWER, Typical("1.005", "1.030")),
        "BLO": _strip("5794-3", {"/uL": None}, *_GRADES, name="Blood"),
        "PH": Analyte("5803-2", ("[pH]",), Scale.ANSWER, Typical("5.0", "8.0"), unsent="[pH]"),
        "PRO": _strip("20454-5", {"mg/dL": "5804-0", "g/L": None}, *_GRADES, name="Protein"),
        "URO": _strip(
            None, {"mg/dL": "20405-7", "umol/L": None}, "NORM", name="Urobilinogen in urine"
        ),
        "NIT": _strip("5802-4", {}, "NEG", "POS", name="Nitrite"),
        "LEU": _strip("5799-2", {"/uL": None}, *_GRADES, name="Leukocytes"),
        "COL": _strip("5778-6", {}, "YELLOW", name="Colour"),
        "CLA": _strip("32167-9", {}, "CLEAR", name="Clarity"),
    }
)

ELECTROLYTES: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "NA": Analyte("2951-2", _MOLES, typical=Typical("136", "145"), specimen=SERUM),
        "K": Analyte("2823-3", _MOLES, typical=Typical("3.5", "5.0"), specimen=SERUM),
        "CL": Analyte("2075-0", _MOLES, typical=Typical("98", "107"), specimen=SERUM),
        "TCO2": Analyte("2028-9", _MOLES, typical=Typical("22", "29"), specimen=SERUM),
        "MG": _either("19123-9", "mg/dL", "1.6", "2.6", {"mmol/L": None}, SERUM),
        "UREA-N": _either("3094-0", "mg/dL", "7", "20", {"mmol/L": None}, SERUM),
        "CK": _either("2157-6", "U/L", "30", "200", {"[IU]/L": "2157-6"}, SERUM),
        "LDH": _either("2532-0", "U/L", "120", "240", {"[IU]/L": "2532-0"}, SERUM),
    }
)
"""Serum or plasma, beside ``menus.CHEMISTRY``."""

HORMONES: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "TSH": Analyte(
            "3016-3",
            ("u[IU]/mL", "m[IU]/L"),
            typical=Typical("0.400", "4.000"),
            specimen=SERUM,
        ),
        "FT4": _either(
            "3024-7", "ng/dL", "0.80", "1.80", {"pg/mL": "3024-7", "pmol/L": None}, SERUM
        ),
        "FT3": _either("3051-0", "pg/mL", "2.00", "4.40", {"pmol/L": None}, SERUM),
        "FERRITIN": _either("2276-4", "ng/mL", "20.0", "250.0", {"ug/L": "2276-4"}, SERUM),
        "PSA": _either("2857-1", "ng/mL", "0.10", "4.00", {"ug/L": "2857-1"}, SERUM),
    }
)


def _known(display: str, *units: str) -> Analyte:
    """Calculated; of no code here."""
    return Analyte(None, units, display=display)


_BICARBONATE: Final = _known("Bicarbonate, standard", *_MOLES)
_EXCESS: Final = _known("Base excess of extracellular fluid", *_MOLES)
_EXCESS_BLOOD: Final = _known("Base excess of blood", *_MOLES)
_OXYHB: Final = _known("Oxyhaemoglobin fraction", "%")
_DEOXYHB: Final = _known("Deoxyhaemoglobin fraction", "%")
_OSMOLALITY: Final = _known("Osmolality, calculated", "mmol/kg", "mosm/kg")
_OXYGEN: Final = _known("Oxygen content", "mL/dL", "mmol/L")

RADIOMETER: Final[Mapping[str, Analyte]] = MappingProxyType(
    {
        "pH": BLOOD_GAS["PH"],
        "pCO2": BLOOD_GAS["PCO2"],
        "pO2": BLOOD_GAS["PO2"],
        **dict.fromkeys(("K+", "cK+"), BLOOD_GAS["K"]),
        **dict.fromkeys(("Na+", "cNa+"), BLOOD_GAS["NA"]),
        **dict.fromkeys(("Ca++", "cCa++", "Ca2+", "cCa2+"), BLOOD_GAS["CA"]),
        **dict.fromkeys(("Cl-", "cCl-"), BLOOD_GAS["CL"]),
        **dict.fromkeys(("Lac", "cLac"), BLOOD_GAS["LAC"]),
        **dict.fromkeys(("Glu", "cGlu"), BLOOD_GAS["GLU"]),
        **dict.fromkeys(("Hct", "Hctc"), BLOOD_GAS["HCT"]),
        "sO2": BLOOD_GAS["SO2"],
        **dict.fromkeys(("ctHb", "tHb"), BLOOD_GAS["HB"]),
        **dict.fromkeys(("COHb", "FCOHb"), BLOOD_GAS["COHB"]),
        **dict.fromkeys(("MetHb", "FMetHb"), BLOOD_GAS["METHB"]),
        **dict.fromkeys(("O2Hb", "FO2Hb"), _OXYHB),
        **dict.fromkeys(("HHb", "FHHb", "RHb"), _DEOXYHB),
        **dict.fromkeys(("HCO3-", "cHCO3-", "cHCO3-(P)", "cHCO3-(P)c"), BLOOD_GAS["HCO3"]),
        **dict.fromkeys(("SBC", "cHCO3-(P,st)", "cHCO3-(P,st)c"), _BICARBONATE),
        **dict.fromkeys(("SBE", "BE(ecf)", "cBase(Ecf)", "cBase(Ecf)c"), _EXCESS),
        **dict.fromkeys(("ABE", "BE(B)", "BE", "cBase(B)", "cBase(B)c"), _EXCESS_BLOOD),
        **dict.fromkeys(("TCO2", "tCO2(B)", "ctCO2(B)", "ctCO2(B)c"), BLOOD_GAS["TCO2"]),
        **dict.fromkeys(("AnGap", "AnionGap", "Anion Gap", "Anion Gapc"), BLOOD_GAS["AGAP"]),
        **dict.fromkeys(("mOsm", "mOsmc"), _OSMOLALITY),
        **dict.fromkeys(("ctO2", "ctO2c"), _OXYGEN),
        "pH(T)": Analyte(None, ("[pH]",), unsent="[pH]", display="pH at the patient's temperature"),
        "pCO2(T)": _known("pCO2 at the patient's temperature", *_PRESSURES),
        "pO2(T)": _known("pO2 at the patient's temperature", *_PRESSURES),
        **dict.fromkeys(("p50", "p50c"), _known("pO2 at half saturation", *_PRESSURES)),
        "ctBil": _known("Bilirubin, total, in blood", "umol/L", "mg/dL"),
        "pO2(A-a)": _known("pO2 difference between alveoli and arteries", *_PRESSURES),
    }
)
"""Blood gas analyzers of Radiometer, by the names of their printouts."""
