"""Sysmex KX-21: blood count, fixed columns between STX and ETX; results only.

Like the KX-21N, with shorter date and id and one RDW; whether that is SD or CV is a setting of the
analyzer: the site says which unit it has.
"""

from dataclasses import replace

from gateway.profiles.analyzers import sysmex_kx21n_poch
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import Analyte, Rule
from gateway.report import Kind

_RDW = Analyte(
    None,
    ("%", "fL"),
    by_unit={"%": "788-0", "fL": "21000-5"},
    words=("*0000",),
    display="Red cell distribution width",
)
_ORDER = tuple(code for code in sysmex_kx21n_poch.ANALYTES if code != "RDW-SD")

PROFILE = replace(
    sysmex_kx21n_poch.PROFILE,
    name="sysmex-kx21",
    model="KX-21",
    link=Link(Protocol.TEXT, "serial", serial=SerialLine(), codec="sysmex-kx21"),
    source=(
        "Sysmex KX-21 interface specifications, Class A",
        "captures of a KX-21, columns as decoded from them",
    ),
    analytes={
        "RDW" if code == "RDW-CV" else code: _RDW
        if code == "RDW-CV"
        else sysmex_kx21n_poch.ANALYTES[code]
        for code in _ORDER
    },
    dates=("YYMMDD",),
    kinds=(Rule(Kind.QC, "id", sysmex_kx21n_poch.TYPED, "00000000QC01"),),
    shape=replace(
        sysmex_kx21n_poch.PROFILE.shape,
        fixed=dict(sysmex_kx21n_poch.PROFILE.shape.fixed) | {"date": "250102"},
        pads={"id": 12},
    ),
)
