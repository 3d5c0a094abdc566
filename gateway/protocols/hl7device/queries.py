"""Questions of analyzers for orders: whose they are, and how they are answered.

``QRY^Q02`` (Mindray chemistry): ids in QRD-8, none for all of a day, answered by ``QCK^Q02`` and,
where there are orders, a ``DSR^Q03`` for each specimen: the barcode in DSP 21, tests from DSP 29,
in DSC-1 whether more follow.  ``QBP^Q11`` (LAW, LAB-27): ids in QPD-3, or ``WOS_ALL`` in QPD-1,
answered by ``RSP^K11``; the orders follow as ``OML^O33`` (LAB-28).  ``QBP^Z03`` and ``QBP^Z01``
(GeneXpert): the id in QPD-4, or all, answered by ``RSP^Z02`` with the orders in it.  ``ORM^O01``
(Mindray haematology) names one specimen in ORC-3, answered by ``ORR^O02``.  "No order" is an answer
too and always sent: a GeneXpert waits a minute and does nothing else.  The body of ORR^O02 beyond
these facts is not verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

from gateway.protocols.hl7 import Message, Segment, Unreadable, components, decode, escape, segment
from gateway.protocols.hl7device.header import Header, read_header
from gateway.protocols.hl7device.replies import joined, reply_header


class QueryForm(StrEnum):
    """How a question was put, by message type and trigger."""

    QRY_Q02 = "QRY^Q02"
    QBP_Q11 = "QBP^Q11"
    QBP_Z01 = "QBP^Z01"
    QBP_Z03 = "QBP^Z03"
    ORM_O01 = "ORM^O01"


_FORMS: Final = {form.value: form for form in QueryForm}
_DSP_LINES: Final = 28  # before the tests
_BARCODE: Final = 21
_SPECIMEN: Final = 4
"""QPD-4 of a GeneXpert; QPD-3 is then the patient."""
_CANCEL: Final = "CAN"
_ALL_WORK: Final = "WOS_ALL"
_BY_PLACE: Final = ("WOS_BY_RACK", "WOS_BY_TRAY")


@dataclass(frozen=True, slots=True)
class Query:
    """``ids`` are specimen ids as the device wrote them; ``tag`` is what an answer repeats.

    ``everything``: all that waits.  ``cancels``: an earlier query is taken back.  ``placed``: it
    asks by rack or tray, for a specimen whose id it does not know.
    """

    form: QueryForm
    ids: tuple[str, ...]
    header: Header
    tag: str
    definition: tuple[str, ...] = ()
    everything: bool = False
    cancels: bool = False
    placed: bool = False


def form_of(header: Header) -> QueryForm | None:
    """What question a header announces, if any.  An ORM^O01 is one only for a device."""
    return _FORMS.get(f"{header.type}^{header.trigger}")


def read_query(raw: bytes) -> Query:
    """Raises ``Unreadable`` when it is no question."""
    header = read_header(raw)
    form = form_of(header)
    if form is None:
        raise Unreadable("not a query")
    message = decode(raw).message
    name = (message.at("QPD-1") or "").upper()
    ids = _ids(message, form)
    cancels = form is QueryForm.QRY_Q02 and message.at("QRD-9") == _CANCEL
    unnamed = form in (QueryForm.QRY_Q02, QueryForm.QBP_Z01) and not cancels
    everything = name == _ALL_WORK or (unnamed and (not ids or ids == ("ALL",)))
    return Query(
        form,
        () if everything else ids,
        header,
        _tag(message, form),
        _definition(message),
        everything=everything,
        cancels=cancels,
        placed=name in _BY_PLACE,
    )


def _ids(message: Message, form: QueryForm) -> tuple[str, ...]:
    match form:
        case QueryForm.QRY_Q02:
            found = _repeated(message, "QRD", 8)
        case QueryForm.QBP_Q11 | QueryForm.QBP_Z01:
            found = _repeated(message, "QPD", 3)
        case QueryForm.QBP_Z03:
            line = message.first("QPD")
            specimen_told = line is not None and len(line.fields) > _SPECIMEN
            found = _repeated(message, "QPD", _SPECIMEN if specimen_told else 3)
        case QueryForm.ORM_O01:
            paths = ("ORC-3", "ORC-2", "OBR-3", "OBR-2")
            found = next(((text,) for path in paths if (text := message.at(path))), ())
    return found


def _repeated(message: Message, name: str, number: int) -> tuple[str, ...]:
    line = message.first(name)
    if line is None:
        return ()
    count = len(line.repetitions(number))
    values = (line.at(number, repetition=index) for index in range(1, count + 1))
    return tuple(text.strip() for text in values if text and text.strip())


def _tag(message: Message, form: QueryForm) -> str:
    return (message.at("QRD-4") if form is QueryForm.QRY_Q02 else message.at("QPD-2")) or ""


def _definition(message: Message) -> tuple[str, ...]:
    """QRD, QRF or QPD as asked, to be repeated."""
    lines = (line for line in message.segments if line.name in ("QRD", "QRF", "QPD"))
    return tuple(
        segment(line.name, *map(partial(_rewritten, line), _numbers(line))) for line in lines
    )


def _numbers(line: Segment) -> range:
    return range(1, len(line.fields))


def _rewritten(line: Segment, number: int) -> str:
    """A field in our delimiters."""
    count = len(line.repetitions(number))
    parts = (line.components(number, repetition=index) for index in range(1, count + 1))
    return "~".join(components(*map(escape, part)) for part in parts)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes an answer: its own control id and the time."""

    control_id: str
    time: datetime


