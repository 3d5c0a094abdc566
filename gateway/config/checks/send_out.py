"""What must be right about laboratories orders are sent to.

A test goes to one place: one that a device here performs, or another laboratory names, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import SEND_OUT, FileDestination, MllpDestination
from gateway.config.sections.orders import SendOutSection
from gateway.profiles import catalogue, is_loinc


def send_out_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    taken: dict[str, str] = {}
    for name, section in configuration.send_outs.items():
        where = ("orders", "send_out", name)
        yield from _destination(configuration, name, where)
        yield from _codes(section, where)
        if not section.tests and not section.unperformed:
            yield Mistake(where, "says nothing to send: name 'tests' or set 'unperformed'")
        for test in section.tests:
            first = taken.setdefault(test, name)
            if first != name:
                yield Mistake((*where, "tests"), f"'{test}' already goes to '{first}'")
            device = _performer(configuration, test)
            if device is not None:
                yield Mistake((*where, "tests"), f"'{test}' is done here, by device '{device}'")
    others = [name for name, lab in configuration.send_outs.items() if lab.unperformed]
    for name in others[1:]:
        key = ("orders", "send_out", name, "unperformed")
        yield Mistake(key, f"what no device performs already goes to '{others[0]}'")
    yield from _unused(configuration)


def _destination(
    configuration: Configuration, name: str, where: tuple[str, ...]
) -> Iterator[Mistake]:
    destination = configuration.destinations.get(name)
    if not isinstance(destination, MllpDestination | FileDestination):
        yield Mistake(where, f"needs a destination '{name}' of type mllp or file")
    elif destination.message != SEND_OUT:
        yield Mistake(("destinations", name, "message"), f"must be {SEND_OUT} for orders to go out")
    if name in configuration.devices:
        yield Mistake(where, f"a device is called '{name}' already")


def _codes(section: SendOutSection, where: tuple[str, ...]) -> Iterator[Mistake]:
    for code, loinc in section.codes.items():
        if not is_loinc(loinc):
            text = f"'{loinc}' is no LOINC code (its check digit is wrong)"
            yield Mistake((*where, "codes", code), text)


def _performer(configuration: Configuration, test: str) -> str | None:
    """The device here that does a test: its profile or its site's codes name it."""
    known = catalogue()
    for name, device in configuration.analyzers.items():
        profile = known.get(device.profile)
        analytes = profile.analytes if profile is not None else {}
        codes = {code: one.loinc for code, one in analytes.items()} | device.codes
        if test in codes or test in codes.values():
            return name
    return None


def _unused(configuration: Configuration) -> Iterator[Mistake]:
    for name, destination in configuration.destinations.items():
        message = getattr(destination, "message", None)
        if message == SEND_OUT and name not in configuration.send_outs:
            where = ("destinations", name, "message")
            yield Mistake(where, f"needs a section [orders.send_out.{name}] saying which tests")
