"""What a unit does in front of the gateway, exam by exam.

``Session`` makes the exam's objects; a scenario is a function of it.  Same seed, same pictures;
UIDs come from ``uid`` and are new unless that is not.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from simulators.ultrasound import images, patient, performed, picture, report
from simulators.ultrasound.personality import Sending
from simulators.ultrasound.unit import Failed, Peer, Unit


@dataclass(slots=True)
class Session:
    """One unit at work.  ``say`` gets a line for each step that was done."""

    unit: Unit
    peer: Peer
    rng: np.random.Generator
    clock: Callable[[], datetime]
    uid: Callable[[], str]
    say: Callable[[str], None] = field(default=lambda _: None)
    listen: int | None = None
    patience: float = 20.0
    size: picture.Size = field(default_factory=picture.Size)
    frames: int = 30
    stills: int = 3
    number: int = 0

    def invented(self) -> Dataset:
        """An exam nobody ordered here."""
        self.number += 1
        return patient.without_worklist(
            self.unit.personality,
            self.number,
            self.uid(),
            self.clock(),
            lambda letters: str(self.rng.choice(list(letters))),
        )

    def picked(self) -> Dataset:
        """The next item of the unit's worklist."""
        found = self.unit.worklist(_question(self.unit.personality.ae_title))
        self.say(f"worklist: {len(found)} item(s)")
        if not found:
            raise Failed("the worklist is empty")
        self.number += 1
        item = found[(self.number - 1) % len(found)]
        return patient.from_worklist(self.unit.personality, item, self.uid(), self.clock())

    def stills_of(self, exam: Dataset, series: str, count: int) -> list[Dataset]:
        return [self._still(exam, series, number) for number in range(1, count + 1)]

    def cine_of(self, exam: Dataset, series: str, number: int) -> Dataset:
        base = images.instance_base(exam, series, self.uid(), number, self.clock())
        loop = picture.cine(self.rng, self.size, _burned_in(exam), self.frames)
        return images.cine(base, loop, self.unit.personality)

    def report_of(self, exam: Dataset, still: Dataset) -> Dataset:
        return report.measurements(exam, self.uid(), self.uid(), still, self.clock())

    def _still(self, exam: Dataset, series: str, number: int) -> Dataset:
        base = images.instance_base(exam, series, self.uid(), number, self.clock())
        phase = number / max(1, self.stills)
        one = picture.frame(self.rng, self.size, _burned_in(exam), phase)
        return images.still(base, one, self.unit.personality)


def still(session: Session) -> list[Dataset]:
    """One image, no order."""
    sent = session.stills_of(session.invented(), session.uid(), 1)
    _send(session, sent)
    return sent


def cine(session: Session) -> list[Dataset]:
    """One loop, no order."""
    sent = [session.cine_of(session.invented(), session.uid(), 1)]
    _send(session, sent)
    return sent


def exam(session: Session) -> list[Dataset]:
    """Stills, a loop and the measurements, patient typed in at the console."""
    return _examined(session, session.invented())


def worklist_exam(session: Session) -> list[Dataset]:
    """Worklist, performed step, images, measurements, commitment."""
    picked = session.picked()
    unit, kind = session.unit, session.unit.personality
    step = session.uid()
    if kind.performed:
        unit.begin_step(performed.begun(picked, kind, str(session.number), session.clock()), step)
        picked.ReferencedPerformedProcedureStepSequence = Items([_step_reference(step)])
        session.say("performed step: in progress")
    sent = _examined(session, picked)
    if kind.performed:
        unit.end_step(performed.ended(sent, session.clock()), step)
        session.say("performed step: completed")
    if kind.commitment:
        _commit(session, sent)
    return sent


def stall(session: Session) -> list[Dataset]:
    """Stops in the middle of the first PDU and stays silent until the gateway hangs up."""
    with socket.create_connection((session.peer.host, session.peer.port)) as line:
        line.settimeout(session.patience)
        line.sendall(b"\x01\x00\x00\x00\x10\x00\x00\x01")
        try:
            closed = line.recv(64) is not None
        except TimeoutError:
            closed = False
        except ConnectionError:
            closed = True
    if not closed:
        raise Failed("stalled: the gateway did not hang up")
    session.say("stalled in a PDU; the gateway hung up")
    return []


def abort(session: Session) -> list[Dataset]:
    """Cut off in the middle of a loop, then sent again as a whole."""
    sent = [session.cine_of(session.invented(), session.uid(), 1)]
    session.unit.cut_off(sent[0])
    session.say("aborted in the middle of a loop")
    _send(session, sent)
    return sent


SCENARIOS: Final[Mapping[str, Callable[[Session], list[Dataset]]]] = MappingProxyType(
    {
        "exam": exam,
        "worklist-exam": worklist_exam,
        "still": still,
        "cine": cine,
        "stall": stall,
        "abort": abort,
    }
)


def _examined(session: Session, about: Dataset) -> list[Dataset]:
    series = session.uid()
    stills = session.stills_of(about, series, session.stills)
    sent = [*stills, session.cine_of(about, series, session.stills + 1)]
    _send(session, sent)
    if session.unit.personality.report:
        measured = session.report_of(about, stills[0])
        session.unit.store_together([measured])
        session.say("sent 1 report")
        sent.append(measured)
    return sent


def _send(session: Session, sent: list[Dataset]) -> None:
    session.unit.store(sent)
    each = session.unit.personality.sending is Sending.AS_YOU_GO
    how = "an association each" if each else "one association"
    session.say(f"sent {len(sent)} image(s), {how}")


def _commit(session: Session, sent: list[Dataset]) -> None:
    request = performed.commitment(sent, session.uid())
    promise = session.unit.commit(request, session.listen, session.patience)
    session.say(f"commitment: {len(promise.committed)} taken, {len(promise.refused)} refused")
    if promise.refused or len(promise.committed) != len(sent):
        raise Failed(f"storage commitment: {len(promise.refused)} refused")


def _step_reference(uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.3"
    reference.ReferencedSOPInstanceUID = uid
    return reference


def _question(title: str) -> Dataset:
    """What units ask: today's ultrasound for this station, everything else to be returned."""
    query = Dataset()
    for name in (
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "AccessionNumber",
        "ReferringPhysicianName",
        "RequestedProcedureID",
        "RequestedProcedureDescription",
        "StudyInstanceUID",
    ):
        setattr(query, name, "")
    step = Dataset()
    step.Modality = "US"
    step.ScheduledStationAETitle = title
    step.ScheduledProcedureStepStartDate = step.ScheduledProcedureStepStartTime = ""
    step.ScheduledProcedureStepID = step.ScheduledProcedureStepDescription = ""
    query.ScheduledProcedureStepSequence = Items([step])
    return query


def _burned_in(exam: Dataset) -> str:
    return f"{exam.PatientName}  {exam.PatientID}  {exam.Manufacturer}"
