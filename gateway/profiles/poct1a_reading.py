"""POCT1-A observations (OBS.R01, OBS.R02) as a ``Reading``: one group for each service and patient.

A payload is one message, with the greeting (HEL) of its connection before it where the driver kept
one.  A service without observations is a group without lines: somebody ran a test and got nothing.
Events, lists, status and vendor messages give nothing.  Left out of the content: HDR, the greeting,
and SVC.reason_cd, which says whether the same is being sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Final

from gateway.profiles.astm_reading import Payload
from gateway.profiles.poct1a_place import Poct1aPlace
from gateway.profiles.reading import Group, Line, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.protocols.events import Damage
from gateway.protocols.poct1a import Element, Kind, Message, Scope, Unreadable, read
from gateway.protocols.poct1a.message import value
from gateway.protocols.poct1a.splitter import Splitter
from gateway.report import Problem, ProblemCode

_AGAIN: Final = "SVC.reason_cd"


def read_poct1a(payload: Payload, profile: AnalyzerProfile) -> Reading:
    """Never fails: what cannot be read becomes a problem with its position."""
    messages, problems = _messages(payload)
    greeting = tuple(message.scope for message in messages if message.kind is Kind.HELLO)
    devices = tuple(scope for one in messages for scope in _device(one))
    groups: list[Group] = []
    contents: list[str] = []
    observed = [message for message in messages if message.kind is Kind.OBSERVATION]
    for count, message in enumerate(observed, start=1):
        prefix = "" if count == 1 else f"{message.name}[{count}]/"
        found = tuple(_groups(message, (*devices, *greeting), prefix))
        groups += found
        if not found:
            problems.append(Problem(ProblemCode.NO_RESULTS, f"{prefix}{message.name}"))
        contents += [group.content for group in found] or [message.name]
    if not observed:
        contents = ["".join(_canon(message.root, ())) for message in messages]
    spoiled = (replace(one, problems=(*one.problems, *problems)) for one in groups)
    return Reading(tuple(spoiled), "\n".join(contents), tuple(problems))


def poct1a_header(payload: Payload, profile: AnalyzerProfile) -> Poct1aPlace | None:
    """What the payload says of its device; None where no message in it can be read."""
    messages, _ = _messages(payload)
    if not messages:
        return None
    devices = tuple(scope for one in messages for scope in _device(one))
    return Poct1aPlace(messages[0].scope, devices)


def _device(message: Message) -> tuple[Scope, ...]:
    return tuple(message.objects("DEV")) if message.kind is Kind.HELLO else ()


def _messages(payload: Payload) -> tuple[list[Message], list[Problem]]:
    if not isinstance(payload, bytes):
        raise TypeError("POCT1-A is read from bytes")
    splitter = Splitter()
    splitter.receive_data(payload)
    messages: list[Message] = []
    problems: list[Problem] = []
    while (piece := splitter.next_piece()) is not None:
        try:
            if piece.restarted or piece.reason is not None:
                raise Unreadable(piece.reason or Damage.FORMAT)
            messages.append(read(piece.raw))
        except Unreadable:
            problems.append(Problem(ProblemCode.MALFORMED_RECORD, f"message[{len(messages) + 1}]"))
    if splitter.take_rest().strip():
        problems.append(Problem(ProblemCode.MALFORMED_RECORD, f"message[{len(messages) + 1}]"))
    return messages, problems


def _groups(message: Message, devices: tuple[Scope, ...], prefix: str) -> Iterator[Group]:
    numbers = {id(scope.element): n for n, scope in enumerate(message.observations, start=1)}
    flaws = (
        (Problem(ProblemCode.ENCODING_DOUBTFUL, f"{prefix}{message.name}"),)
        if message.doubtful
        else ()
    )
    for count, service in enumerate(message.objects("SVC"), start=1):
        at = f"{prefix}SVC[{count}]"
        for holder, lines in _holders(service, message):
            scope = Scope(holder)
            place = Poct1aPlace(scope, devices, numbers, prefix)
            yield Group(
                place,
                at,
                tuple(
                    Line(Poct1aPlace(line, devices, numbers, prefix), tuple(_notes(line.element)))
                    for line in lines
                ),
                message.name + "".join(_canon(service.element, _others(service, holder))),
                tuple(note for element in holder[1:] for note in _notes(element)),
                flaws,
            )


Path = tuple[Element, ...]


def _holders(service: Scope, message: Message) -> Iterator[tuple[Path, tuple[Scope, ...]]]:
    """The observations of a service by what they stand in: a patient, a control, the service."""
    own = [one for one in message.observations if _within(one, service)]
    found = False
    for _, scopes in groupby(own, key=lambda scope: id(scope.path[-2])):
        lines = tuple(scopes)
        found = True
        yield lines[0].path[:-1], lines
    if not found:
        yield _empty(service), ()


def _within(one: Scope, service: Scope) -> bool:
    return any(element is service.element for element in one.path)


def _empty(service: Scope) -> Path:
    """A service without observations: its patient or control, if it names one."""
    named = (child for child in service.element.children if child.name in ("PT", "CTC"))
    inner = next(named, None)
    return service.path if inner is None else (*service.path, inner)


def _others(service: Scope, holder: Path) -> tuple[Element, ...]:
    """Parts of a service that hold the observations of somebody else."""
    mine = {id(element) for element in holder}
    return tuple(
        child
        for child in service.element.children
        if child.child("OBS") is not None and id(child) not in mine
    )


def _notes(element: Element) -> Iterator[str]:
    for child in element.children:
        if child.name == "NTE":
            texts = (value(part).strip() for part in child.children if part.name == "NTE.text")
            yield from (text for text in texts if text)


def _canon(element: Element, without: tuple[Element, ...]) -> Iterator[str]:
    """An element in one spelling: attributes by name, no blanks between elements."""
    if element.name in ("HDR", _AGAIN) or any(element is other for other in without):
        return
    facts = "".join(f" {name}={text!r}" for name, text in sorted(element.attributes.items()))
    yield f"<{element.name}{facts}>{element.text}"
    for child in element.children:
        yield from _canon(child, without)
    yield "</>"
