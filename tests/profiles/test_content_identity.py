"""The same content has the same identity; any difference has another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from reading_samples import (
    END,
    GENERIC,
    HEADER,
    NOW,
    ORDER,
    PATIENT,
    RESULT,
    context,
    reports,
    text,
)

from gateway.profiles import Context, catalogue, read_transmission
from gateway.protocols.astm import decode

XN = catalogue()["sysmex-xn-l"]


def ids(*records: str, site: Context | None = None) -> list[str]:
    return [report.id for report in reports(*records, site=site)]


MESSAGE = (HEADER, PATIENT, ORDER, RESULT, "C|1|I|note|I", END)


def swapped(index: int, record: str) -> tuple[str, ...]:
    return (*MESSAGE[:index], record, *MESSAGE[index + 1 :])


@pytest.mark.parametrize(
    "again",
    [
        MESSAGE,
        swapped(0, HEADER.replace("20260105101200", "20260106070000")),
        swapped(0, HEADER.replace("&|||", "&|MSG-2||")),
        swapped(1, "P|7|MRN0001"),
        swapped(2, ORDER.replace("O|1", "O|3")),
        swapped(3, RESULT.replace("R|1", "R|9")),
        swapped(3, RESULT.replace("||F||", "||R||")),
        swapped(3, RESULT + "|||"),
        swapped(5, "L|1|F"),
    ],
)
def test_sent_again_it_has_the_same_id(again: tuple[str, ...]) -> None:
    later = context(received_at=NOW + timedelta(days=1), transmission="99")
    assert ids(*again, site=later) == ids(*MESSAGE)


@pytest.mark.parametrize(
    "other",
    [
        swapped(1, "P|1|MRN0002"),
        swapped(2, ORDER.replace("26S0001", "26S0002")),
        swapped(3, RESULT.replace("5.4", "5.40")),
        swapped(3, RESULT.replace("mmol/L", "mg/dL")),
        swapped(3, RESULT.replace("|N||F", "|H||F")),
        swapped(3, RESULT.replace("|F|", "|C|")),
        swapped(3, RESULT.replace("20260105101000", "20260105101001")),
        swapped(4, "C|1|I|another|I"),
    ],
)
def test_any_difference_is_another_id(other: tuple[str, ...]) -> None:
    assert ids(*other) != ids(*MESSAGE)


def test_another_device_is_another_id() -> None:
    assert ids(*MESSAGE, site=context("lab-2")) != ids(*MESSAGE)


def test_the_id_does_not_change_with_what_the_site_knows() -> None:
    assert ids(*MESSAGE, site=context(codes={})) == ids(*MESSAGE)


def test_the_same_specimen_twice_in_one_transmission_is_told_apart() -> None:
    twice = ids(*MESSAGE, *MESSAGE)
    assert len(set(twice)) == 2
    assert twice[0] == ids(*MESSAGE)[0]


def test_content_key() -> None:
    def key(*records: str) -> bytes:
        return read_transmission(text(*records), GENERIC, context()).content_key

    assert key(*MESSAGE) == key(*swapped(0, HEADER.replace("20260105101200", "20260106070000")))
    assert key(*MESSAGE) != key(*swapped(3, RESULT.replace("5.4", "5.5")))
    assert key(*MESSAGE) != key(*MESSAGE[:-1])


def test_bytes_and_messages_read_alike() -> None:
    data = text(*MESSAGE)
    assert (
        read_transmission(decode(data), GENERIC, context())
        == read_transmission(decode(data)[0], GENERIC, context())
        == read_transmission(data, GENERIC, context())
    )
