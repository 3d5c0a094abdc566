"""HL7-speaking analyzers that ask the host for everything that waits, before they run.

Mindray BS (QRY^Q02, answered by QCK and a DSR a tube), LAW (QBP^Q11 ``WOS_ALL``, by RSP and
an OML^O33 a tube) and GeneXpert (QBP^Z01, by RSP^Z02).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from gateway.profiles import AnalyzerProfile
from gateway.protocols import hl7device
from gateway.protocols.hl7 import Message, decode
from simulators.asking import Tube
from simulators.others import Speaker
from simulators.pipe import Pipe, PipeClosed

_BARCODE, _FIRST_TEST = "21", 29
_QUIET = 0.5
_FORMS = {
    "mindray-bs": "QRY^Q02",
    "generic-law": "QBP^Q11^QBP_Q11",
    "cepheid-genexpert-hl7": "QBP^Z01^QBP_Z01",
}


def may_ask(profile: AnalyzerProfile) -> bool:
    """Whether there is a simulated way of asking for everything."""
    return profile.name in _FORMS


class AskingSpeaker(Speaker):
    """``ask`` and ``send`` use the same line."""

    async def ask(self, profile: AnalyzerProfile, *, patience: float = 15.0) -> tuple[Tube, ...]:
        """The work list; TimeoutError when nobody answers."""
        pipe = self._pipe or await self._opener()
        self._pipe = pipe
        peer = hl7device.Peer(
            self._clock,
            lambda: f"A{next(self._ids)}",
            hl7device.Dialect(wrapping=hl7device.Wrapping.MLLP),
        )
        number = f"Q{next(self._ids)}"
        await pipe.write(peer.send(question(profile, number, self._clock())))
        try:
            async with asyncio.timeout(patience):
                return tuple([tube async for tube in _listen(pipe, peer)])
        except (PipeClosed, TimeoutError):
            await self.aclose()
            raise


def question(profile: AnalyzerProfile, number: str, now: datetime) -> bytes:
    """Everything that waits."""
    fixed = profile.shape.fixed
    kind = _FORMS[profile.name]
    stamp = now.strftime("%Y%m%d%H%M%S")
    parties = "|".join((fixed.get("MSH.3", ""), fixed.get("MSH.4", ""), "", ""))
    version = fixed.get("MSH.12", "2.5.1")
    head = (
        rf"MSH|^~\&|{parties}|{stamp}||{kind}|{number}|P|{version}||||||{fixed.get('MSH.18', '')}"
    )
    if kind == "QRY^Q02":
        body = [f"QRD|{stamp}|R|D|{number}|||RD||OTH|||T|", "QRF||||||RCT|COR|ALL||"]
    elif "Z01" in kind:
        body = [f"QPD|Z01^REQUEST TEST ORDERS|{number}|ALL", "RCP|I"]
    else:
        head += "|||LAB-27^IHE"
        body = [f"QPD|WOS_ALL^Work Order Step All^IHE_LABTF|{number}", "RCP|I||R"]
    return "".join(f"{segment}\r" for segment in (head, *body)).encode()


async def _listen(pipe: Pipe, peer: hl7device.Peer) -> AsyncIterator[Tube]:
    """Tubes as they come, until the answer is whole."""
    more, begun = True, False
    while more:
        while (event := peer.next_event()) is not None:
            match event:
                case hl7device.Acknowledged(raw=raw):
                    message = decode(raw).message
                    for tube in _tubes(message):
                        yield tube
                    more = _promises(message)
                case hl7device.MessageReceived(raw=raw):
                    message = decode(raw).message
                    await pipe.write(peer.accept())
                    for tube in _tubes(message):
                        yield tube
                    more, begun = _goes_on(message), message.type == "OML"
                case hl7device.MessageDamaged() | hl7device.QueryReceived():
                    await pipe.write(peer.refuse())
                case _:
                    pass
        if more and (data := await _read(pipe, quiet=_QUIET if begun else None)):
            peer.receive_data(data)
        else:
            return


async def _read(pipe: Pipe, *, quiet: float | None) -> bytes:
    """What comes next; nothing when the host was silent for ``quiet`` seconds."""
    try:
        async with asyncio.timeout(quiet):
            return await pipe.read()
    except TimeoutError:
        return b""


def _promises(answer: Message) -> bool:
    """Whether messages with work follow the answer itself."""
    match answer.type:
        case "QCK":
            return answer.at("QAK-2") == "OK"
        case "RSP":
            return answer.trigger == "K11" and answer.at("QAK-2") == "OK"
    return False


def _goes_on(message: Message) -> bool:
    """Whether another one may follow: a DSR says so, work orders end with silence."""
    return message.at("ORC-1") == "NW" if message.type == "OML" else bool(message.at("DSC-1"))


def _tubes(message: Message) -> Iterator[Tube]:
    match message.type:
        case "DSR":
            rows = {row.at(1): row for row in message.all("DSP")}
            cells = [row for number, row in rows.items() if int(number or 0) >= _FIRST_TEST]
            codes = tuple(code for row in cells if (code := row.at(3)))
            patient = rows["1"].at(3) if "1" in rows else None
            yield Tube(rows[_BARCODE].at(3) or "", patient, codes)
        case "OML" if message.at("ORC-1") == "NW":
            codes = tuple(code for obr in message.all("OBR") if (code := obr.at(4)))
            yield Tube(message.at("SPM-2") or "", message.at("PID-3"), codes)
        case "RSP":
            yield from _inside(message)


def _inside(message: Message) -> Iterator[Tube]:
    """GeneXpert: PID, then ORC, OBR, TQ1, SPM for each test."""
    patient, code = None, ""
    for line in message.segments:
        match line.name:
            case "PID":
                patient = line.at(3)
            case "OBR":
                code = line.at(4) or ""
            case "SPM":
                yield Tube(line.at(2) or "", patient, (code,))
