"""A whole transmission to what it means, whether its device is known or not.

What a known device sent its profile reads.  Of a recording of an unknown one nothing is read: it
waits for a person, with words for what it looks like.  The words come from asking every profile,
so they are put in here, above all of them.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.profiles.astm_reading import Payload
from gateway.profiles.context import Context
from gateway.profiles.guessing import guess
from gateway.profiles.link import Protocol
from gateway.profiles.normalize import Interpretation, interpret
from gateway.profiles.schema import AnalyzerProfile


def read_transmission(
    payload: Payload, profile: AnalyzerProfile, context: Context, *, checked: bool = True
) -> Interpretation:
    """``payload`` is the joined text of a complete transmission, or messages of its protocol.

    ``checked``: checksums vouch for the bytes.  A host query or a keep-alive gives no report.
    """
    found = interpret(payload, profile, context, checked=checked)
    if profile.link.protocol is not Protocol.RECORDING or not isinstance(payload, bytes):
        return found
    problems = tuple(replace(problem, at=str(guess(payload))) for problem in found.problems)
    return replace(found, problems=problems)
