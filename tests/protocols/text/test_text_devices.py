"""What each text device says, field by field."""

from __future__ import annotations

import pytest
from text_probes import conversation
from text_samples import (
    DRICHEM,
    KX21N,
    KX_SLOTS,
    REFLOTRON,
    SAMPLES,
    SPOTCHEM,
    UC1000,
)

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import (
    MessageReceived,
)
from gateway.protocols.text import CODECS, Fields


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("sysmex-kx21n", "id", "000000000012345"),
        ("sysmex-kx21n", "date", "20250102"),
        ("sysmex-kx21n", "WBC.value", "6.6"),
        ("sysmex-kx21n", "WBC.raw", "00660"),
        ("sysmex-kx21n", "WBC.flag", "0"),
        ("sysmex-kx21n", "RBC.value", "4.37"),
        ("sysmex-kx21n", "RBC.flag", "1"),
        ("sysmex-kx21n", "LYM%.flag", "2"),
        ("sysmex-kx21n", "PLT.value", "250"),
        ("sysmex-kx21n", "NEUT#.value", "4.1"),
        ("sysmex-kx21n", "PDW.value", "*0000"),
        ("sysmex-kx21n", "PDW.flag", None),
        ("sysmex-kx21n", "P-LCR.value", "24.5"),
        ("sysmex-kx21", "id", "000000000077"),
        ("sysmex-kx21", "date", "250102"),
        ("sysmex-kx21", "RDW.value", "42.0"),
        ("sysmex-kx21", "MPV.value", "10.0"),
        ("sysmex-uc1000", "id", "U000042"),
        ("sysmex-uc1000", "date", "2025/01/02"),
        ("sysmex-uc1000", "URO.call", "normal"),
        ("sysmex-uc1000", "BLD.call", "2+"),
        ("sysmex-uc1000", "BLD.comment", "*"),
        ("sysmex-uc1000", "BLD.value", "0.15"),
        ("sysmex-uc1000", "BIL.mark", "1"),
        ("sysmex-uc1000", "BIL.value", None),
        ("sysmex-uc1000", "ALB.value", "10"),
        ("sysmex-uc1000", "COLOR.raw", "0 YELLOW"),
        ("fuji-drichem", "id", "00000000S0004"),
        ("fuji-drichem", "time", "10:15"),
        ("fuji-drichem", "GLU-P.value", "98.0"),
        ("fuji-drichem", "GLU-P.sign", "="),
        ("fuji-drichem", "GPT-P.sign", "<"),
        ("fuji-drichem", "GPT-P.unit", "U/l"),
        ("fuji-drichem", "GPT-P.warning", "L"),
        ("spotchem-el", "date", "25/01/02"),
        ("spotchem-el", "id", "S0004"),
        ("spotchem-el", "specimen", "Serum"),
        ("spotchem-el", "K.value", "4.2"),
        ("spotchem-el", "Cl.unit", "mmol/L"),
        ("reflotron", "date", "02.01.25"),
        ("reflotron", "time", "10:15:30"),
        ("reflotron", "id", "S0004"),
        ("reflotron", "CHOL.value", "<15.26"),
        ("reflotron", "CHOL.unit", "mmol/l"),
        ("horiba-abx", "kind", "RESULT"),
        ("horiba-abx", "u", "0000000000000004"),
        ("horiba-abx", "q", "02/01/25 10h15mn30s"),
        ("horiba-abx", "!.value", "006.1"),
        ("horiba-abx", "3.flag", "l"),
        ("horiba-abx", "@.value", "--.--"),
        ("horiba-abx", "\xfe", "MICROS60"),
        ("mini-vidas", "ci", "C1"),
        ("mini-vidas", "TSH.ql", "normal"),
        ("mini-vidas", "TSH.qn", "1.2"),
        ("mini-vidas", "TSH.td", "01/02/25"),
        ("hemocue-hba1c-501", "17.percent", "5.6"),
        ("hemocue-hba1c-501", "17.mmol", "38"),
        ("hemocue-hba1c-501", "17.date", "25/01/02"),
        ("hemocue-hba1c-501", "17.order", "Y/M/D"),
        ("hemocue-hba1c-501", "17.time", "AM 10:15"),
        ("hemocue-hba1c-501", "17.operator", "OP1"),
        ("hemocue-hba1c-501", "17.patient", "TEST1"),
        ("hemocue-hba1c-501", "18.percent", "<4"),
        ("hemocue-hba1c-501", "18.mmol", None),
        ("mindray-bc3000plus", "Sample.ID", "S0004"),
        ("mindray-bc3000plus", "WBC.Val", "7.9"),
        ("mindray-bc3000plus", "WBC.Unit", "10^9/L"),
        ("mindray-bc3000plus", "PLT.Val", "***"),
        ("clinitek-status", "head2", "0042"),
        ("clinitek-status", "GLU.value", "NEGATIVE"),
        ("clinitek-status", "BIL.value", "SMALL*"),
        ("clinitek-status", "PH.value", "6.5"),
        ("clinitek-status", "PRO.more", "mg/dL"),
        ("clinitek-status", "COL.value", "YELLOW"),
        ("eurolyser", "CRP.value", "<5.0 mg/l"),
        ("eurolyser", "CRP.id", "S0004"),
    ],
)
def test_where_it_stands(name: str, path: str, text: str | None) -> None:
    assert CODECS[name].decode(SAMPLES[name]).at(path) == text


