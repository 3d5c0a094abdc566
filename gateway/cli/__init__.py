"""The ``gateway`` command.  Each command lives in a module of its own and imports what it needs
when it runs, so that ``--help`` answers at once.

Exit status: 0 done, 1 the work failed, 2 wrong use or wrong configuration.
"""

from __future__ import annotations

import sys

from gateway.errors import ConfigurationError, GatewayError


def main() -> None:
    """Runs the command line and turns expected failures into one line and an exit status."""
    from gateway.cli.commands import app
    from gateway.cli.usage import run

    try:
        sys.exit(run(app, "gateway"))
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
