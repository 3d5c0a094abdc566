"""Files that must be there to be read, folders that must be there or can be made, and variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import FileDestination, MqttDestination


def file_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    sections = [(("dicom",), configuration.dicom), (("http",), configuration.http)]
    named = [(("destinations", n), d) for n, d in configuration.destinations.items()]
    for where, section in (*sections, *named):
        for key in (
            "password_file",
            "ca_file",
            "certificate_file",
            "key_file",
            "client_ca_file",
            "worklist",
        ):
            path = getattr(section, key, None)
            if path is not None:
                yield from _readable((*where, key), path)
    for name, destination in configuration.destinations.items():
        if isinstance(destination, MqttDestination) and destination.password_env:
            variable = destination.password_env
            if variable not in os.environ:
                where = ("destinations", name, "password_env")
                yield Mistake(where, f"the environment has no variable {variable}")


def _readable(where: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    try:
        if not path.is_file():
            yield Mistake(where, f"there is no file {path}")
        elif not os.access(path, os.R_OK):
            yield Mistake(where, f"{path} may not be read by this user")
    except OSError as error:
        yield Mistake(where, f"cannot be looked at: {(error.strerror or 'error').lower()}")


def folder_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Folders are made when they are absent, so something must be there to make them in."""
    named: list[tuple[tuple[str, ...], Path | None]] = [
        (("gateway", "data_dir"), configuration.gateway.data_dir),
        (("dicom", "archive_dir"), getattr(configuration.dicom, "archive_dir", None)),
        (("orders", "directory"), getattr(configuration.orders, "directory", None)),
    ]
    named += [
        (("destinations", name, "directory"), destination.directory)
        for name, destination in configuration.destinations.items()
        if isinstance(destination, FileDestination)
    ]
    for where, path in named:
        if path is not None:
            yield from _folder(where, path)


def _folder(where: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    if "\0" in str(path):
        yield Mistake(where, "a path holds no NUL character; must be a folder")
        return
    try:
        there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not there.is_dir():
            text = f"{there} is a file" if there == path else f"{there} is a file, {path} is in it"
            yield Mistake(where, f"{text}; must be a folder that is there or can be made")
        elif not os.access(there, os.W_OK | os.X_OK):
            yield Mistake(where, f"{there} may not be written to by this user")
    except (OSError, ValueError):
        yield Mistake(where, f"{path} cannot be looked at; must be a folder")
