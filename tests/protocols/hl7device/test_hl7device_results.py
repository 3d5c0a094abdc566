"""Every OBX under its own OBR, specimen and patient."""

from __future__ import annotations

from time import process_time

import pytest
from hl7device_probes import (
    FUZZ,
    GENEXPERT,
    ICHROMA,
    LAW,
    LIAT,
    MINDRAY,
    ROCHE_PCR,
    lines,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.protocols.hl7 import Unreadable
from gateway.protocols.hl7device import (
    Observation,
    read_results,
)


def observations(raw: bytes) -> list[Observation]:
    return [found for order in read_results(raw).orders for found in order.observations]


@pytest.mark.parametrize(
    ("raw", "index", "address", "text"),
    [
        (MINDRAY, 2, "OBX.3.2", "WBC"),
        (MINDRAY, 2, "OBX.5", "12.36"),
        (MINDRAY, 2, "OBX-8(2)", "N"),
        (MINDRAY, 2, "OBR.3", "S0004"),
        (MINDRAY, 2, "PID.3.1", "TEST1"),
        (MINDRAY, 2, "MSH.11", "P"),
        (MINDRAY, 1, "OBX.5", None),
        (LIAT, 0, "OBX.1", None),
        (LIAT, 0, "OBX.5", "Not Detected"),
        (LIAT, 0, "OBX.18.1", "00-11"),
        (GENEXPERT, 0, "OBX.3.1.2", "INVALID"),
        (GENEXPERT, 0, "OBX.3.1.3", "Xpert MTB-XDR"),
        (GENEXPERT, 0, "SPM.2", "S0004"),
        (GENEXPERT, 0, "TQ1.9", "R"),
        (LAW, 0, "SPM.2.1", "S0001"),
        (LAW, 0, "SPM.11", "P"),
        (LAW, 0, "ORC.1", "SC"),
        (LAW, 0, "SAC.10", "5001"),
        (LAW, 0, "OBX-18(2).1", "2272-02"),
        (LAW, 0, "TCD.2", "1"),
        (LAW, 1, "SPM.2.1", "S0001"),
        (LAW, 1, "TCD.2", None),
        (LAW, 2, "SPM.2.1", "S0002"),
        (LAW, 2, "SPM.11", "Q"),
        (LAW, 2, "SAC.10", None),
        (LAW, 2, "ORC.1", None),
        (ICHROMA, 0, "PID.2", "S0004"),
        (ICHROMA, 0, "MSH.9.2", "R24"),
        (ICHROMA, 0, "MSH.10", "I1"),
        (ICHROMA, 0, "MSH.3", "1"),
        (ROCHE_PCR, 0, "OBX.5", None),
        (ROCHE_PCR, 0, "OBX.8", "ND"),
        (ROCHE_PCR, 0, "OBX.8.3", "99ROC"),
        (ROCHE_PCR, 0, "SPM.2", "S0004"),
        (ROCHE_PCR, 0, "PID.3", None),
    ],
)
def test_where_it_stands(raw: bytes, index: int, address: str, text: str | None) -> None:
    assert observations(raw)[index].scope.at(address) == text


def test_whole_fields_and_repetitions() -> None:
    scope = observations(MINDRAY)[2].scope
    assert scope.field("OBX.8") == "H~N"
    assert scope.every("OBX.8") == ("H", "N")
    assert scope.every("OBX.13") == ()
    assert scope.field("ZZZ.1") == ""
    with pytest.raises(ValueError, match="address"):
        scope.at("OBX")


def test_attachments_are_named_not_decoded() -> None:
    found = observations(MINDRAY)
    assert [one.attachment for one in found] == [None] * 4 + [len("^Image^BMP^Base64^Qk1ObgAA")]


@pytest.mark.parametrize(
    ("old", "new", "data"),
    [
        (b"", b"", b"BMNn\x00\x00"),
        (b"Qk1ObgAA", b"Qk1ObgA!", None),
        (b"^Base64^", b"^Hex^", None),
        (b"|ED|", b"|ST|", None),
    ],
)
def test_attachments_are_decoded_on_demand(old: bytes, new: bytes, data: bytes | None) -> None:
    raw = MINDRAY.replace(old, new) if old else MINDRAY
    assert observations(raw)[4].attached() == data


def test_parts_of_a_cell() -> None:
    scope = observations(LAW)[0].scope
    assert scope.parts("OBX.18(2)") == ("2272-02", "ROCHE")
    assert scope.parts("OBX.6") == ("umol/L", "", "UCUM")
    assert scope.parts("OBX.9") == ()


def test_notes_hang_where_they_stand() -> None:
    assert [note.at(3, 2) for note in observations(GENEXPERT)[0].notes] == ["Code 5006"]
    assert [note.at(3) for note in observations(LAW)[0].notes] == ["note"]
    assert observations(LAW)[1].notes == ()


def test_each_obx_belongs_to_its_own_patient_and_order() -> None:
    raw = lines(
        r"MSH|^~\&|A||||20250102||ORU^R01|1|P|2.5",
        *("PID|1||TEST1", "OBR|1||S1|A", "OBX|1|NM|X||1", "OBR|2||S2|B", "OBX|1|NM|X||2"),
        *("PID|2||TEST2", "OBR|1||S3|A", "OBX|1|NM|X||3", "SPM|1|S9"),
    )
    found = observations(raw)
    assert [one.scope.at("OBX.5") for one in found] == ["1", "2", "3"]
    assert [one.scope.at("OBR.3") for one in found] == ["S1", "S2", "S3"]
    assert [one.scope.at("PID.3") for one in found] == ["TEST1", "TEST1", "TEST2"]
    assert [one.scope.at("SPM.2") for one in found] == [None, None, "S9"]
    assert [one.index for one in found] == [1, 2, 3]


def test_order_control_before_its_order() -> None:
    raw = lines(
        r"MSH|^~\&|A||||20250102||ORU^R01|1|P|2.5",
        *("ORC|RE|P1", "OBR|1|||A", "OBX|1|NM|X||1", "ORC|RE|P2", "OBR|2|||B", "OBX|1|NM|X||2"),
    )
    assert [one.scope.at("ORC.2") for one in observations(raw)] == ["P1", "P2"]


def test_one_specimen_behind_several_orders_is_everybodys() -> None:
    raw = lines(
        r"MSH|^~\&|A||||20250102||ORU^R01|1|P|2.5",
        *("OBR|1|||A", "OBX|1|NM|X||1", "OBR|2|||B", "OBX|1|NM|X||2", "SPM|1|S1"),
    )
    assert [one.scope.at("SPM.2") for one in observations(raw)] == ["S1", "S1"]
    two = raw.replace(b"OBR|2", b"SPM|1|S0\rOBR|2")
    assert [one.scope.at("SPM.2") for one in observations(two)] == ["S0", "S1"]


def test_results_without_an_order_are_kept() -> None:
    raw = lines(r"MSH|^~\&|A||||20250102||ORU^R01|1|P|2.5", "PID|1||TEST1", "OBX|1|NM|X||1")
    (order,) = read_results(raw).orders
    assert order.obr is None
    assert order.observations[0].scope.at("PID.3") == "TEST1"


def test_a_megabyte_is_read_in_a_moment() -> None:
    image = b"OBX|6|ED|1^Scatter||^Image^BMP^Base64^" + b"A" * 1_000_000 + b"||||||F\r"
    begun = process_time()
    assert observations(MINDRAY + image)[-1].attachment == 1_000_018
    assert process_time() - begun < 1.0


@pytest.mark.parametrize("raw", [b"", b"MSH", MINDRAY + MINDRAY, b"OBX|1\r"])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_results(raw)


@settings(max_examples=FUZZ, deadline=1000)
@given(data=st.data())
def test_any_segments_lose_no_observation(data: st.DataObject) -> None:
    names = ("PID|1", "ORC|1", "OBR|1||S", "OBX|1|NM|X||5", "SPM|1|S", "NTE|1", "TCD|1", "SAC|1")
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=30))
    raw = lines(r"MSH|^~\&|A||||20250102||ORU^R01|1|P|2.5", *chosen)
    results = read_results(raw)
    assert len(observations(raw)) == sum(line.startswith("OBX") for line in chosen)
    orders = sum(line.startswith("OBR") for line in chosen)
    assert sum(order.obr is not None for order in results.orders) == orders