def no_order(query: Query, stamp: Stamp) -> bytes:
    """The answer that there is nothing to do."""
    match query.form:
        case QueryForm.QRY_Q02:
            return query_acknowledgment(query, stamp, found=False)
        case QueryForm.ORM_O01:
            return order_response(query, stamp, ())
        case QueryForm.QBP_Q11 | QueryForm.QBP_Z01 | QueryForm.QBP_Z03:
            return response(query, stamp, ())


def query_acknowledgment(query: Query, stamp: Stamp, *, found: bool) -> bytes:
    """QCK^Q02; a DSR^Q03 follows when something was found."""
    head = reply_header(query.header, ("QCK", "Q02"), stamp.control_id, stamp.time)
    lines = [head, _accepted(query), segment("ERR", "0")]
    return joined([*lines, segment("QAK", "SR", "OK" if found else "NF")])


def display(
    query: Query,
    stamp: Stamp,
    lines: Mapping[int, str],
    tests: Sequence[Sequence[str]],
    more: str = "",
) -> bytes:
    """DSR^Q03 for one specimen; ``lines`` by DSP number up to 28, ``tests`` from 29 on, each as
    number, name, unit and range.  ``more`` is the continuation pointer when others follow."""
    head = reply_header(query.header, ("DSR", "Q03"), stamp.control_id, stamp.time)
    barcode = {_BARCODE: query.ids[0]} if query.ids else {}
    given = barcode | dict(lines)
    texts = [escape(given.get(number, "")) for number in range(1, _DSP_LINES + 1)]
    cells = ["^".join(map(escape, (*test, "", "", "")[:4])) for test in tests]
    shown = (
        segment("DSP", str(number), "", text)
        for number, text in enumerate([*texts, *cells], start=1)
    )
    status = [_accepted(query), segment("ERR", "0"), segment("QAK", "SR", "OK")]
    return joined([head, *status, *query.definition, *shown, segment("DSC", more)])


def response(query: Query, stamp: Stamp, orders: Sequence[str]) -> bytes:
    """RSP^K11 (LAW) or RSP^Z02 (GeneXpert).  LAW's orders follow as OML^O33 instead; a LAW query by
    rack or tray is answered AE, for nobody here knows what stands where."""
    law = query.form is QueryForm.QBP_Q11
    kind = ("RSP", "K11", "RSP_K11") if law else ("RSP", "Z02", "RSP_Z02")
    head = reply_header(query.header, kind, stamp.control_id, stamp.time)
    name = query.definition[0].split("|")[1] if query.definition else ""
    found = "AE" if query.placed else "OK" if law or orders else "NF"
    status = segment("QAK", escape(query.tag), found, name)
    answer = segment("MSA", "AE" if query.placed else "AA", escape(query.header.control_id))
    return joined([head, answer, status, *query.definition, *orders])


def order_response(query: Query, stamp: Stamp, orders: Sequence[str]) -> bytes:
    """ORR^O02: the specimen's orders, or AR when it has none."""
    head = reply_header(query.header, ("ORR", "O02"), stamp.control_id, stamp.time)
    if not orders:
        return joined([head, segment("MSA", "AR", escape(query.header.control_id))])
    return joined([head, _accepted(query), *orders])


def download(
    header: Sequence[str],
    stamp: Stamp,
    patient: Sequence[str],
    specimen: Sequence[str],
    orders: Sequence[str],
) -> bytes:
    """OML^O33 (LAB-28): ``header`` is MSH-3 to 6; SPM and SAC, then an ORC and OBR for each
    order."""
    kind = components("OML", "O33", "OML_O33")
    parties = [escape(text) for text in header]
    moment = stamp.time.strftime("%Y%m%d%H%M%S")
    fields = [r"^~\&", *parties, moment, "", kind, escape(stamp.control_id), "P", "2.5.1"]
    tail = ["", "", "NE", "AL", "", "UNICODE UTF-8", "", "", components("LAB-28", "IHE")]
    return joined([segment("MSH", *fields, *tail), *patient, *specimen, *orders])


def _accepted(query: Query) -> str:
    return segment("MSA", "AA", escape(query.header.control_id))
