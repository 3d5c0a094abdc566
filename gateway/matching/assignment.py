"""Which of a specimen's orders each result answers.

An order covers a test when it names its code or LOINC, or a panel that holds it.  An order whose
code means nothing here may be a panel of the EHR's own: alone, it takes what the others do not
cover.  A result no order can take leaves the whole report to a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.matching.rules import Rules
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus
from gateway.report import Code, Observation


def assign(
    observations: Sequence[Observation], orders: Sequence[KnownOrder], rules: Rules
) -> tuple[int, ...] | None:
    """An order's id for each observation; None when one finds no order, or several."""
    found = [_covering(one.code, orders, rules) for one in observations]
    used = {numbers[0] for numbers in found if len(numbers) == 1}
    spare = [order.id for order in orders if _opaque(order, rules)] or sorted(used)
    assigned = []
    for numbers in found:
        choice = numbers or spare
        if len(choice) != 1:
            return None
        assigned.append(choice[0])
    return tuple(assigned)


def exact(
    observations: Sequence[Observation],
    assigned: Sequence[int],
    orders: Sequence[KnownOrder],
    rules: Rules,
) -> bool:
    """Whether every result was asked for by its order, and none merely taken along."""
    known = {order.id: order for order in orders}
    pairs = zip(observations, assigned, strict=True)
    return all(_opaque(known[n], rules) or covers(known[n], o.code, rules) for o, n in pairs)


def covers(order: KnownOrder, code: Code, rules: Rules) -> bool:
    wanted = {code.device, code.loinc} - {None}
    return order.code in wanted or bool(rules.panels.get(order.code, frozenset()) & wanted)


def _covering(code: Code, orders: Sequence[KnownOrder], rules: Rules) -> list[int]:
    """Of several that cover a test, those that still wait for it; of one number, the first."""
    found = [order for order in orders if covers(order, code, rules)]
    waiting = [order for order in found if order.status is not OrderStatus.DONE]
    chosen = waiting if waiting and len(found) > 1 else found
    if len({(order.placer, order.placer_namespace) for order in chosen}) == 1:
        chosen = chosen[:1]
    return [order.id for order in chosen]


def _opaque(order: KnownOrder, rules: Rules) -> bool:
    return order.code not in rules.panels and order.code not in rules.known
