"""Runs a command line so that wrong use is one readable line, whatever the command."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Final

import typer
from typer.exceptions import TyperException

_WORDS: Final = (
    ("Value error, ", ""),
    ("Input should be", "must be"),
    ("a valid integer", "a whole number"),
    ("a valid ", "a "),
)
_UNREAD: Final = re.compile(r", unable to parse .*")


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """The exit status: the command's own, or 2 with a line on stderr for wrong use.

    ``arguments`` are those of the process unless given.
    """
    try:
        status = app(arguments, prog_name=name, standalone_mode=False)
    except TyperException as error:
        text = str(error.format_message()).strip()
        if text:
            print(f"{name}: {said(text)}; see '{_command(error, name)} --help'", file=sys.stderr)
        return 2
    except typer.Abort:
        return 130
    return status if isinstance(status, int) else 0


def said(text: str) -> str:
    """The parser's sentence as part of a line."""
    plain = _UNREAD.sub("", text)
    for theirs, ours in _WORDS:
        plain = plain.replace(theirs, ours)
    line = " ".join(plain.split()).rstrip(".")
    return line[:1].lower() + line[1:]


def _command(error: TyperException, name: str) -> str:
    context = getattr(error, "ctx", None)
    return str(getattr(context, "command_path", name))
