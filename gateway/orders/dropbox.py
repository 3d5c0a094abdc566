"""The folder an EHR drops HL7 files into: each file is read when it has stopped growing.

A file may hold one message or a batch.  It is moved to ``taken/`` when every message of it was
accepted, else to ``refused/``, and the answers stand beside it in a file ``.ack``; a message that
was taken before is only answered again, so a file that is dropped twice, or one we died over, does
nothing twice.  Names starting with a dot and unfinished names (``.part``, ``.tmp``) are left alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.notices import MessageRefused, Noticeboard
from gateway.orders.acknowledging import Answer
from gateway.orders.listener import LONGEST, Receive

TAKEN, REFUSED = "taken", "refused"
_UNFINISHED: Final = (".part", ".tmp", ".filepart", ".crdownload", ".ack")
_STARTS: Final = (b"MSH",)
_BATCH: Final = (b"FHS", b"BHS", b"BTS", b"FTS")
_AT_ONCE: Final = 500

Size = tuple[int, int]


class Dropbox:
    """``run`` looks every ``interval`` seconds until it is cancelled."""

    def __init__(
        self, directory: Path, receive: Receive, notices: Noticeboard, *, interval: float = 1.0
    ) -> None:
        self._directory = directory
        self._receive = receive
        self._notices = notices
        self._interval = interval
        self._sizes: dict[str, Size] = {}

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval)

    async def look(self) -> int:
        """Takes every file that is as it was when last looked at; how many there were."""
        found = await asyncio.to_thread(self._found)
        ready = [name for name, size in found.items() if self._sizes.get(name) == size]
        self._sizes = found
        for name in sorted(ready)[:_AT_ONCE]:
            await self._take(name)
            self._sizes.pop(name, None)
        return len(ready)

    def _found(self) -> dict[str, Size]:
        for folder in (TAKEN, REFUSED):
            (self._directory / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.scandir(self._directory) as entries:
            return {
                entry.name: (entry.stat().st_size, entry.stat().st_mtime_ns)
                for entry in entries
                if entry.is_file(follow_symlinks=False) and _finished(entry.name)
            }

    async def _take(self, name: str) -> None:
        try:
            data = await asyncio.to_thread((self._directory / name).read_bytes)
        except OSError:
            return
        if len(data) > LONGEST:
            self._notices.post(MessageRefused("file", f"longer than {LONGEST} bytes"))
            await asyncio.to_thread(self._archive, name, REFUSED, b"")
            return
        answers: list[Answer] = [
            await self._receive(message, "file") for message in split(data) or (data,)
        ]
        if not all(answer.blocks or answer.accepted for answer in answers):
            return  # the store is not well: the file stays and is read again
        folder = TAKEN if all(answer.accepted for answer in answers) else REFUSED
        text = b"".join(block for answer in answers for block in answer.blocks)
        await asyncio.to_thread(self._archive, name, folder, text)

    def _archive(self, name: str, folder: str, answers: bytes) -> None:
        target = _free(self._directory / folder / name)
        (self._directory / name).replace(target)
        target.with_name(target.name + ".ack").write_bytes(answers)


def split(data: bytes) -> tuple[bytes, ...]:
    """The messages of a file, each with the line ends it came with; batch segments left out."""
    return tuple(_messages(data.strip(b"\x0b\x1c\r\n \xef\xbb\xbf")))


def _messages(data: bytes) -> Iterator[bytes]:
    end = b"\r" if b"\r" in data.partition(b"\n")[0] or b"\n" not in data else b"\n"
    lines: list[bytes] = []
    for line in data.split(end):
        text = line.strip(b"\x0b\x1c\r\n")
        if text.startswith(_STARTS) and lines:
            yield b"\r".join(lines) + b"\r"
            lines = []
        if text and not text.startswith(_BATCH):
            lines.append(text)
    if lines:
        yield b"\r".join(lines) + b"\r"


def _finished(name: str) -> bool:
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def _free(target: Path) -> Path:
    """A name nobody has: archived files are never written over."""
    number = 1
    free = target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return free
