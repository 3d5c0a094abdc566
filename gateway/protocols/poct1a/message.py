"""A POCT1-A message (CLSI POCT01-A2): what kind it is, who sent it, what it observed.

``at("SVC.role_cd")`` reads the field of the nearest object of that name: from an observation
outwards through patient or control, service and message.  A value is the ``V`` attribute, or the
element's text where ``V`` is absent or empty (Nova); ``@U``, ``@SN``, ``@NULL``, ``@text`` ask for
others.  Unknown elements and vendor messages stay in the tree and in ``raw``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.protocols.poct1a.xml import Element, parse


class Kind(StrEnum):
    """By the root element's name; vendor roots count by the part that is standard."""

    HELLO = "HEL"
    STATUS = "DST"
    REQUEST = "REQ"
    OBSERVATION = "OBS"
    EVENTS = "EVS"
    OPERATORS = "OPL"
    PATIENTS = "PTL"
    DIRECTIVE = "DTV"
    KEEP_ALIVE = "KPA"
    PATIENT_CHECK = "PVI"
    PATIENT_ANSWER = "PVR"
    END_OF_TOPIC = "EOT"
    END = "END"
    ESCAPE = "ESC"
    ACKNOWLEDGMENT = "ACK"
    VENDOR = "vendor"


_KINDS: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Scope:
    """An element and what stands around it, the root first."""

    path: tuple[Element, ...]

    @property
    def element(self) -> Element:
        return self.path[-1]

    def at(self, address: str) -> str | None:
        """The first value of ``OBJ.field`` or ``OBJ.field@attribute``; None when empty."""
        return next(iter(self.every(address)), None)

    def every(self, address: str) -> tuple[str, ...]:
        """All values of the nearest object that has any."""
        name, _, attribute = address.partition("@")
        for holders in self._holders(name.partition(".")[0]):
            found = [child for holder in holders for child in holder.children if child.name == name]
            values = tuple(text for child in found if (text := value(child, attribute)))
            if values:
                return values
        return ()

    def _holders(self, name: str) -> Iterator[tuple[Element, ...]]:
        """The objects of that name, nearest first.

        Beside the own path only objects without observations count: those of another patient,
        and the other observations of the same one, say nothing about this one.
        """
        own = [element for element in reversed(self.path) if element.name == name]
        if own:
            yield (own[0],)
            return
        for element in reversed(self.path):
            beside = (child for child in element.children if child.name == name)
            yield tuple(child for child in beside if child.child("OBS") is None)


def value(element: Element, attribute: str = "") -> str:
    """``V`` or the text, or the attribute asked for, as sent; empty when it is blank."""
    if attribute == "text":
        return element.text
    text = element.attributes.get(attribute or "V", "")
    if not text.strip():
        return "" if attribute else element.text
    return text


@dataclass(frozen=True, slots=True)
class Message:
    """One message.  ``doubtful``: its bytes did not fit the character set it declares."""

    root: Element
    raw: bytes = field(repr=False)
    doubtful: bool = False

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def kind(self) -> Kind:
        return kind_of(self.root.name)

    @property
    def control_id(self) -> str | None:
        return self.at("HDR.control_id")

    @property
    def scope(self) -> Scope:
        return Scope((self.root,))

    def at(self, address: str) -> str | None:
        """A field of the message itself or of an object directly in it."""
        return self.scope.at(address)

    def every(self, address: str) -> tuple[str, ...]:
        return self.scope.every(address)

    def objects(self, name: str) -> Iterator[Scope]:
        """Every object of that name, however deep, with what stands around it."""
        return (Scope(path) for path in self.root.walk() if path[-1].name == name)

    @property
    def observations(self) -> tuple[Scope, ...]:
        """Every OBS, each under its own patient or control and its own service."""
        return tuple(self.objects("OBS"))


def kind_of(name: str) -> Kind:
    """``OBS.R02``: OBS; ``ROCHE.LIAT.PVI.R01``: PVI; ``NOVA.REAG``: vendor."""
    parts = name.split(".")
    standard = _KINDS.get(parts[0])
    if standard is not None:
        return standard
    return next((_KINDS[part] for part in parts if part in ("PVI", "PVR")), Kind.VENDOR)


def read(raw: bytes) -> Message:
    """The message in ``raw``.  Raises ``xml.Unreadable``."""
    document = parse(raw)
    return Message(document.root, raw, document.doubtful)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a HEL says of its device.  ``timeout`` in seconds, ``max_message`` in bytes."""

    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    device_id: str | None = None
    name: str | None = None
    software: str | None = None
    timeout: float | None = None
    max_message: int | None = None
    profile: str | None = None
    topics: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()


def identity(hello: Message) -> Identity:
    """From the DEV, DCP and DSC objects, wherever the device nested them."""
    found = {name: scope for name in ("DEV", "DCP", "DSC") for scope in hello.objects(name)}
    nowhere = hello.scope
    device, capability = found.get("DEV", nowhere), found.get("DCP", nowhere)
    static = found.get("DSC", nowhere)
    return Identity(
        device.at("DEV.vendor_id") or device.at("DEV.manufacturer_name"),
        device.at("DEV.model_id"),
        device.at("DEV.serial_id"),
        device.at("DEV.device_id"),
        device.at("DEV.device_name"),
        device.at("DEV.sw_version"),
        _number(capability.at("DCP.application_timeout")),
        _number(static.at("DSC.max_message_sz")),
        static.at("DSC.connection_profile_cd"),
        static.every("DSC.topics_supported_cd"),
        static.every("DSC.directives_supported_cd"),
    )


def _number(text: str | None) -> int | None:
    """A positive whole number; a fraction of a second is cut off."""
    digits = (text or "").partition(".")[0]
    usable = digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(digits) or None if usable else None
