"""Sysmex pocH-100i in its ASTM mode: blood count with three kinds of white cells; results only.

P is empty.  What the operator typed stands in O.4: the id or the name in O.4.3, padded with blanks,
and the sex in O.4.4.  A name typed as an id is no order's, so nothing is filed by it unseen.
"""

from dataclasses import replace

from gateway.profiles.analyzers import sysmex_xp_300
from gateway.profiles.link import Link, Protocol, SerialLine
from gateway.profiles.schema import Evidence, Shape, Signature
from gateway.protocols.astm import Dialect, Endings

_XP = sysmex_xp_300.PROFILE

PROFILE = replace(
    _XP,
    name="sysmex-poch-100i",
    model="pocH-100i",
    link=Link(
        Protocol.ASTM, "serial", Dialect(endings=Endings.MESSAGE, max_text=4000), SerialLine()
    ),
    evidence=Evidence.INTEGRATOR,
    source=("code of an integrator, as the notes on analyzers sum it up",),
    signatures=(Signature("H.5.1", r"(?i)poch-?100i?.*"),),
    where=replace(_XP.where, sex="O.4.4", patient=("P.3.1",)),
    shape=Shape(
        fixed={"H.5.1": "pocH-100i", "H.13": "E1394-97", "R.3.6": "1"},
        pads={"O.4.3": 15, "R.4": 6},
    ),
    setup="Choose ASTM as the host's format and switch on automatic output.",
)
