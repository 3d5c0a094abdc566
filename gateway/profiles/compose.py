"""A profile read backwards, in any wire language: what a device would send, as whole payloads.

LIS02-A2 takes all samples in one message (``render``); the others one message a sample, each read
again by the same profile before it is given away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.profiles.context import Context
from gateway.profiles.hl7_writer import write_hl7
from gateway.profiles.link import Protocol
from gateway.profiles.normalize import normalize
from gateway.profiles.poct1a_writer import write_poct1a
from gateway.profiles.render import compare, render
from gateway.profiles.samples import NotExpressible, Sample
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.sheet import Sheet, sheet_of
from gateway.profiles.table_writer import write_table
from gateway.profiles.text_writer import write_text
from gateway.protocols.astm import encode
from gateway.protocols.errors import LocalProtocolError


def compose(
    profile: AnalyzerProfile,
    samples: Sequence[Sample],
    *,
    sent_at: datetime,
    timezone: ZoneInfo,
    serial: str | None = None,
) -> tuple[bytes, ...]:
    """The payloads of the messages.  NotExpressible when something else would be read."""
    if profile.link.protocol is Protocol.ASTM:
        message = render(profile, samples, sent_at=sent_at, timezone=timezone, serial=serial)
        return (b"".join(encode(message)),)
    if profile.link.protocol is Protocol.RECORDING:
        raise NotExpressible("nobody knows how this device speaks")
    found = []
    for number, sample in enumerate(samples, start=1):
        payload = _written(profile, sheet_of(profile, sample, sent_at, timezone, serial), number)
        context = Context("simulator", timezone, sent_at, "composed")
        reports = normalize(payload, profile, context)
        if len(reports) != 1:
            raise NotExpressible("specimens: another number of them would be read")
        compare(reports[0], sample, profile)
        found.append(payload)
    return tuple(found)


def _written(profile: AnalyzerProfile, sheet: Sheet, number: int) -> bytes:
    try:
        match profile.link.protocol:
            case Protocol.HL7:
                return write_hl7(profile, sheet, number)
            case Protocol.POCT1A:
                return write_poct1a(profile, sheet, number)
            case Protocol.TEXT:
                return write_text(profile, sheet)
            case Protocol.FILE:
                return write_table(profile, sheet)
    except LocalProtocolError as error:
        raise NotExpressible(str(error)) from None
    raise NotExpressible("no messages of this language are written here")
