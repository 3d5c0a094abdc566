"""Reading messages: addresses, scopes, hostile documents, character sets."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poct1a_probes import FUZZ, HEL, OBS, xml

from gateway.protocols.events import Damage
from gateway.protocols.poct1a import (
    Element,
    Identity,
    Kind,
    Unreadable,
    identity,
    leaf,
    read,
    serialize,
)
from gateway.protocols.poct1a.message import kind_of


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("HDR.control_id", "3"),
        ("OBS.observation_id", "4548-4"),
        ("OBS.observation_id@SN", "LN"),
        ("OBS.observation_id@DN", "HbA1c"),
        ("OBS.value", "5.6"),
        ("OBS.value@V", "5.6"),
        ("OBS.value@U", "%"),
        ("OBS.value@NULL", None),
        ("OBS.normal_lo-hi_limit", "[4.0;6.0]"),
        ("PT.patient_id", "TEST1"),
        ("SVC.role_cd", "OBS"),
        ("OPR.operator_id", "OP1"),
        ("RGT.lot_number", "L1"),
        ("NTE.text", None),
        ("no.such", None),
    ],
)
def test_what_an_observation_sees(address: str, text: str | None) -> None:
    assert read(OBS).observations[0].at(address) == text


def test_a_value_that_is_not_there() -> None:
    second = read(OBS).observations[1]
    assert second.at("OBS.value") is None
    assert second.at("OBS.value@NULL") == "NI"
    assert second.at("NTE.text") == "note"


def test_each_observation_belongs_to_its_own_patient() -> None:
    service = (
        '<SVC><SVC.role_cd V="OBS"/><PT><PT.patient_id V="{0}"/>'
        '<OBS><OBS.value V="{1}"/></OBS></PT></SVC>'
    )
    control = (
        '<SVC><SVC.role_cd V="LQC"/><CTC><CTC.level_cd V="1"/>'
        '<OBS><OBS.value V="3"/></OBS></CTC></SVC>'
    )
    body = service.format("TEST1", 1) + service.format("TEST2", 2) + control
    found = read(xml("OBS.R02", "9", body)).observations
    assert [scope.at("PT.patient_id") for scope in found] == ["TEST1", "TEST2", None]
    assert [scope.at("OBS.value") for scope in found] == ["1", "2", "3"]
    assert [scope.at("SVC.role_cd") for scope in found] == ["OBS", "OBS", "LQC"]
    assert [scope.at("CTC.level_cd") for scope in found] == [None, None, "1"]


def test_another_patients_object_is_not_ours() -> None:
    patient = '<PT><PT.patient_id V="{}"/>{}</PT>'
    alone = '<OBS><OBS.value V="1"/></OBS>'
    body = f"<SVC>{alone}{patient.format('TEST1', alone)}</SVC>"
    found = read(xml("OBS.R01", "9", body)).observations
    assert [scope.at("PT.patient_id") for scope in found] == [None, "TEST1"]
    body = f"<SVC>{alone}{patient.format('TEST1', '')}</SVC>"
    assert read(xml("OBS.R01", "9", body)).observations[0].at("PT.patient_id") == "TEST1"


def test_repeated_fields() -> None:
    body = '<SVC><RGT><RGT.lot_number V="A"/></RGT><RGT><RGT.lot_number V="B"/></RGT><OBS/></SVC>'
    scope = read(xml("OBS.R01", "9", body)).observations[0]
    assert scope.every("RGT.lot_number") == ("A", "B")
    assert scope.every("NTE.text") == ()


def test_text_stands_in_for_an_empty_attribute() -> None:
    body = (
        '<DEV><DEV.device_id V="">Clinic^Ward</DEV.device_id>'
        '<DEV.sw_version V="3.1">3.1_de</DEV.sw_version></DEV>'
    )
    message = read(xml("HEL.R01", "1", body))
    assert message.at("DEV.device_id") == "Clinic^Ward"
    assert message.at("DEV.sw_version") == "3.1"
    assert message.at("DEV.sw_version@text") == "3.1_de"


def test_unknown_elements_stay() -> None:
    message = read(xml("OBS.R01", "9", '<SVC><SVC.XYZ.extra V="kept"/><OBS/></SVC>'))
    assert message.observations[0].at("SVC.XYZ.extra") == "kept"
    assert b"SVC.XYZ.extra" in message.raw


def test_identity_of_a_hello() -> None:
    assert identity(read(HEL)) == Identity(
        vendor="SIEM",
        model="DCA",
        serial="S1",
        device_id="00:11",
        timeout=60,
        max_message=16000,
        profile="SA",
        topics=("D_EV",),
        directives=("START_CONTINUOUS",),
    )


@pytest.mark.parametrize("number", ["", "abc", "-5", "0", "9" * 30, "1e5"])
def test_numbers_of_a_hello_that_are_none(number: str) -> None:
    body = f'<DEV><DCP><DCP.application_timeout V="{number}"/></DCP></DEV>'
    assert identity(read(xml("HEL.R01", "1", body))).timeout is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("OBS.R02", Kind.OBSERVATION),
        ("DTV.SIEM.DVCMD", Kind.DIRECTIVE),
        ("ROCHE.LIAT.PVI.R01", Kind.PATIENT_CHECK),
        ("PVR.R01", Kind.PATIENT_ANSWER),
        ("NOVA.REAG", Kind.VENDOR),
        ("FOO.R99", Kind.VENDOR),
    ],
)
def test_kinds(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]><OBS.R01>&j;</OBS.R01>"
)
HOSTILE: dict[str, tuple[bytes, Damage]] = {
    "billion laughs": (BOMB, Damage.DOCTYPE),
    "external entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hosts">]><OBS.R01>&e;</OBS.R01>',
        Damage.DOCTYPE,
    ),
    "parameter entity": (b'<!DOCTYPE x [<!ENTITY % p "x">%p;]><OBS.R01/>', Damage.DOCTYPE),
    "external subset": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><OBS.R01/>', Damage.DOCTYPE),
    "undefined entity": (b"<OBS.R01>&nope;</OBS.R01>", Damage.FORMAT),
    "200,000 levels": (b"<OBS.R01>" + b"<a>" * 200_000, Damage.DEPTH),
    "65 levels": (b"<OBS.R01>" + b"<a>" * 64 + b"</a>" * 64 + b"</OBS.R01>", Damage.DEPTH),
    "many elements": (b"<OBS.R01>" + b"<a/>" * 60_000 + b"</OBS.R01>", Damage.DEPTH),
    "two attributes of a name": (b'<OBS.R01 a="1" a="2"/>', Damage.FORMAT),
    "a zero byte": (b"<OBS.R01>\x00</OBS.R01>", Damage.FORMAT),
    "an unknown encoding": (b'<?xml version="1.0" encoding="x-no"?><OBS.R01/>', Damage.FORMAT),
    "a stateful encoding": (b'<?xml version="1.0" encoding="utf-7"?><OBS.R01/>', Damage.FORMAT),
    "nothing": (b"", Damage.FORMAT),
    "two roots": (b"<OBS.R01/><OBS.R01/>", Damage.FORMAT),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_documents_are_refused(name: str) -> None:
    raw, reason = HOSTILE[name]
    with pytest.raises(Unreadable) as refused:
        read(raw)
    assert refused.value.reason is reason


def test_64_levels_are_read() -> None:
    raw = b"<OBS.R01>" + b"<a>" * 63 + b"</a>" * 63 + b"</OBS.R01>"
    assert read(raw).kind is Kind.OBSERVATION


@pytest.mark.parametrize(
    ("declared", "raw", "text", "doubtful"),
    [
        ("", "Müller".encode(), "Müller", False),
        ("", "Müller".encode("latin-1"), "Müller", True),
        (' encoding="UTF-8"', "Müller".encode("latin-1"), "Müller", True),
        (' encoding="ISO-8859-1"', "Müller".encode("latin-1"), "Müller", False),
        (' encoding="iso-8859-9"', "Şahin".encode("iso8859-9"), "Şahin", False),
        (' encoding="windows-1252"', "5 µg …".encode("cp1252"), "5 µg …", False),
    ],
)
def test_character_sets(declared: str, raw: bytes, text: str, doubtful: bool) -> None:
    head = f'<?xml version="1.0"{declared}?><OBS.R01><NTE><NTE.text V="'.encode()
    message = read(head + raw + b'"/></NTE></OBS.R01>')
    assert message.at("NTE.text") == text
    assert message.doubtful is doubtful
    assert message.raw.startswith(head)


names = st.sampled_from(["a", "OBS", "OBS.value", "b-c", "d_e"])
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12
)
elements = st.recursive(
    st.builds(Element, names, st.dictionaries(names, texts, max_size=2)),
    lambda inner: st.builds(
        Element, names, st.just({}), st.lists(inner, max_size=3).map(tuple), texts.map(str.strip)
    ),
    max_leaves=8,
)


@settings(max_examples=FUZZ, deadline=1000)
@given(element=elements)
def test_what_is_written_is_read_back(element: Element) -> None:
    assert read(serialize(element)).root == element


@pytest.mark.parametrize("text", ['"<>&', "a\tb\nc\rd", "]]>", "&amp;", "ü\u2028x"])
def test_escapes(text: str) -> None:
    assert read(serialize(leaf("NTE.text", text))).root.attributes["V"] == text


@settings(max_examples=FUZZ, deadline=1000)
@given(raw=st.binary(max_size=200), at=st.integers(0, len(OBS)))
def test_any_bytes_are_read_or_refused(raw: bytes, at: int) -> None:
    for candidate in (raw, OBS[:at] + raw + OBS[at + len(raw) :]):
        with suppress(Unreadable):
            assert read(candidate).raw == candidate


def test_repr_names_nobody() -> None:
    message = read(OBS)
    for shown in (repr(message), repr(message.observations), repr(message.root)):
        assert "TEST1" not in shown
        assert "5.6" not in shown
