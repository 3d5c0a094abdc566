"""The control characters of LIS01-A2 and its relatives, each as one byte."""

from __future__ import annotations

from typing import Final

NUL: Final = b"\x00"
SOH: Final = b"\x01"  # opens an envelope
STX: Final = b"\x02"  # opens a frame
ETX: Final = b"\x03"  # ends the last frame of a message
EOT: Final = b"\x04"  # ends a transfer phase; as an answer: accepted, but let me send
ENQ: Final = b"\x05"  # asks for the line
ACK: Final = b"\x06"
LF: Final = b"\x0a"
VT: Final = b"\x0b"  # opens an MLLP block: not ours
CR: Final = b"\x0d"  # ends a record
NAK: Final = b"\x15"
SYN: Final = b"\x16"  # forbidden in text
ETB: Final = b"\x17"  # ends a frame that is not the last