def test_kx21_quality_control_layout_is_not_guessed() -> None:
    codec = CODECS["sysmex-kx21n"]
    raw = b"\x02D1C" + KX21N[4:]
    assert conversation(codec.framing, [raw])[0] == [MessageReceived(raw)]
    assert codec.decode(raw).problems == ("layout",)
    assert codec.decode(raw).rows == ()


def test_kx21n_flag_that_is_no_digit_is_a_problem() -> None:
    raw = KX21N.replace(b"00660", b"0066?")
    assert CODECS["sysmex-kx21n"].decode(raw).problems == ("WBC",)


@pytest.mark.parametrize("slot", [b"*0000", b"-----", b"+++++", b"     ", b"12 40", b"1.240"])
def test_kx21n_masked_values_are_never_numbers(slot: bytes) -> None:
    row = CODECS["sysmex-kx21n"].decode(KX21N.replace(KX_SLOTS[0], slot)).rows[0]
    assert row.values == {"value": slot.decode(), "flag": "", "raw": slot.decode()}


def test_kx21n_encode_refuses_what_has_no_place() -> None:
    row = Fields("WBC", {"value": "6.66"})
    with pytest.raises(LocalProtocolError):
        CODECS["sysmex-kx21n"].encode(Fields("sysmex-kx21n", {}, (row,)))


def test_uc1000_repeats_come_out_as_sent() -> None:
    stream = (UC1000 + b"\r\n") * 4 + b"\x04"
    events, _, junk = conversation(CODECS["sysmex-uc1000"].framing, [stream])
    assert events == [MessageReceived(UC1000)] * 4
    assert junk == 9


def test_drichem_part_of_a_result_is_a_problem() -> None:
    fields = CODECS["fuji-drichem"].decode(DRICHEM[:-3] + b"\x03")
    assert fields.problems == ("length",)
    assert [row.name for row in fields.rows] == ["GLU-P"]
    assert "GPT-P" in fields.values["rest"]


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        (b"K   4.2  mmol/L", b"", ("K",)),
        (b"4.2  mmol/L", b"4.2", ("K",)),
        (b"4.2  mmol/L", b"4.2  mmol/L  K 9.9  mmol/L", ("K",)),
        (b"25/01/02", b"2/1/25", ("layout",)),
    ],
)
def test_spotchem_says_what_it_could_not_read(
    old: bytes, new: bytes, problems: tuple[str, ...]
) -> None:
    assert CODECS["spotchem-el"].decode(SPOTCHEM.replace(old, new)).problems == problems


def test_spotchem_id_keeps_its_letters() -> None:
    raw = SPOTCHEM.replace(b"ID# S0004", b"ID# ID-7")
    assert CODECS["spotchem-el"].decode(raw).at("id") == "ID-7"


@pytest.mark.parametrize(
    ("line", "name", "value", "unit", "temperature"),
    [
        (b"GGT < 2.80 U/l    25\xb0C", "GGT", "<2.80", "U/l", "25\xb0C"),
        (b"CK     812 U/l 37\xf8C", "CK", "812", "U/l", "37\xf8C"),
        (b"GLU>600 mg/dl", "GLU", ">600", "mg/dl", None),
        (b"K   4,20 mmol/l", "K", "4,20", "mmol/l", None),
        (b"HDL  --- mg/dl", "HDL", "---", "mg/dl", None),
    ],
)
def test_reflotron_result_lines(
    line: bytes, name: str, value: str, unit: str, temperature: str | None
) -> None:
    fields = CODECS["reflotron"].decode(REFLOTRON.replace(b"CHOL<15.26mmol/l", line))
    assert fields.problems == ()
    assert fields.at(f"{name}.value") == value
    assert fields.at(f"{name}.unit") == unit
    assert fields.at(f"{name}.temperature") == temperature


def test_reflotron_unreadable_result_is_kept() -> None:
    for line in (b"ERROR 152", b"E152: strip", b"CHOL 15.26", b"CHOL mmol/l", b""):
        fields = CODECS["reflotron"].decode(REFLOTRON.replace(b"CHOL<15.26mmol/l", line))
        assert fields.problems == ("result",)
        assert fields.rows == ()
        assert fields.values["result"] == line.decode()


@pytest.mark.parametrize("sign", ["1", "-", "x"])
def test_a_drichem_sign_that_is_none_means_moved_columns(sign: str) -> None:
    raw = bytearray(SAMPLES["fuji-drichem"])
    raw[1 + 50 + 7] = ord(sign)
    fields = CODECS["fuji-drichem"].decode(bytes(raw))
    assert fields.rows[0].problems == ("sign",)
