"""The device's end of a POCT1-A conversation, for simulators and tests.

Says HEL and DST, answers requests with what was offered (each message once the last was
acknowledged, then EOT), takes lists and directives, sends by itself in continuous mode.  What was
offered stays until the manager acknowledged it; what it refused is not sent again in this session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from gateway.protocols.events import Cutoff, MessageIncomplete
from gateway.protocols.poct1a.build import Topic, Verdict, group, leaf, moment
from gateway.protocols.poct1a.events import Acknowledged, Delivered, Ended, Ending
from gateway.protocols.poct1a.message import Identity, Kind, Message, kind_of
from gateway.protocols.poct1a.session import Session, answer_of
from gateway.protocols.poct1a.stream import Wrapping
from gateway.protocols.poct1a.xml import Element

_TOPICS: Final = {"ROBS": Topic.OBSERVATIONS, "RDEV": Topic.EVENTS}


class State(Enum):
    CLOSED = auto()
    HELLO = auto()
    STATUS = auto()
    BASIC = auto()
    CONTINUOUS = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Offer:
    """A message to be delivered: ``OBS.R01`` and its SVC objects, say."""

    key: str
    name: str
    body: tuple[Element, ...]


class Device(Session[Acknowledged | Delivered]):
    """An analyzer.  ``start()`` gives the first bytes to write after dialling."""

    def __init__(
        self,
        me: Identity,
        clock: Callable[[], datetime],
        *,
        wrapping: Wrapping = Wrapping.BARE,
        first_id: int = 1,
    ) -> None:
        super().__init__(clock, wrapping=wrapping, first_id=first_id)
        self._me = me
        self._offers: dict[str, Offer] = {}
        self._refused: set[str] = set()
        self._topic: Topic | None = None
        self._open: tuple[str, str | None] | None = None  # control id, offer's key
        self.state = State.CLOSED

    @property
    def undelivered(self) -> tuple[str, ...]:
        return tuple(self._offers)

    def offer(self, key: str, name: str, body: Sequence[Element]) -> bytes:
        """Keeps a message for delivery; in continuous mode the bytes that send it now."""
        self._offers[key] = Offer(key, name, tuple(body))
        return self.advance()

    def start(self) -> bytes:
        """HEL.R01."""
        self.state = State.HELLO
        return self._send("HEL.R01", None, hello_body(self._me))

    def keep_alive(self) -> bytes:
        return self._send("KPA.R01", None)

    def end(self, reason: str = "NRM") -> bytes:
        self.state = State.ENDED
        return self._send("END.R01", None, group("TRM", leaf("TRM.reason_cd", reason)))

    def accept(self) -> bytes:
        """The answer to the manager's message: ACK, or the beginning of the topic asked for."""
        received = self._taken()
        match received.kind:
            case Kind.REQUEST:
                self._topic = _TOPICS.get(received.at("REQ.request_cd") or "")
                return self.advance() if self._topic else self._cannot(received)
            case Kind.ESCAPE:
                return b""
            case Kind.END:
                self.state = State.ENDED
                self._pending.append(self._end(Ending.PEER))
            case Kind.DIRECTIVE if received.at("DTV.command_cd") == "START_CONTINUOUS":
                self.state = State.CONTINUOUS
        answer = self._acknowledge(received.control_id or "", Verdict.ACCEPTED)
        return answer + self.advance()

    def advance(self) -> bytes:
        """What is next: the status after HEL, the next message of a topic, EOT."""
        if self._open is not None:
            return b""
        if self.state is State.STATUS:
            return self._send("DST.R01", None, self._status())
        if self._topic is None and self.state is not State.CONTINUOUS:
            return b""
        offer = self._next_offer()
        if offer is not None:
            return self._send(offer.name, offer.key, *offer.body)
        topic, self._topic = self._topic, None
        if topic is None:
            return b""
        _, raw = self._write("EOT.R01", group("EOT", leaf("EOT.topic_cd", topic.value)))
        return raw

    def expire(self) -> MessageIncomplete | Ended | None:
        if self.timeout is None:
            return None
        rest = self._stream.give_up(Cutoff.TIMEOUT)
        return rest if rest is not None else self._end(Ending.TIMEOUT)

    def _expects(self, received: Message) -> bool:
        return self.state not in (State.CLOSED, State.ENDED)

    def _acknowledged(self, received: Message) -> Acknowledged | Delivered:
        event = answer_of(received, self._open[0] if self._open else None)
        if self._open is None or not event.expected:
            return event
        (_, key), self._open = self._open, None
        taken = event.verdict is Verdict.ACCEPTED
        match self.state:
            case State.HELLO:
                self.state = State.STATUS if taken else State.ENDED
            case State.STATUS:
                self.state = State.BASIC
            case State.ENDED:
                self._pending.append(self._end(Ending.CLOSED))
        if key is None:
            return event
        return self._delivered(key) if taken else self._was_refused(key, event)

    def _delivered(self, key: str) -> Delivered:
        self._offers.pop(key, None)
        return Delivered(key)

    def _was_refused(self, key: str, event: Acknowledged) -> Acknowledged:
        self._refused.add(key)
        return event

    def _next_offer(self) -> Offer | None:
        wanted = {None: (Kind.OBSERVATION, Kind.EVENTS), Topic.OBSERVATIONS: (Kind.OBSERVATION,)}
        kinds = wanted.get(self._topic, (Kind.EVENTS,))
        ready = (offer for key, offer in self._offers.items() if key not in self._refused)
        return next((offer for offer in ready if kind_of(offer.name) in kinds), None)

    def _send(self, name: str, key: str | None, *body: Element) -> bytes:
        control_id, raw = self._write(name, *body)
        self._open = (control_id, key)
        return raw

    def _cannot(self, received: Message) -> bytes:
        escape = group(
            "ESC",
            leaf("ESC.esc_control_id", received.control_id or ""),
            leaf("ESC.detail_cd", "OTH"),
        )
        return self._write("ESC.R01", escape)[1]

    def _status(self) -> Element:
        waiting = sum(kind_of(offer.name) is Kind.OBSERVATION for offer in self._offers.values())
        return group(
            "DST",
            leaf("DST.status_dttm", moment(self._clock())),
            leaf("DST.new_observations_qty", str(waiting)),
            leaf("DST.condition_cd", "R"),
        )


def hello_body(me: Identity) -> Element:
    """The DEV object of a HEL, with its DCP and DSC."""
    facts = (
        ("DEV.device_id", me.device_id),
        ("DEV.vendor_id", me.vendor),
        ("DEV.model_id", me.model),
        ("DEV.serial_id", me.serial),
        ("DEV.sw_version", me.software),
        ("DEV.device_name", me.name),
    )
    static = group(
        "DSC",
        leaf("DSC.connection_profile_cd", me.profile or "SA"),
        *(leaf("DSC.topics_supported_cd", topic) for topic in me.topics),
        *(leaf("DSC.directives_supported_cd", name) for name in me.directives),
        leaf("DSC.max_message_sz", str(me.max_message)) if me.max_message else None,
    )
    timeout = f"{me.timeout:g}" if me.timeout else None
    capability = group("DCP", leaf("DCP.application_timeout", timeout)) if timeout else None
    return group("DEV", *(leaf(n, text) for n, text in facts if text), capability, static)
