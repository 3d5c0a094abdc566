"""Folders that devices export files into, as text and as a value.

``file:./incoming?pattern=*.csv&settle=10&subfolders=yes&archive=./taken``.  A folder is no line:
nothing can be answered, so what acknowledges a file is that it is moved to the archive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.transports.address import AnyAddress, StreamAddress, near, refuse

_SCHEME: Final = "file:"
_LONGEST: Final = 1024
_KEYS: Final = ("pattern", "settle", "subfolders", "archive")


@dataclass(frozen=True, slots=True)
class Folder:
    """``pattern`` is a shell pattern for names, ``settle`` the seconds a file must have stayed as
    it is, ``archive`` where taken files go (default: ``archive`` inside), ``subfolders`` whether
    files below are taken too."""

    path: Path
    pattern: str = "*"
    settle: int = 5
    subfolders: bool = False
    archive: Path | None = None

    @property
    def archived(self) -> Path:
        return self.archive or self.path / "archive"

    def __str__(self) -> str:
        """As it is configured; what is usual is left out."""
        said = {
            "pattern": self.pattern if self.pattern != "*" else "",
            "settle": str(self.settle) if self.settle != 5 else "",
            "subfolders": "yes" if self.subfolders else "",
            "archive": str(self.archive) if self.archive else "",
        }
        settings = "&".join(f"{key}={text}" for key, text in said.items() if text)
        return f"{_SCHEME}{self.path}" + (f"?{settings}" if settings else "")


Stream = AnyAddress | Folder
"""What the ``stream`` of a device may be."""


def configured(text: str) -> Stream:
    """The stream of a device; InvalidAddress says in one line what is wrong."""
    return _folder(text) if text.startswith(_SCHEME) else StreamAddress.parse(text)


def anchored(text: str, base: Path) -> str:
    """The same stream with the paths of a folder relative to ``base``; any other text as it is."""
    if not text.startswith(_SCHEME):
        return text
    place, mark, query = text.removeprefix(_SCHEME).partition("?")
    if not place.strip():
        return text
    parts = [_placed(part, base) for part in query.split("&")]
    return f"{_SCHEME}{base / Path(place).expanduser()}{mark}{'&'.join(parts)}"


def _placed(part: str, base: Path) -> str:
    key, _, value = part.partition("=")
    return f"archive={base / Path(value).expanduser()}" if key == "archive" and value else part


def _folder(text: str) -> Folder:
    if len(text) > _LONGEST or not text.isprintable():
        refuse(text, f"a stream is one line of at most {_LONGEST} printable characters")
    place, _, query = text.removeprefix(_SCHEME).partition("?")
    if not place.strip():
        refuse(text, "needs a folder, e.g. file:./incoming")
    said = _settings(text, query)
    settle, below = said.get("settle", "5"), said.get("subfolders", "no")
    if not re.fullmatch("[0-9]{1,4}", settle) or int(settle) < 1:
        refuse(text, f"settle={settle} is not possible; 1 to 9999 seconds")
    if below not in ("yes", "no"):
        refuse(text, f"subfolders={below} is not possible; allowed: yes, no")
    archive = Path(said["archive"]) if "archive" in said else None
    return Folder(Path(place), said.get("pattern", "*"), int(settle), below == "yes", archive)


def _settings(text: str, query: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key not in _KEYS or not value:
            known = ", ".join(f"{name}=" for name in _KEYS)
            refuse(text, f"{key!r} is no setting of a folder{near(key, _KEYS)}; known: {known}")
        if key in said:
            refuse(text, f"{key}= is given twice")
        said[key] = value
    return said
