"""The ``gateway`` command.  Each command lives in a module of its own and imports what it needs
when it runs, so that ``--help`` answers at once.

Exit status: 0 done, 1 the work failed, 2 wrong use or wrong configuration.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from gateway.errors import ConfigurationError, GatewayError

DEFAULT: Final = Path("gateway.toml")
STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Runs the command line and turns expected failures into one line and an exit status."""
    try:
        sys.exit(_run(sys.argv[1:]))
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
        if error.filename is None:
            raise
        print(f"gateway: {error.filename}: {error.strerror}", file=sys.stderr)
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
