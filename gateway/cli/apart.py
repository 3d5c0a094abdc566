"""Work done in a copy of this process, so that what it needed in memory ends with it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar

from gateway.errors import ConfigurationError

T = TypeVar("T")


class Apart(Generic[T]):
    """Begins at once.  To be made before there are threads: the process is copied as it is.

    ``work`` gives plain values, or raises ConfigurationError.  It has no other effect: when the
    copy is ended before it has answered, it is done here.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._answer, theirs = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            _answer(work, theirs)
        os.close(theirs)

    def outcome(self) -> T:
        """Waits for what the work gives or raises; to be called once."""
        with os.fdopen(self._answer, "rb") as pipe:
            data = pipe.read()
        os.waitpid(self._process, 0)
        try:
            found, mistakes = pickle.loads(data)  # noqa: S301 - from our child
        except (EOFError, pickle.UnpicklingError):
            return self._work()
        if mistakes is not None:
            raise ConfigurationError(mistakes)
        answer: T = found
        return answer


def _answer(work: Callable[[], Any], descriptor: int) -> NoReturn:
    """The child: writes what came of it, and ends without any farewell."""
    try:
        with os.fdopen(descriptor, "wb") as pipe:
            pickle.dump(_tried(work), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _tried(work: Callable[[], Any]) -> tuple[Any, tuple[str, ...] | None]:
    try:
        return work(), None
    except ConfigurationError as error:
        return None, error.mistakes
