"""Orders for a reference laboratory: what leaves, byte for byte, and what follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ehr_side import Ehr, ehr, pid
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from gateway.delivery.answers import failure
from gateway.orders import book
from gateway.orders.acknowledging import Answer
from gateway.orders.applying import Effects
from gateway.orders.inbox import Inbox, Policy
from gateway.orders.model import OrderStatus
from gateway.orders.send_out import Plan, SendOuts
from gateway.orders.send_out_message import Parties
from gateway.protocols.hl7 import read_acknowledgment

COLLECTED, DOCTOR = "20260105081500+0100", "1234^HOUSE^GREG"
PARTIES = Parties("GATEWAY", "clinic-a", "REFLAB", "CITY")


@asynccontextmanager
async def sending(directory: Path, **changes: Any) -> AsyncIterator[Ehr]:
    """An EHR whose orders for vitamin D go to a laboratory; glucose is done here."""
    async with ehr(directory) as side:
        plan = Plan("reflab", PARTIES, frozenset(("62292-8",)), **changes)
        zone = ZoneInfo("Europe/Berlin")
        outs = SendOuts(
            [plan],
            lambda code: code in ("2345-7", "GLU"),
            *(side.store.engine, b"k" * 32, zone, side.clock),
        )
        effects = Effects(outs.merged, outs.ordered)
        policy = Policy(zone)
        side.inbox = Inbox(side.store, policy, side.notices, side.clock, lambda _: None, effects)
        yield side


async def waiting(side: Ehr) -> list[bytes]:
    """What the laboratory would get, in order."""
    due = await side.store.outbox.due("reflab", 100, side.clock())
    return [entry.body for entry in due]


def lines(body: bytes) -> list[str]:
    message = parse_message(body.decode(), validation_level=VALIDATION_LEVEL.STRICT)
    assert message.validate()
    return body.decode().strip("\r").split("\r")


async def order(side: Ehr, code: str = "62292-8", placer: str = "P1", **changes: str) -> Answer:
    control = changes.get("control", "NW")
    priority = "|||||||||||||||||||||||^^^^^S"
    return await side.send(
        pid("MRN1"),
        f"ORC|{control}|{placer}^EHR|||||||20260105083000|||1234^HOUSE^GREG",
        f"OBR|1|{placer}^EHR||{code}^25-OH vitamin D^LN{priority}",
        "SPM|1|26S0042||SER|||||||||||||20260105081500",
        kind="OML^O21",
    )


async def test_an_order_nobody_here_performs_goes_out(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        await order(side)
        await order(side, "2345-7", "P2")
        (body,) = await waiting(side)
        head, *rest = lines(body)
        assert head.split("|")[2:6] == ["GATEWAY", "clinic-a", "REFLAB", "CITY"]
        assert head.split("|")[8] == "OML^O21^OML_O21"
        assert rest == [
            "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F",
            "ORC|NW|26S0042-1^GATEWAY||P1^EHR|||||20260105100000+0100|||1234^HOUSE^GREG",
            "TQ1|1||||||||S^^HL70485",
            f"OBR|1|26S0042-1^GATEWAY||62292-8^25-OH vitamin D^LN|||{COLLECTED}|||||||||{DOCTOR}",
            f"SPM|1|26S0042||SER^SER^L|||||||P||||||{COLLECTED}",
        ]
        (known,) = await side.store.engine.read(lambda c: book.labelled(c, "26S0042-1"))
        assert (known.placer, known.status) == ("P1", OrderStatus.IN_PROGRESS)


async def test_a_change_and_a_cancel_follow_the_order(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        await order(side)
        await order(side, control="XO")
        await side.cancel("MRN1", "P1")
        await side.cancel("MRN1", "P1")
        sent = [lines(body) for body in await waiting(side)]
        assert [line[2].split("|")[1:3] for line in sent] == [
            ["NW", "26S0042-1^GATEWAY"],
            ["XO", "26S0042-1^GATEWAY"],
            ["CA", "26S0042-1^GATEWAY"],
        ]
        assert len({line[0].split("|")[9] for line in sent}) == 3
        entries = await side.store.outbox.due("reflab", 10, side.clock())
        assert len({entry.lane for entry in entries}) == 1


async def test_the_rest_goes_out_where_the_site_says_so(tmp_path: Path) -> None:
    async with sending(tmp_path, unperformed=True) as side:
        await order(side, "4679-7", "P1")
        await order(side, "2345-7", "P2")
        await side.send(
            pid("MRN1"),
            "ORC|NW|P3^EHR",
            "OBR|1|P3^EHR||76700^Ultrasound^L||||||||||||||||||||US",
            kind="ORM^O01",
        )
        sent = [lines(body) for body in await waiting(side)]
        assert [line[4].split("|")[4].split("^")[0] for line in sent] == ["4679-7"]


async def test_nothing_goes_out_of_a_held_order_until_it_is_released(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        await side.send(pid("MRN1"), "ORC|NW|P1^EHR|||HD", "OBR|1|P1^EHR||62292-8", kind="ORM^O01")
        assert await waiting(side) == []
        await side.send(pid("MRN1"), "ORC|SC|P1^EHR|||SC", kind="ORM^O01")
        assert len(await waiting(side)) == 1


async def test_a_merge_rewrites_what_has_not_left(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        await order(side)
        (before,) = await waiting(side)
        await side.merge("MRN1", "MRN2")
        (after,) = await waiting(side)
        assert lines(before)[1].startswith("PID|1||MRN1^")
        assert lines(after)[1].startswith("PID|1||MRN2^")
        assert lines(after)[2] == lines(before)[2]
        assert lines(after)[0].split("|")[9] != lines(before)[0].split("|")[9]


async def test_a_refused_message_sends_nothing(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        answer = await side.send(
            pid("MRN1"),
            *("ORC|NW|P1^EHR", "OBR|1|P1^EHR|L1|62292-8"),
            *("ORC|CA|NOBODY^EHR", "OBR|1|NOBODY^EHR"),
            kind="ORM^O01",
        )
        assert not answer.accepted
        assert await waiting(side) == []


async def test_long_and_foreign_labels_get_a_number_of_ours(tmp_path: Path) -> None:
    async with sending(tmp_path) as side:
        for number, label in enumerate(("L" * 60, "Prüf|7")):
            await side.send(
                pid("MRN1", "Müller^Zoë"),
                f"ORC|NW|P{number}^EHR",
                f"OBR|1|P{number}^EHR||62292-8",
                f"SPM|1|{label.replace('|', chr(92) + 'F' + chr(92))}",
                kind="OML^O21",
            )
        sent = [lines(body) for body in await waiting(side)]
        assert [line[2].split("|")[2] for line in sent] == ["S1^GATEWAY", "S2^GATEWAY"]
        assert "Müller^Zoë" in sent[1][1]


@pytest.mark.parametrize(
    ("orders", "taken"),
    [((), True), (("ORC|OK|S1",), True), (("ORC|UA|S1",), False), (("ORC|OK", "ORC|UC"), False)],
)
def test_a_laboratory_that_cannot_take_an_order_is_a_matter_for_a_person(
    orders: tuple[str, ...], taken: bool
) -> None:
    """Whatever MSA-1 says: an order nobody runs must not look delivered."""
    head = r"MSH|^~\&|REFLAB|CITY|GATEWAY|clinic-a|2026||ORL^O22^ORL_O22|9|P|2.5.1"
    body = "".join(f"{line}\r" for line in (head, "MSA|AA|C1", *orders)).encode()
    refused = failure(read_acknowledgment(body))
    assert (refused is None) is taken
    assert refused is None or "ORC-1" in str(refused)
