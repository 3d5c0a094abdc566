"""Who must act when a protocol breaks.

::

    ProtocolError
    +-- LocalProtocolError    we asked a state machine for nonsense: our bug
    +-- RemoteProtocolError   the peer broke the rules beyond what the protocol can repair

Messages carry positions, kinds and counts, never what the peer wrote: it may name a patient.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """A rule of a wire protocol was broken."""


class LocalProtocolError(ProtocolError):
    """The caller used a protocol object against its rules."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what its protocol forbids."""
