"""The ``gateway`` command.  Each command lives in a module of its own and imports what it needs
when it runs, so that ``--help`` answers at once.

Exit status: 0 done, 1 the work failed, 2 wrong use or wrong configuration.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from gateway.errors import ConfigurationError, GatewayError

DEFAULT: Final = Path("gateway.toml")
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Runs the command line and turns expected failures into one line and an exit status."""
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
        sys.exit(status)
    except ConfigurationError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        sys.exit(2)
    except GatewayError as error:
        print(f"gateway: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in _NO_ROOM:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"gateway: {where}{error.strerror}", file=sys.stderr)
        if error.filename is None:  # what could not be printed is not tried again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _run(arguments: Sequence[str]) -> int:
    path = _configuration_of_run(arguments)
    if path is not None:
        for number in STOPS:
            signal.signal(number, _nothing_open)
        from gateway.cli.run import run_gateway

        return run_gateway(path)
    from gateway.cli.commands import app
    from gateway.cli.usage import run

    return run(app, "gateway")


def _nothing_open(_number: int, _frame: FrameType | None) -> NoReturn:
    """Told to stop before the gateway's loop runs: there is nothing yet that must be closed."""
    sys.exit(0)


def _configuration_of_run(arguments: Sequence[str]) -> Path | None:
    """Of a plain ``gateway run``, which starts without the other commands and their parser: it
    stays in memory.  None for whatever else is asked."""
    match arguments:
        case ["run"]:
            return DEFAULT
        case ["run", "-c" | "--config", name] if not name.startswith("-"):
            return Path(name)
        case _:
            return None
