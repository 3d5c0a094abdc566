"""The EHR's other half: sends patients, orders, merges and cancels from a scenario file.

The file is TOML, a list of steps, each with one of these keys::

    [[step]]
    patient = { id = "MRN1", name = "DOE^JANE", birth = "19700101", sex = "F" }
    [[step]]
    order = { placer = "P1", patient = "MRN1", specimen = "26S0042", tests = ["2345-7"] }
    [[step]]
    exam = { placer = "P2", patient = "MRN1", procedure = "US-BIOPSY^Ultrasound guided biopsy^L" }
    [[step]]
    merge = { prior = "MRN1", survivor = "MRN2" }
    [[step]]
    cancel = { placer = "P1", patient = "MRN1" }
    [[step]]
    wait = 2.0

Written on plain sockets: nothing of the gateway's own message code is used.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

_START, _END = b"\x0b", b"\x1c\r"
_PATIENCE = 30.0
_STEPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "patient": (("id",), ("name", "birth", "sex")),
    "order": (("placer", "patient", "specimen", "tests"), ("priority",)),
    "exam": (("placer", "patient", "procedure"), ("priority",)),
    "merge": (("prior", "survivor"), ()),
    "cancel": (("placer", "patient"), ()),
    "wait": ((), ()),
    "hl7": ((), ()),
}
"""The keys a step needs and may have."""


class Unanswered(ConnectionError):
    """The gateway did not accept a message; the text has its answer."""


def read_steps(path: Path) -> Sequence[Mapping[str, Any]]:
    """The steps of a file; ValueError when it is none, in one line that says where."""
    with path.open("rb") as file:
        try:
            steps = tomllib.load(file).get("step", [])
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not valid TOML: {error}") from None
    for number, step in enumerate(steps, start=1):
        if mistake := _mistake(step):
            raise ValueError(f"{path}: step {number} {mistake}")
    return list(steps)


def _mistake(step: object) -> str | None:
    """What is wrong with a step; None for a good one."""
    if not isinstance(step, dict) or len(step) != 1 or not set(step) <= _STEPS.keys():
        return f"needs one of {', '.join(sorted(_STEPS))}"
    ((name, value),) = step.items()
    needed, further = _STEPS[name]
    if not needed:
        return None
    if not isinstance(value, dict):
        return f"'{name}' needs a table with {', '.join(needed)}"
    missing = [key for key in needed if key not in value]
    unknown = [key for key in value if key not in (*needed, *further)]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has no key {', '.join(unknown)}"
        return f"'{name}' {what}"
    if name == "order" and not isinstance(value["tests"], list):
        return "'order' needs tests = [\"code\", ...]"
    return None


class Orderer:
    """Sends to ``host:port`` and waits for each acknowledgment.  ``processing`` is MSH-11."""

    def __init__(
        self, host: str, port: int, clock: Callable[[], datetime], processing: str = "P"
    ) -> None:
        self._processing = processing
        self._host = host
        self._port = port
        self._clock = clock
        self._sent = 0
        self._patients: dict[str, Mapping[str, Any]] = {}
        self.accepted = 0

    async def run(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Unanswered when a message is refused."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for step in steps:
                if "wait" in step:
                    await asyncio.sleep(float(step["wait"]))
                for message in self.messages(step):
                    await self._send(reader, writer, message)
        finally:
            writer.close()
            await writer.wait_closed()

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes
    ) -> None:
        writer.write(_START + message + _END)
        await writer.drain()
        async with asyncio.timeout(_PATIENCE):
            answer = await reader.readuntil(_END)
        code = answer.split(b"MSA|", 1)[-1][:2].decode("latin-1")
        if code not in ("AA", "CA"):
            raise Unanswered(f"message {self._sent} was answered {code}")
        self.accepted += 1

    def messages(self, step: Mapping[str, Any]) -> Iterator[bytes]:
        """What a step says, as HL7 2.5.1."""
        match step:
            case {"patient": person}:
                self._patients[str(person["id"])] = person
                yield self._message("ADT^A04^ADT_A01", self._pid(str(person["id"])))
            case {"order": order}:
                yield self._message("ORM^O01^ORM_O01", *self._ordered(order))
            case {"exam": exam}:
                yield self._message("ORM^O01^ORM_O01", *self._scheduled(exam))
            case {"merge": merge}:
                pid = self._pid(str(merge["survivor"]))
                mrg = f"MRG|{merge['prior']}^^^EHR^MR"
                yield self._message("ADT^A40^ADT_A39", pid, mrg)
            case {"cancel": cancel}:
                pid = self._pid(str(cancel["patient"]))
                yield self._message("ORM^O01^ORM_O01", pid, f"ORC|CA|{cancel['placer']}^EHR")
            case {"hl7": text}:
                yield str(text).replace("\n", "\r").encode()

    def _ordered(self, order: Mapping[str, Any]) -> Iterator[str]:
        yield self._pid(str(order["patient"]))
        placer, priority = f"{order['placer']}^EHR", order.get("priority", "R")
        for number, test in enumerate(order["tests"], start=1):
            yield f"ORC|NW|{placer}"
            yield f"OBR|{number}|{placer}|{order['specimen']}|{test}|{priority}"

    def _scheduled(self, exam: Mapping[str, Any]) -> Iterator[str]:
        """For the ultrasound worklist: OBR-24 says US."""
        yield self._pid(str(exam["patient"]))
        placer = f"{exam['placer']}^EHR"
        yield f"ORC|NW|{placer}"
        fields = ["OBR", "1", placer, "", str(exam["procedure"]), exam.get("priority", "R")]
        yield "|".join([*fields, *[""] * 18, "US"])

    def _pid(self, number: str) -> str:
        known = self._patients.get(number, {})
        name, birth, sex = (known.get(key, "") for key in ("name", "birth", "sex"))
        return f"PID|1||{number}^^^EHR^MR||{name}||{birth}|{sex}"

    def _message(self, kind: str, *segments: str) -> bytes:
        self._sent += 1
        now = self._clock()
        control = f"E{now.strftime('%H%M%S%f')}{self._sent}"[:20]
        stamp = now.strftime("%Y%m%d%H%M%S")
        head = (
            rf"MSH|^~\&|EHR|CLINIC|GATEWAY|LAB|{stamp}||{kind}|{control}|{self._processing}|2.5.1"
        )
        lines = (f"{segment}\r" for segment in (f"{head}||||||UNICODE UTF-8", *segments))
        return "".join(lines).encode()
