"""Devices that export files: profile and folder must go together, and no file has two owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.config.sections.devices import DeviceSection
from gateway.profiles import Protocol, catalogue
from gateway.profiles.columns import Meaning
from gateway.transports import Folder, configured


def export_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Every mistake about folders and the columns of tables."""
    taken: list[tuple[str, Folder]] = []
    for name, device in configuration.analyzers.items():
        with suppress(ValueError):  # said elsewhere
            stream = configured(device.stream)
            yield from _fitting(name, device, isinstance(stream, Folder))
            if isinstance(stream, Folder):
                yield from _owned(name, stream, taken)
                taken.append((name, stream))


def _fitting(name: str, device: DeviceSection, folder: bool) -> Iterator[Mistake]:
    profile = catalogue().get(device.profile)
    tables = profile is not None and profile.link.protocol is Protocol.FILE
    if tables and not folder:
        text = f"{device.profile} reads exported files; give the folder: file:./incoming"
        yield Mistake(("devices", name, "stream"), text)
    if device.columns and not tables:
        yield Mistake(("devices", name, "columns"), "only profiles that read tables have columns")
    meanings = [meaning.value for meaning in Meaning]
    for heading, meaning in device.columns.items():
        if meaning not in meanings:
            text = f"'{meaning}' is no meaning of a column; known: {', '.join(meanings)}"
            yield Mistake(("devices", name, "columns", heading), text)


def _owned(name: str, folder: Folder, taken: list[tuple[str, Folder]]) -> Iterator[Mistake]:
    for other, theirs in taken:
        if str(theirs) != str(folder) and _overlap(folder, theirs):
            text = f"files there also belong to device '{other}'"
            yield Mistake(("devices", name, "stream"), text)


def _overlap(one: Folder, other: Folder) -> bool:
    mine, theirs = one.path.resolve(), other.path.resolve()
    return mine == theirs or any(
        upper.subfolders and lower.is_relative_to(above)
        for upper, above, lower in ((one, mine, theirs), (other, theirs, mine))
    )
