"""Which of a specimen's orders a result answers, where several may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.matching import Rules
from gateway.matching.assignment import assign, exact
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus
from gateway.report import Code, Observation, Quantity

RULES = Rules(
    {},
    panels={"BMP": frozenset({"GLU", "K", "NA"})},
    known=frozenset({"GLU", "K", "NA", "2345-7"}),
)
ACTIVE, BEGUN, DONE = OrderStatus.ACTIVE, OrderStatus.IN_PROGRESS, OrderStatus.DONE


def order(
    number: int, code: str, status: OrderStatus = ACTIVE, placer: str = "", namespace: str = "EHR"
) -> KnownOrder:
    return KnownOrder(
        id=number,
        placer=placer or f"A{number}",
        placer_namespace=namespace,
        patient=1,
        code=code,
        text=None,
        system=None,
        priority=None,
        status=status,
        expires_at=datetime(2026, 2, 1, tzinfo=UTC),
        visit=None,
        patient_class=None,
        provider=(),
    )


def results(*codes: str) -> list[Observation]:
    loinc = {"GLU": "2345-7"}
    return [Observation(Code(code, loinc.get(code)), Quantity("5"), "5") for code in codes]


@pytest.mark.parametrize(
    ("codes", "orders", "expected"),
    [
        # one order: it, done or not
        (("GLU",), [order(1, "GLU")], (1,)),
        (("GLU",), [order(1, "GLU", DONE)], (1,)),
        (("GLU",), [order(1, "2345-7")], (1,)),
        (("GLU",), [order(1, "K")], None),
        # of several those that still wait
        (("GLU",), [order(1, "GLU", DONE), order(2, "GLU")], (2,)),
        (("GLU",), [order(1, "GLU", BEGUN), order(2, "GLU", DONE)], (1,)),
        (("GLU",), [order(1, "BMP", DONE), order(2, "GLU")], (2,)),
        # which of two that wait, or of two that are done, nobody can say
        (("GLU",), [order(1, "GLU"), order(2, "GLU")], None),
        (("GLU",), [order(1, "GLU", DONE), order(2, "GLU", DONE)], None),
        (("GLU",), [order(1, "GLU"), order(2, "BMP")], None),
        # of one number the first; the same number of another EHR is another
        (("GLU",), [order(1, "GLU", placer="A"), order(2, "BMP", placer="A")], (1,)),
        (("GLU",), [order(1, "GLU", placer="A"), order(2, "GLU", placer="A", namespace="B")], None),
        # each its own
        (("GLU", "K"), [order(1, "K"), order(2, "GLU")], (2, 1)),
        (("GLU", "K", "NA"), [order(1, "BMP")], (1, 1, 1)),
        # what no order covers: to the one whose code means nothing here, else to the only one used
        (("GLU", "MCV"), [order(1, "GLU"), order(2, "PROFILE-7")], (1, 2)),
        (("GLU", "MCV"), [order(1, "GLU")], (1, 1)),
        (("GLU", "MCV"), [order(1, "GLU"), order(2, "P-7"), order(3, "P-8")], None),
        (("GLU", "K", "MCV"), [order(1, "GLU"), order(2, "K")], None),
        (("MCV",), [order(1, "GLU")], None),
    ],
)
def test_assigned(
    codes: tuple[str, ...], orders: list[KnownOrder], expected: tuple[int, ...] | None
) -> None:
    assert assign(results(*codes), orders, RULES) == expected


@pytest.mark.parametrize(
    ("codes", "assigned", "orders", "expected"),
    [
        (("GLU",), (1,), [order(1, "GLU")], True),
        (("GLU", "MCV"), (1, 1), [order(1, "GLU")], False),
        (("GLU", "MCV"), (1, 2), [order(1, "GLU"), order(2, "PROFILE-7")], True),
        (("GLU", "K"), (1, 1), [order(1, "BMP")], True),
    ],
)
def test_asked_for_or_only_taken_along(
    codes: tuple[str, ...], assigned: tuple[int, ...], orders: list[KnownOrder], expected: bool
) -> None:
    assert exact(results(*codes), assigned, orders, RULES) is expected
