"""What devices and EHRs wrote, on somebody's terminal: as text, never as orders to the terminal."""

from __future__ import annotations

import re
from typing import Final, TextIO

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def sayable(text: str) -> str:
    r"""With control characters other than tab and line feed as ``\u001b``, as JSON has them."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str = "", *, file: TextIO | None = None) -> None:
    """``print`` for text that came from elsewhere."""
    print(sayable(text), file=file)
