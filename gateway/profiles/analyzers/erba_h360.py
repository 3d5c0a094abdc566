"""Erba H360, H560 and ELite 580: blood count in the HL7 of Mindray's; the analyzer dials.

The specimen's id is OBR-3, PID-3 is empty or repeats it.  Flags begin with an empty repetition
(``~N``).  The H360 knows three kinds of white cells (GRAN, MID, LYM).
"""

from dataclasses import replace

from gateway.profiles.analyzers import mindray_bc5
from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import Analyte, Evidence, Signature
from gateway.protocols.hl7device import Dialect

PROFILE = replace(
    mindray_bc5.PROFILE,
    name="erba-h360",
    vendor="Erba",
    model="H360",
    link=Link(Protocol.HL7, "tcp-listen", hl7=Dialect()),
    evidence=Evidence.INTEGRATOR,
    source=("message samples of H360, H560 and ELite 580 that an integrator published",),
    signatures=(
        Signature("MSH.3.1", "(?i)(?:H[35]60|ELite).*"),
        Signature("MSH.4.1", "(?i)Erba.*"),
    ),
    analytes=mindray_bc5.ANALYTES
    | {
        "*Mentzr": Analyte(None, display="Mentzer index, for research"),
        "*RDWI": Analyte(None, display="Red cell distribution width index, for research"),
    },
    shape=replace(
        mindray_bc5.PROFILE.shape,
        fixed=dict(mindray_bc5.PROFILE.shape.fixed) | {"MSH.3": "H360", "MSH.4": "Erba"},
    ),
    setup="Set the gateway's address and port as the analyzer's LIS host.",
)
