"""Reads the configuration in a copy of this process, so that what checking needs ends with it.

The checker and every profile there is stay in memory once loaded, some 14 MiB; a gateway needs the
values alone.  The copy works while this process gets ready, so the start takes no longer by it.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import NoReturn

from gateway.config.load import load
from gateway.config.sections import Configuration
from gateway.errors import ConfigurationError


class Reading:
    """Begins at once.  To be made before there are threads: the process is copied as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answer, theirs = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            _answer(path, theirs)
        os.close(theirs)

    def outcome(self) -> Configuration:
        """Waits for it; once.  ConfigurationError lists every mistake."""
        with os.fdopen(self._answer, "rb") as pipe:
            data = pipe.read()
        os.waitpid(self._process, 0)
        try:
            found = pickle.loads(data)  # noqa: S301 - from our child
        except (EOFError, pickle.UnpicklingError):  # it was ended; the work is done here
            return load(self._path)
        if isinstance(found, Configuration):
            return found
        raise ConfigurationError(found)


def _answer(path: Path, descriptor: int) -> NoReturn:
    """The child: writes the configuration or its mistakes, and ends without any farewell."""
    try:
        with os.fdopen(descriptor, "wb") as pipe:
            pickle.dump(_read(path), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _read(path: Path) -> Configuration | tuple[str, ...]:
    try:
        return load(path)
    except ConfigurationError as error:
        return error.mistakes
