r"""A person's name as one text: family, given, middle, suffix and prefix with ``^`` between them.

The form LIS02-A2 P.6 and HL7 XPN share.  A ``^`` that is part of the name itself, which a device
or an EHR sent escaped, stands in the text as ``\S\``, and then a backslash as ``\E\``; a name
without such a sign is written as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_AMBIGUOUS: Final = re.compile(r"\^|\\[SE]\\")
_WRITTEN: Final = re.compile(r"\\([SE])\\")
_DELIMITER: Final = re.compile(r"[\^\\=]")
_SIGNS: Final = {"S": "^", "E": "\\"}


def name_of(parts: Iterable[str]) -> str:
    """The parts as one text, without the signs of empty last ones."""
    return "^".join(map(_written, parts)).rstrip("^")


def name_parts(name: str) -> list[str]:
    """The inverse; a name without parts is a family name."""
    return [_WRITTEN.sub(lambda sign: _SIGNS[sign[1]], part) for part in name.split("^")]


def dicom_name(parts: Iterable[str]) -> str:
    """The parts as a PN value (PS3.5 6.2.1), which has the prefix before the suffix; a sign that
    delimits there is a space."""
    plain = [*(_DELIMITER.sub(" ", part) for part in parts), *[""] * 5][:5]
    family, given, middle, suffix, prefix = plain
    return f"{family}^{given}^{middle}^{prefix}^{suffix}".rstrip("^")


def _written(part: str) -> str:
    if _AMBIGUOUS.search(part) is None:
        return part
    return part.replace("\\", "\\E\\").replace("^", "\\S\\")
