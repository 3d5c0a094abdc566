"""LIS02-A2 messages as a ``Reading``: one group for each specimen, each R under its own O and P.

O records of a message that say the same of patient, specimen and kind of run are one group.  R
records without an O form a group of their own; such orphans and every other flaw of a message hold
all its groups, for one broken record may have shifted what the next ones belong to.  Left out of
the content: sequence numbers, the header's control id and time, the "sent before" status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from gateway.profiles.astm_place import AstmPlace, readable
from gateway.profiles.encodings import encoding_of
from gateway.profiles.matrices import read_matrices
from gateway.profiles.patterns import matches
from gateway.profiles.reading import Group, Line, Reading
from gateway.profiles.schema import AnalyzerProfile, Quirk
from gateway.profiles.vocabulary import SENT_BEFORE
from gateway.protocols.astm import At, Flaw, Message, Node, Numbering, Record, decode
from gateway.report import Problem, ProblemCode

_FLAWS: Final = {
    Flaw.ORPHAN: ProblemCode.ORPHAN_RECORD,
    Flaw.MALFORMED: ProblemCode.MALFORMED_RECORD,
    Flaw.NO_HEADER: ProblemCode.MALFORMED_RECORD,
    Flaw.AFTER_END: ProblemCode.MALFORMED_RECORD,
    Flaw.LIMIT: ProblemCode.LIMIT_EXCEEDED,
}
_NORMAL_ENDS: Final = ("", "N", "F")
_VOLATILE: Final = ("H.3", "H.14")
_SEQUENCED: Final = frozenset("PORCMSQL")
_STATUS: Final = 9
_HEADER: Final = 4096

Payload = bytes | Message | Sequence[Message]


def read_astm(payload: Payload, profile: AnalyzerProfile) -> Reading:
    """Never fails: what cannot be read becomes a problem with its position."""
    messages = _messages(payload, profile)
    canon = _Canon(profile.volatile)
    groups: list[Group] = []
    problems: list[Problem] = []
    for number, message in enumerate(messages, start=1):
        prefix = "" if number == 1 else f"H[{number}]/"
        flaws = tuple(_flaws(message, prefix))
        specimens = _specimens(message, profile, prefix)
        found = [_group(scopes, canon, prefix, flaws) for scopes in specimens]
        if Quirk.DEFLATED_MATRICES in profile.quirks:
            found = [_with_curves(*pair, prefix) for pair in zip(found, specimens, strict=True)]
        groups += found
        if not found:
            problems += [p for p in flaws if p.code is not ProblemCode.TERMINATED_ABNORMALLY]
    content = "\r".join(
        text for m in messages for text in (*map(canon.record, m.records), *m.unread)
    )
    return Reading(tuple(groups), content, tuple(problems))


def astm_header(payload: Payload, profile: AnalyzerProfile) -> AstmPlace | None:
    """The first header alone; None where there is none that can be read."""
    text = payload[:_HEADER] if isinstance(payload, bytes) else payload
    for message in _messages(text, profile):
        if message.header.record.raw:
            return AstmPlace({"H": message.header}, (), "")
    return None


def _messages(payload: Payload, profile: AnalyzerProfile) -> tuple[Message, ...]:
    if isinstance(payload, bytes):
        dialect = profile.link.dialect
        loose = dialect is not None and dialect.numbering is Numbering.LOOSE
        return decode(payload, encoding_of(payload, profile), loose=loose)
    return (payload,) if isinstance(payload, Message) else tuple(payload)


def _flaws(message: Message, prefix: str) -> Iterator[Problem]:
    for flawed in message.problems:
        yield Problem(_FLAWS[flawed.flaw], prefix + flawed.at)
    if message.terminator is None:
        yield Problem(ProblemCode.TERMINATED_ABNORMALLY, f"{prefix}L[1]")
    elif message.terminator.strip() not in _NORMAL_ENDS:
        yield Problem(ProblemCode.TERMINATED_ABNORMALLY, f"{prefix}L[1].3")
    if message.doubtful:
        yield Problem(ProblemCode.ENCODING_DOUBTFUL, f"{prefix}H[1]")


class _Scope:
    """The records around some results."""

    def __init__(
        self, header: Node, patient: Node | None, order: Node | None, results: Iterable[Node]
    ) -> None:
        self.order = order
        self.patient = patient
        self.above = tuple(node for node in (header, patient, order) if node is not None)
        self.results = tuple(results)
        self.attached = tuple(a for node in reversed(self.above) for a in node.attached)

    def place(self, prefix: str, attached: tuple[Node, ...] = ()) -> AstmPlace:
        """``attached`` hangs on other orders of the specimen."""
        known = {node.record.type: node for node in self.above}
        return AstmPlace(known, (*attached, *self.attached), prefix)

    def lines(self, prefix: str) -> Iterator[Line]:
        known = {node.record.type: node for node in self.above}
        for node in self.results:
            yield Line(AstmPlace({**known, "R": node}, node.attached, prefix), _remarks(node))


def _specimens(message: Message, profile: AnalyzerProfile, prefix: str) -> list[tuple[_Scope, ...]]:
    """The orders of a message by specimen; one that names none stands alone."""
    found: dict[object, list[_Scope]] = {}
    for number, scope in enumerate(_scopes(message)):
        said = _said(scope, profile, prefix)
        found.setdefault(number if said is None else said, []).append(scope)
    return [tuple(scopes) for scopes in found.values()]


def _said(scope: _Scope, profile: AnalyzerProfile, prefix: str) -> object:
    """What an order says of its specimen and the run; None where it names no specimen."""
    place, where = scope.place(prefix), profile.where
    ids = tuple(place.every(path) for path in where.specimen)
    if scope.order is None or not any(ids):
        return None
    paths = (*where.position, *filter(None, (where.specimen_type, where.collected)))
    rules = (rule for rule in profile.rules if not rule.each_line)
    marks = tuple(matches(rule.pattern, place.every(rule.path)) for rule in rules)
    return ids, _whom(scope.patient), tuple(place.every(path) for path in paths), marks


def _whom(patient: Node | None) -> object:
    """All a patient's record says but its sequence number; one with comments is like no other."""
    if patient is None or patient.attached:
        return id(patient)
    return "|".join(patient.record.fields[2:]).rstrip("|")


