"""Control ids, filler numbers and pseudonyms: derived from content, keyed, and stable."""

from __future__ import annotations

import re

from gateway.messages import control_id, filler_number, pseudonym

KEY = b"a key of the test site"


def test_control_id_is_twenty_characters_of_base32_and_stable() -> None:
    first = control_id(KEY, "report", 0)
    assert re.fullmatch("[A-Z2-7]{20}", first)
    assert first == control_id(KEY, "report", 0) == "UBYK6VP7N2UHT3CUEFGW"


def test_control_id_depends_on_key_report_and_revision() -> None:
    ids = {
        control_id(key, report, revision)
        for key in (KEY, b"another")
        for report in ("report", "report1", "repor")
        for revision in (0, 1, 10)
    }
    assert len(ids) == 18


def test_filler_number_fits_old_receivers() -> None:
    assert filler_number("short-id") == "short-id"
    assert filler_number("0123456789abcdef" * 2) == "0123456789abcdef0123"
    long = filler_number("haematology-2026-01-05-000001")
    assert re.fullmatch("[A-Z2-7]{20}", long)
    assert long != filler_number("haematology-2026-01-05-000002")


def test_pseudonym_is_equal_for_equal_ids_of_one_site() -> None:
    assert pseudonym(KEY, "MRN0001") == pseudonym(KEY, "MRN0001")
    assert pseudonym(KEY, "MRN0001") != pseudonym(KEY, "MRN0002")
    assert pseudonym(KEY, "MRN0001") != pseudonym(b"another", "MRN0001")
    assert re.fullmatch("[A-Z2-7]{26}", pseudonym(KEY, "MRN0001"))
