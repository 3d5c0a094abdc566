"""The doctor for folders that devices export files into: is it there, may we, what is in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.cli.symptoms import Finding, Symptom
from gateway.profiles.guessing import guess
from gateway.protocols.tables import looks_whole
from gateway.transports import Folder
from gateway.transports.inbox import Inbox

_SHOWN: Final = 3


def examine_folder(folder: Folder) -> Iterator[Finding]:
    """Reads and moves nothing but to look; names of files are not told, they may name patients."""
    path = folder.path
    if not path.is_dir():
        advice = "make the folder or mount the share; on the device: its export path"
        yield Finding(Symptom.SILENT, f"{path} is not there", advice)
        return
    if not os.access(path, os.R_OK | os.X_OK):
        yield Finding(Symptom.SILENT, f"{path} may not be read by you", "chmod, or mount options")
        return
    if not os.access(path, os.W_OK):
        advice = "files are taken but cannot be moved: give write access, or archive= elsewhere"
        yield Finding(Symptom.REFUSED, f"{path} may not be written by you", advice)
    inbox = Inbox(replace(folder, settle=0), time.monotonic, looks_whole)
    ready = inbox.ready()
    if not ready:
        advice = "on the device: export a result now; here: pattern=, subfolders=yes"
        yield Finding(Symptom.SILENT, f"no file in {path} fits {folder.pattern}", advice)
        return
    for number, found in enumerate(ready[:_SHOWN], start=1):
        document = inbox.read(found)
        if document is not None:
            text = f"file {number} of {len(ready)}: {guess(document.data)}"
            yield Finding(Symptom.SOUND, text, fault=False)
    for why, count in inbox.troubles.items():
        yield Finding(Symptom.INCOMPLETE, f"{count} file(s) wait: {why}", "let the device finish")
