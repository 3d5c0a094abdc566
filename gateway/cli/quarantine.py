"""``gateway quarantine``: images that were kept and filed under no study, and why."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from gateway.cli.asking import ask, local, number, pages, who
from gateway.cli.saying import say
from gateway.config import load
from gateway.errors import ConfigurationError, GatewayError


def list_cases(path: Path, as_json: bool) -> int:
    """The newest first; the UID stands whole, on a line of its own."""
    cases = pages(load(path), "quarantine.list", "before")
    if as_json:
        say(json.dumps(cases, indent=2))
        return 0
    if not cases:
        say("nothing is in quarantine")
        return 0
    for case in cases:
        device = case["device"] or f"{case['calling']}@{case['address']}"
        say(f"{case['id']}  {local(case['received_at'])}  {device}")
        say(f"  {case['reason']}: {case['detail']}")
        say(f"  {case['uid']}")
    return 0


def save_case(path: Path, identity: str, output: Path, user: str | None) -> int:
    """Copies the file as it was received, to be looked at with another program."""
    chosen, configuration = number(identity, "an image in quarantine"), load(path)
    if output.exists():
        raise ConfigurationError([f"{output}: exists already"])
    case = ask(configuration, "quarantine.save", id=chosen, user=who(user))
    section = configuration.dicom
    folder = section.archive_dir if section is not None else None
    source = (folder or configuration.gateway.data_dir / "archive") / case["path"]
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with source.open("rb") as received, os.fdopen(descriptor, "wb") as target:
            shutil.copyfileobj(received, target)
    except OSError as error:
        raise GatewayError(f"{error.filename or output}: {error.strerror}") from None
    say(f"{output}: as received; it may name a patient")
    return 0


def close_case(path: Path, identity: str, user: str | None, reason: str) -> int:
    """Takes a case off the list; its file stays."""
    chosen = number(identity, "an image in quarantine")
    ask(load(path), "quarantine.close", id=chosen, user=who(user), reason=reason)
    say("closed; the file stays in the archive")
    return 0
