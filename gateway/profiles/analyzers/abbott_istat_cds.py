"""Abbott i-STAT through its Central Data Station: cartridges, ASTM E1394; patients' results only.

The station sends no controls and takes no orders.  Names of tests are those of the cartridges;
what leaves no doubt is mapped to codes of blood, whatever vessel it came from.
"""

from dataclasses import replace

from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.menus import named
from gateway.profiles.panels import BLOOD_GAS
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Rule, Shape
from gateway.profiles.standard import LIS02
from gateway.protocols.astm import Dialect
from gateway.report import Kind

PROFILE = AnalyzerProfile(
    name="abbott-istat-cds",
    vendor="Abbott",
    model="i-STAT with Central Data Station",
    link=Link(Protocol.ASTM, "serial", Dialect(), SerialLine()),
    evidence=Evidence.SPEC,
    source=("i-STAT 1 System Manual, article 714384, page 22-11",),
    where=replace(
        LIS02,
        code=("R.3.4", "R.3.1"),
        specimen=("O.3.1",),
        patient=("P.3.1", "P.4.1"),
    ),
    analytes={
        **named(BLOOD_GAS["NA"], "Na"),
        **named(BLOOD_GAS["K"], "K"),
        **named(BLOOD_GAS["CL"], "Cl"),
        **named(BLOOD_GAS["TCO2"], "TCO2"),
        **named(BLOOD_GAS["AGAP"], "AnGap"),
        **named(BLOOD_GAS["CA"], "iCa"),
        **named(BLOOD_GAS["GLU"], "Glu"),
        **named(BLOOD_GAS["BUN"], "BUN"),
        **named(BLOOD_GAS["CREA"], "Crea"),
        **named(BLOOD_GAS["HCT"], "Hct"),
        **named(BLOOD_GAS["HB"], "Hb"),
        **named(BLOOD_GAS["PH"], "pH"),
        **named(BLOOD_GAS["PCO2"], "PCO2"),
        **named(BLOOD_GAS["PO2"], "PO2"),
        **named(BLOOD_GAS["HCO3"], "HCO3"),
        **named(BLOOD_GAS["BE"], "BEecf"),
        **named(BLOOD_GAS["SO2"], "sO2"),
        **named(BLOOD_GAS["LAC"], "Lac"),
    },
    qc=QcUnknown("the station passes on patients' results only; typed ids and O.12 count anyway"),
    kinds=(
        Rule(Kind.QC, "O.12", "[Qq]", "Q"),
        Rule(Kind.QC, "P.3.1", TYPED_QC, "QC01"),
    ),
    shape=Shape(
        units={"mm[Hg]": "mmHg"},
        fixed={"H.5.1": "CDS", "H.12": "P", "H.13": "E1394-97", "R.9": "F"},
    ),
)
