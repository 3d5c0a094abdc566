"""RFC 2217 client side without I/O: telnet bytes in, device bytes and answers out.

Sets speed, character frame and handshake, and is ``ready`` when the server has confirmed exactly
these over a binary connection.  Acknowledgements of the state masks are not waited for: several
servers never send them.  ``refusal`` says why a server cannot be used: it is not binary, it knows
no COM-PORT-OPTION, or it set something else.  A line error that the server notifies becomes one
``damage.SUBSTITUTE`` in the data.
"""

from __future__ import annotations

from typing import Final

from gateway.transports.address import Flow, LineSettings, Parity
from gateway.transports.damage import SUBSTITUTE
from gateway.transports.telnet import (
    DO,
    DONT,
    WILL,
    WONT,
    Command,
    Subnegotiation,
    TelnetReader,
    Verb,
    encode,
)

BINARY: Final = 0
SUPPRESS_GO_AHEAD: Final = 3
COM_PORT: Final = 44
SET_BAUD: Final = 1
SET_DATA_BITS: Final = 2
SET_PARITY: Final = 3
SET_STOP_BITS: Final = 4
SET_CONTROL: Final = 5
NOTIFY_LINE_STATE: Final = 6
SET_LINE_STATE_MASK: Final = 10
SET_MODEM_STATE_MASK: Final = 11
FROM_SERVER: Final = 100
_LINE_ERRORS: Final = 0x1E  # overrun, parity, framing, break
_PARITY: Final = {Parity.NONE: 1, Parity.ODD: 2, Parity.EVEN: 3, Parity.MARK: 4, Parity.SPACE: 5}
_FLOW: Final = {Flow.NONE: 1, Flow.XONXOFF: 2, Flow.RTSCTS: 3}
_NAMES: Final = {
    SET_BAUD: "baud rate",
    SET_DATA_BITS: "number of data bits",
    SET_PARITY: "parity",
    SET_STOP_BITS: "number of stop bits",
    SET_CONTROL: "flow control",
}
_COUNTERPART: Final = {DO: WILL, DONT: WONT, WILL: DO, WONT: DONT}
_ACCEPTED: Final = frozenset({BINARY, SUPPRESS_GO_AHEAD, COM_PORT})


class ComPort:
    """One connection's negotiation and stream."""

    def __init__(self, settings: LineSettings) -> None:
        self._reader = TelnetReader()
        self._settings = {
            SET_BAUD: settings.baud.to_bytes(4, "big"),
            SET_DATA_BITS: bytes([settings.data_bits]),
            SET_PARITY: bytes([_PARITY[settings.parity]]),
            SET_STOP_BITS: bytes([settings.stop_bits]),
            SET_CONTROL: bytes([_FLOW[settings.flow]]),
        }
        self._missing = {Verb(DO, BINARY), Verb(WILL, BINARY), Verb(DO, COM_PORT)}
        self._unconfirmed = dict(self._settings)
        self._said: set[Verb] = set()
        self._answers = bytearray()
        self.answered = False  # the server speaks telnet at all
        self.refusal: str | None = None
        self.damaged = 0

    @property
    def ready(self) -> bool:
        return not self._missing and not self._unconfirmed and self.refusal is None

    def start(self) -> bytes:
        """What the client says first."""
        for option in (BINARY, SUPPRESS_GO_AHEAD, COM_PORT):
            self._say(Verb(WILL, option))
        for option in (BINARY, SUPPRESS_GO_AHEAD):
            self._say(Verb(DO, option))
        return self._take_answers()

    def receive(self, received: bytes) -> tuple[bytes, bytes]:
        """The device's bytes in ``received``, and the answer to send to the server.

        Bytes from before ``ready`` are dropped: the line ran with settings that were not ours.
        """
        data = bytearray()
        for part in self._reader.read(received):
            match part:
                case Verb():
                    self._negotiate(part)
                case Subnegotiation(option, payload):
                    data += self._notified(payload) if option == COM_PORT and payload else b""
                case _ if self.ready:
                    data += part
        return bytes(data), self._take_answers()

    def _take_answers(self) -> bytes:
        answers, self._answers = bytes(self._answers), bytearray()
        return answers

    def _send(self, command: Command) -> None:
        self._answers += encode(command)

    def _say(self, verb: Verb) -> None:
        """Once only: answering an answer would never end (RFC 854)."""
        if verb not in self._said:
            self._said.add(verb)
            self._send(verb)

    def _negotiate(self, heard: Verb) -> None:
        self.answered = True
        option = heard.option
        if heard.verb in (DO, WILL) and option in _ACCEPTED:
            self._say(Verb(_COUNTERPART[heard.verb], option))
            if heard in self._missing:
                self._missing.discard(heard)
                if heard == Verb(DO, COM_PORT):
                    self._set_line()
        elif heard.verb in (DO, WILL):
            self._say(Verb(WONT if heard.verb == DO else DONT, option))
        elif option == BINARY:
            self.refusal = "it refuses binary transmission, which would change the device's bytes"
        elif heard == Verb(DONT, COM_PORT):
            self.refusal = "it does not let us set the line (no RFC 2217)"

    def _set_line(self) -> None:
        for setting, value in self._settings.items():
            self._send(Subnegotiation(COM_PORT, bytes([setting]) + value))
        self._send(Subnegotiation(COM_PORT, bytes([SET_LINE_STATE_MASK, _LINE_ERRORS])))
        self._send(Subnegotiation(COM_PORT, bytes([SET_MODEM_STATE_MASK, 0])))

    def _notified(self, payload: bytes) -> bytes:
        """What the server says about the line; the substitute of a damaged character, or b""."""
        code, value = payload[0] - FROM_SERVER, payload[1:]
        if code in self._unconfirmed:
            self._confirm(code, value)
        elif code == NOTIFY_LINE_STATE and value and value[0] & _LINE_ERRORS and self.ready:
            self.damaged += 1
            return SUBSTITUTE
        return b""

    def _confirm(self, setting: int, value: bytes) -> None:
        if value == self._settings[setting]:
            del self._unconfirmed[setting]
        else:
            self.refusal = (
                f"it set another {_NAMES[setting]} "
                f"({int.from_bytes(value, 'big')} instead of "
                f"{int.from_bytes(self._settings[setting], 'big')})"
            )
