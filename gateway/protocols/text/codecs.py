"""The text languages by name: how to cut the line, how to read a message, how to write one.

A profile names one of these; the driver builds ``Receiver(codec.framing)``, the profile reads
``codec.decode(raw)``, a simulator sends ``codec.encode(fields)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.protocols.text import (
    abx,
    bc3000,
    clinitek,
    delimited,
    drichem,
    hemocue,
    reflotron,
    spotchem,
    sysmex,
    uc1000,
    vidas,
)
from gateway.protocols.text.fields import Fields
from gateway.protocols.text.receiver import Framing


@dataclass(frozen=True, slots=True)
class Codec:
    """``checked``: a check value of the device vouches for every message.

    ``calls`` is what the device sends before a message, waiting for an answer each time.
    """

    framing: Framing
    decode: Callable[[bytes], Fields]
    encode: Callable[[Fields], bytes]
    checked: bool = False
    calls: tuple[bytes, ...] = ()


def _sysmex(layout: sysmex.Layout) -> Codec:
    return Codec(
        sysmex.framing(layout),
        partial(sysmex.decode, layout=layout),
        partial(sysmex.encode, layout=layout),
    )


CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "sysmex-kx21": _sysmex(sysmex.KX21),
        "sysmex-kx21n": _sysmex(sysmex.KX21N),
        "sysmex-poch100i": _sysmex(sysmex.POCH100I),
        "sysmex-uc1000": Codec(uc1000.FRAMING, uc1000.decode, uc1000.encode),
        "fuji-drichem": Codec(drichem.FRAMING, drichem.decode, drichem.encode),
        "spotchem-el": Codec(spotchem.FRAMING, spotchem.decode, spotchem.encode),
        "reflotron": Codec(reflotron.FRAMING, reflotron.decode, reflotron.encode),
        "horiba-abx": Codec(abx.FRAMING, abx.decode, abx.encode, checked=True),
        "mini-vidas": Codec(vidas.FRAMING, vidas.decode, vidas.encode, checked=True),
        "hemocue-hba1c-501": Codec(hemocue.FRAMING, hemocue.decode, hemocue.encode),
        "mindray-bc3000plus": Codec(
            bc3000.FRAMING, bc3000.decode, bc3000.encode, calls=bc3000.calls()
        ),
        "clinitek-status": Codec(clinitek.FRAMING, clinitek.decode, clinitek.encode),
        "eurolyser": Codec(
            delimited.FRAMING,
            partial(delimited.decode, table=delimited.EUROLYSER),
            partial(delimited.encode, table=delimited.EUROLYSER),
        ),
    }
)
