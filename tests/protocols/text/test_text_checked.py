"""ABX, mini VIDAS, HemoCue, BC-3000Plus and the others: sums, handshakes, streams."""

from __future__ import annotations

from text_probes import conversation
from text_samples import (
    ABX_BODY,
    BC3000,
    HEMOCUE,
    KX21,
    VIDAS,
    abx,
    vidas,
)

from gateway.protocols.events import (
    Cutoff,
    Damage,
    Enquiry,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text import CODECS, Receiver
from gateway.protocols.text.abx import Abx, SumFrom
from gateway.protocols.text.abx import encode as encode_abx
from gateway.protocols.text.vidas import HANDSHAKE, Vidas


def abx_events(raw: bytes, framing: Abx | None = None) -> list[object]:
    return list(conversation(framing or Abx(), [raw])[0])


def test_abx_length_and_sum_are_checked() -> None:
    assert abx_events(abx()) == [MessageReceived(abx(), Integrity.CHECKED)]
    short = abx(size=len(ABX_BODY))
    assert abx_events(short) == [MessageDamaged(Damage.LENGTH, short)]
    wrong = abx(total=0)
    assert abx_events(wrong) == [MessageDamaged(Damage.CHECKSUM, wrong)]
    none = b"\x02RESULT\r\x03"
    assert abx_events(none) == [MessageDamaged(Damage.FORMAT, none)]


def test_abx_one_way_to_sum_is_accepted_not_either() -> None:
    fields = CODECS["horiba-abx"].decode(abx())
    from_stx = encode_abx(fields, SumFrom.STX)
    assert abx_events(from_stx) == [MessageDamaged(Damage.CHECKSUM, from_stx)]
    assert abx_events(from_stx, Abx(SumFrom.STX)) == [MessageReceived(from_stx, Integrity.CHECKED)]


def test_abx_histogram_is_kept_as_bytes() -> None:
    assert CODECS["horiba-abx"].decode(abx()).blobs == {"X": bytes(range(32, 96))}


def test_abx_unknown_identifier_with_a_number_is_a_row() -> None:
    raw = abx(ABX_BODY + b"\xe1 001.5 h\r")
    assert CODECS["horiba-abx"].decode(raw).at("\xe1.value") == "001.5"


def test_vidas_composed_example_of_the_reference() -> None:
    raw = b"\x02\x1emtrsl|\x1epiP1|\x1esiS1|\x1ertTSH|\x1eqn1.2|\x1d50"
    assert conversation(Vidas(), [raw])[0] == [MessageReceived(raw, Integrity.CHECKED)]


def test_vidas_sum_is_compared_without_case() -> None:
    raw = next(
        vidas(VIDAS.replace(b"C1", b"C%d" % n))
        for n in range(99)
        if vidas(VIDAS.replace(b"C1", b"C%d" % n))[-2:].isdigit() is False
    )
    upper = raw[:-2] + raw[-2:].upper()
    assert conversation(Vidas(), [upper])[0] == [MessageReceived(upper, Integrity.CHECKED)]


def test_vidas_with_handshake_answers_only_when_told() -> None:
    receiver = Receiver(Vidas(HANDSHAKE))
    receiver.receive_data(b"\x05" + vidas() + b"\x03\x04")
    assert receiver.next_event() == Enquiry(b"\x05")
    assert receiver.accept() == b"\x06"
    assert receiver.next_event() == MessageReceived(vidas(), Integrity.CHECKED)
    assert receiver.accept() == b"\x06"
    assert receiver.next_event() is None
    assert receiver.junk == 2


def test_vidas_second_sample_is_a_problem() -> None:
    raw = vidas(VIDAS[:-1] + b"\x1eciC2|\x1ertFT4|\x1eqn9|\x1d")
    fields = CODECS["mini-vidas"].decode(raw)
    assert fields.problems == ("ci",)
    assert [row.name for row in fields.rows] == ["TSH", "FT4"]


def test_hemocue_idle_bytes_are_noise() -> None:
    events, _, junk = conversation(CODECS["hemocue-hba1c-501"].framing, [HEMOCUE])
    assert events == [MessageReceived(HEMOCUE.lstrip(b"\xff"))]
    assert junk == 2


def test_hemocue_missing_record_is_a_problem() -> None:
    raw = HEMOCUE.replace(b"Data No.: 18", b"Data No.: 19")
    assert CODECS["hemocue-hba1c-501"].decode(raw).problems == ("sequence",)


def test_hemocue_replugged_cable_is_a_problem_of_its_record() -> None:
    raw = HEMOCUE.replace(b"38 mmol", b"3\xff mmol")
    assert CODECS["hemocue-hba1c-501"].decode(raw).problems[0] == "17"


def test_hemocue_other_printer_is_not_taken_for_one() -> None:
    assert "model" in CODECS["hemocue-hba1c-501"].decode(b"\r\nhello\r\n\x1bd\x03").problems


def test_bc3000_handshake_then_blocks_then_silence() -> None:
    codec = CODECS["mindray-bc3000plus"]
    receiver = Receiver(codec.framing)
    for call in codec.calls:
        receiver.receive_data(call)
        assert receiver.next_event() == Enquiry(call)
        assert receiver.accept() == b"\x06"
    receiver.receive_data(BC3000)
    assert receiver.next_event() is None
    assert receiver.timeout == 2.0
    assert receiver.expire() == MessageReceived(BC3000)
    assert receiver.accept() == b""


def test_bc3000_silence_inside_a_block_is_incomplete() -> None:
    codec = CODECS["mindray-bc3000plus"]
    ends = {BC3000.index(name) for name in (b"WBC\x0c", b"PLT\x0c", b"WBCHisto\x0c")}
    for end in range(1, len(BC3000) - 3):
        cut = BC3000[:end]
        whole = MessageReceived(cut)
        cut_off = MessageIncomplete(Cutoff.TIMEOUT, cut)
        events, _, _ = conversation(codec.framing, [cut])
        assert events == [whole if end in ends else cut_off], end


def test_bc3000_histogram_may_hold_any_byte() -> None:
    fields = CODECS["mindray-bc3000plus"].decode(BC3000)
    histogram = fields.row("WBCHisto")
    assert histogram is not None
    assert histogram.blobs == {"WHistoData": b"\x04\x08\x16\x0c\x10\x03\x02\x01"}
    assert fields.blobs == {"footer": b"\x01\x02\x03"}


def test_clinitek_printed_report_is_read_line_by_line() -> None:
    raw = b"CLINITEK STATUS\r\nID S0004\r\nGLU NEGATIVE\r\nSG 1.020\r\nPRO* 30 mg/dL\r\n"
    fields = CODECS["clinitek-status"].decode(raw)
    assert fields.at("GLU.value") == "NEGATIVE"
    assert fields.at("SG.value") == "1.020"
    assert fields.at("PRO.value") == "30 mg/dL"
    assert fields.at("head2") == "ID S0004"


def test_clinitek_repeated_test_is_a_problem() -> None:
    assert CODECS["clinitek-status"].decode(b"GLU,NEG,GLU,100").problems == ("GLU",)


def test_delimited_line_of_other_width_is_a_problem() -> None:
    fields = CODECS["eurolyser"].decode(b"a;b;CRP;5;t\nx;y\n")
    assert fields.problems == ("2",)
    assert fields.rows[1].values["raw"] == "x;y"


def test_a_message_that_stops_is_kept() -> None:
    cut = KX21[:60]
    events, _, _ = conversation(CODECS["sysmex-kx21"].framing, [cut])
    assert events == [MessageIncomplete(Cutoff.TIMEOUT, cut)]
