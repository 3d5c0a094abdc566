"""One composed message of every text device.  No bytes of these come from a real patient."""

from __future__ import annotations

KX_SLOTS = [
    b"00660", b"04371", b"01290", b"03892", b"08910", b"02950", b"03310", b"02500", b"03002",
    b"00800", b"06200", b"00200", b"00050", b"00411", b"04200", b"01320", b"*0000", b"01000",
    b"02450",
]  # fmt: skip

KX21N = b"\x02D1U202501020000000000012345" + b"0000000" + b"".join(KX_SLOTS) + b"\x03"
KX21 = (
    b"\x02D1U2501020000000000077" + b"0000000" + b"".join(KX_SLOTS[:15] + KX_SLOTS[16:]) + b"\x03"
)

_UC_SLOT = b"0 normal0.1   ".ljust(32)
UC1000 = (
    b"\x02"
    + b"U000042".ljust(49)
    + b"2025/01/02"
    + b"10:15".ljust(10)
    + _UC_SLOT
    + b"0*2+    0.15  ".ljust(32)
    + b"1".ljust(32) * 9
    + b"0 -     10    ".ljust(32)
    + b"1".ljust(15) * 3
    + b"0 YELLOW".ljust(20)
    + b"\x03"
)

DRICHEM = (
    b"\x02NORMAL 2025-01-0210:15000000000001700000000S0004A "
    b"GLU-P  =     98.0mg/dl  1          "
    b" "
    b"GPT-P  <      4.0U/l    1L         "
    b" \x03"
)

SPOTCHEM = (
    b"\x0225/01/02 10:15 ID# S0004   [Serum]  Na   141  mmol/L"
    b"  K   4.2  mmol/L  Cl  103  mmol/L \x03"
)

REFLOTRON = b"\x02\r\n02.01.25 10:15:30\r\nS0004\r\nCHOL<15.26mmol/l\r\nhint\r\n\x03"

ABX_BODY = (
    b"\xff RESULT  \rp 23\rq 02/01/25 10h15mn30s\ru 0000000000000004\rs 0008\r"
    b"! 006.1  \r2 04.23  \r3 00108 l\r@ --.-- h\rX "
    + bytes(range(32, 96))
    + b"\rS       \r\xfb 0001\r\xfe MICROS60\r\xfc V2.8 \r"
)

VIDAS = (
    b"\x02\x1emtrsl|\x1epiP1|\x1esiS1|\x1eciC1|"
    b"\x1ertTSH|\x1ernTSH 3|\x1ett10:15|\x1etd01/02/25|\x1eqlnormal|\x1eqn1.2|\x1d"
)

HEMOCUE = (
    b"\xff\xff\r\nHEMOCUE HbA1c501\r\n"
    b"Data No.: 17\r\n25/01/02 [Y/M/D]\r\nTime: AM 10:15\r\n\r\n\r\n"
    b"HbA1c 5.6 % 38 mmol/mol\r\nOperator ID\r\nOP1\r\n\x1dh0\x1dw\x03\x1b$\x10code\r\n"
    b"Patient ID\r\nTEST1\x00\r\n"
    b"Data No.: 18\r\n25/01/02 [Y/M/D]\r\nTime : 10:20\r\nHbA1c <4 %\r\nOperator ID\r\nOP1\r\n"
    b"Patient ID\r\nTEST2\r\n"
    b"\x1bd\x03"
)

BC3000 = (
    b"Sample\x0cID\x16S0004\x08Mode\x16WB\x08\x04"
    b"WBC\x0cVal\x167.9\x08Low\x164.0\x08High\x1610.0\x08Unit\x1610^9/L\x08\x04"
    b"PLT\x0cVal\x16***\x08\x04"
    b"WBCHisto\x0cDataLen\x168\x08WHistoData\x16\x04\x08\x16\x0c\x10\x03\x02\x01\x08\x04"
    b"\x01\x02\x03"
)

CLINITEK = (
    b"#,0042,02-01-25,10:15AM,S0004,GLU,NEGATIVE,BIL,SMALL*,pH,6.5,PRO,30,mg/dL,COLOR,YELLOW\r\n"
)

EUROLYSER = b"S0004;TEST;CRP;<5.0 mg/l;02.01.2025 10:15\r\n"


def abx(body: bytes = ABX_BODY, *, size: int | None = None, total: int | None = None) -> bytes:
    """An ABX block with its length and 16-bit sum."""
    block = b"\x02%05d\r" % (len(body) + 13 if size is None else size) + body
    checksum = sum(block[1:]) % 65_536 if total is None else total
    return block + b"\xfd %04X\r\x03" % checksum


def vidas(text: bytes = VIDAS) -> bytes:
    return text + b"%02x" % (sum(text[1:]) % 256)


SAMPLES: dict[str, bytes] = {
    "sysmex-kx21": KX21,
    "sysmex-kx21n": KX21N,
    "sysmex-poch100i": KX21N,
    "sysmex-uc1000": UC1000,
    "fuji-drichem": DRICHEM,
    "spotchem-el": SPOTCHEM,
    "reflotron": REFLOTRON,
    "horiba-abx": abx(),
    "mini-vidas": vidas(),
    "hemocue-hba1c-501": HEMOCUE.lstrip(b"\xff"),
    "mindray-bc3000plus": BC3000,
    "clinitek-status": CLINITEK,
    "eurolyser": EUROLYSER,
}
