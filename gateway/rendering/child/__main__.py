"""The child's life: one request on stdin, its parts on stdout, an exit status for what is wrong.

Requests are ``metadata`` (DICOM JSON of the named files, PS3.18 F), ``frames`` (as stored or
decoded), ``bulk`` (one long value), ``picture`` (JPEG or PNG of one frame), ``corrected`` (a file's
beginning with another identity) and ``directory`` (a DICOMDIR).  Nothing that reads files is loaded
before the limits are set.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Mapping
from typing import Any

from gateway.rendering.trouble import Refused, Trouble


def main() -> int:
    request = json.load(sys.stdin.buffer)
    _confine(request["limits"])
    try:
        parts = _answer(request)
        room = int(request["limits"]["output"])
        if sum(map(len, parts)) > room:
            return Trouble.TOO_LARGE
    except Refused as refused:
        return refused.trouble
    except MemoryError:
        return Trouble.TOO_LARGE
    except Exception:  # noqa: BLE001 - whatever a decoder raises, the parent hears a number
        return Trouble.UNDECODABLE
    for part in parts:
        sys.stdout.buffer.write(len(part).to_bytes(8, "big"))
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    return 0


def _confine(limits: Mapping[str, int]) -> None:
    for what, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(10)


def _answer(request: Mapping[str, Any]) -> list[bytes]:
    match request["verb"]:
        case "metadata":
            from gateway.rendering.child.data_sets import metadata as answer
        case "bulk":
            from gateway.rendering.child.data_sets import bulk as answer
        case "corrected":
            from gateway.rendering.child.data_sets import corrected as answer
        case "directory":
            from gateway.rendering.child.directory import directory as answer
        case "frames":
            from gateway.rendering.child.frames import frames as answer
        case "picture":
            from gateway.rendering.child.picture import picture as answer
        case verb:
            raise LookupError(verb)
    return answer(request)


if __name__ == "__main__":
    sys.exit(main())