def _scopes(message: Message) -> Iterator[_Scope]:
    header = message.header
    for kind, nodes in groupby(message.roots, key=lambda node: node.record.type):
        match kind:
            case "P":
                for patient in nodes:
                    yield from _orders(header, patient, patient.children)
            case "O" | "R":
                yield from _orders(header, None, tuple(nodes))
            case _:
                pass


def _orders(header: Node, patient: Node | None, children: Sequence[Node]) -> Iterator[_Scope]:
    for kind, nodes in groupby(children, key=lambda node: node.record.type):
        if kind == "O":
            for order in nodes:
                yield _Scope(header, patient, order, order.children)
        else:
            yield _Scope(header, patient, None, nodes)


def _group(
    scopes: tuple[_Scope, ...], canon: _Canon, prefix: str, problems: tuple[Problem, ...]
) -> Group:
    first = scopes[0]
    head = first.above if first.order is None else first.above[:-1]
    orders = tuple(scope.order for scope in scopes if scope.order is not None)
    remarks = tuple(text for node in (*head[1:], *orders) for text in _remarks(node))
    below = ((() if s.order is None else (s.order,)) + s.results for s in scopes)
    nodes = (*head, *(node for some in below for node in some))
    records = [one for node in nodes for one in (node.record, *(a.record for a in node.attached))]
    lines = tuple(line for scope in scopes for line in scope.lines(prefix))
    others = tuple(a for order in orders if order is not first.order for a in order.attached)
    position = (first.order or first.results[0]).position
    content = "\r".join(map(canon.record, records))
    return Group(first.place(prefix, others), prefix + position, lines, content, remarks, problems)


def _with_curves(group: Group, scopes: tuple[_Scope, ...], prefix: str) -> Group:
    first, *others = scopes
    above = (*first.above[1:], *(scope.order for scope in others if scope.order is not None))
    results = (node for scope in scopes for node in scope.results)
    nodes = (n for node in (*above, *results) for n in node.manufacturer)
    attachments, problems = read_matrices(nodes, prefix)
    return replace(group, attachments=attachments, problems=(*group.problems, *problems))


def _remarks(node: Node) -> tuple[str, ...]:
    return tuple(_comments(node)) if node.attached else ()


def _comments(node: Node) -> Iterator[str]:
    for comment in node.comments:
        record = comment.record
        for repeat in range(1, len(record.repeats(4)) + 1):
            text = " ".join(part.strip() for part in record.components(4, repeat) if part.strip())
            if text:
                yield readable(text)


class _Canon:
    """Records without what changes when the same is sent again."""

    def __init__(self, volatile: Iterable[str]) -> None:
        self._left_out: dict[str, set[int]] = {letter: {2} for letter in _SEQUENCED}
        for path in (*_VOLATILE, *volatile):
            where = At.parse(path)
            self._left_out.setdefault(where.type, set()).add(where.field)
        self._done: dict[int, str] = {}

    def record(self, record: Record) -> str:
        """Remembers records by identity: the reader keeps them alive."""
        found = self._done.get(id(record))
        if found is None:
            found = self._done[id(record)] = self._written(record)
        return found

    def _written(self, record: Record) -> str:
        fields = list(record.fields)
        for number in self._left_out.get(record.type, ()):
            if number <= len(fields):
                fields[number - 1] = ""
        if record.type == "R" and fields[_STATUS - 1 : _STATUS] == [SENT_BEFORE]:
            fields[_STATUS - 1] = "F"
        return "|".join(fields).rstrip("|")
