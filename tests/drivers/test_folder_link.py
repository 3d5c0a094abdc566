"""Files to the journal and then to the archive: nothing moved before its commit, nothing twice."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from line_bench import NOW, Inbox, ToldJournal

from gateway.drivers import FolderLink, Noise, Site
from gateway.notices import LinkState, Noticeboard
from gateway.profiles import AnalyzerProfile, Context, Protocol, catalogue, normalize
from gateway.protocols.tables import looks_whole
from gateway.report import Report
from gateway.transports import Folder
from gateway.transports.inbox import Inbox as Files
from simulators.filing import FileWriter, Manner
from simulators.scenarios import Day, panel

CSV = b"Sample ID,Test,Result,Unit\r\n26S1,GLU,5.4,mmol/L\r\n"
HL7 = b"".join(
    b"MSH|^~\\&|X|L|||20260105101200||ORU^R01|%d|P|2.5.1\r\nOBR|1||26S%d\r\nOBX|1|NM|GLU||5.4|g/L\r\n"
    % (number, number)
    for number in (1, 2, 3)
)


class Ledger(ToldJournal):
    """A journal that knows what the store of an earlier run held."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()
        self.peers: dict[int, str] = {}
        self.asked: list[str] = []

    def open_transmission(self, device: str, protocol: str, peer: str) -> int:
        number = super().open_transmission(device, protocol, peer)
        self.peers[number] = peer
        return number

    async def file_known(self, device: str, peer: str) -> bool:
        self.asked.append(peer)
        return peer in self.known

    def restarted(self) -> Ledger:
        """What the next run finds in the store."""
        after = Ledger()
        after.known = {self.peers[number] for number in self.entries}
        return after


class Room:
    """A folder, and the link that watches it; ``tick`` makes every file settled."""

    def __init__(self, path: Path, ledger: Ledger, profile: str = "file-drop") -> None:
        self.path = path
        self.ledger = ledger
        self.taken = Inbox()
        self.states: list[tuple[LinkState, str]] = []
        self._now = 0.0
        self._profile: AnalyzerProfile = catalogue()[profile]
        noticed = Noticeboard(lambda: NOW)
        site = Site("lab", ("lab",), ledger, self.taken, noticed, Noise(limit=1))
        files = Files(Folder(path, pattern="*.*"), lambda: self._now, looks_whole)
        self.link = FolderLink(
            site, ledger, files, self._profile.link, lambda *told: self.states.append(told)
        )

    async def tick(self) -> int:
        moved = await self.link.look()
        self._now += 1000.0
        return moved + await self.link.look()

    def specimens(self) -> list[str | None]:
        site = Context("lab", ZoneInfo("UTC"), NOW, "1", codes={"GLU": "2345-7"})
        return [
            report.specimen.id
            for arrival in self.taken.whole
            for report in normalize(arrival.payload, self._profile, site)
        ]


async def test_a_file_is_moved_after_its_commit_and_not_before(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "a.csv").write_bytes(CSV)
    room.ledger.hold = True
    taking = asyncio.create_task(room.tick())
    async with asyncio.timeout(20):
        while not room.ledger.waiting:
            await asyncio.sleep(0.005)
    assert (tmp_path / "a.csv").exists()
    assert room.taken.whole == []
    room.ledger.waiting.pop()(None)
    assert await taking == 1
    assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "archive/a.csv").read_bytes() == CSV
    assert list(room.ledger.entries.values()) == [[CSV]]
    assert room.specimens() == ["26S1"]
    assert room.states[-1][0] is LinkState.UP


async def test_what_could_not_be_stored_stays_and_comes_again(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "a.csv").write_bytes(CSV)
    room.ledger.fail = 1
    assert await room.tick() == 0
    assert (tmp_path / "a.csv").exists()
    assert await room.tick() == 1
    assert room.specimens() == ["26S1"]


async def test_a_store_that_takes_nothing_is_not_asked(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "a.csv").write_bytes(CSV)
    room.ledger.accepting = False
    assert await room.tick() == 0
    assert room.ledger.entries == {}
    room.ledger.accepting = True
    assert await room.tick() == 1


async def test_the_same_content_is_never_taken_twice(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    for name in ("a.csv", "again.csv"):
        (tmp_path / name).write_bytes(CSV)
    assert await room.tick() == 2
    later = Room(tmp_path, room.ledger.restarted())
    (tmp_path / "next-week.csv").write_bytes(CSV)
    assert await later.tick() == 1
    assert len(room.taken.whole) == 1
    assert later.taken.whole == []
    assert {path.name for path in (tmp_path / "archive").iterdir()} == {
        *("a.csv", "again.csv", "next-week.csv")
    }


async def test_names_are_remembered_only_until_their_transmissions_are_filed(
    tmp_path: Path,
) -> None:
    """A device exports for years; the store knows what it filed."""
    message = HL7.split(b"MSH")[1]
    many = b"".join(b"MSH" + message.replace(b"26S1", b"26T%d" % n) for n in range(600))
    room = Room(tmp_path, Ledger(), "generic-hl7")
    (tmp_path / "a.hl7").write_bytes(many)
    assert await room.tick() == 1
    assert len(room.taken.whole) == 600
    room.ledger.known = set(room.ledger.peers.values())
    await room.tick()
    room.ledger.asked.clear()
    (tmp_path / "b.hl7").write_bytes(many)
    assert await room.tick() == 1
    assert (len(room.taken.whole), len(room.ledger.asked)) == (600, 600)


async def test_a_crash_between_commit_and_move_takes_nothing_twice(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "a.hl7").write_bytes(HL7)
    (tmp_path / "archive").write_bytes(b"in the way: nothing can be moved")
    assert await room.tick() == 0
    assert len(room.taken.whole) == 3
    assert room.states[-1] == (
        LinkState.RETRYING,
        "1 waiting: taken but not movable: file exists",
    )
    (tmp_path / "archive").unlink()
    after = Room(tmp_path, room.ledger.restarted())
    assert await after.tick() == 1
    assert after.taken.whole == []


async def test_a_file_of_messages_half_committed_is_finished_later(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "a.hl7").write_bytes(HL7)
    commits = 0
    append = room.ledger.append

    def second_fails(number: int, entry: bytes, done: object, **more: object) -> None:
        nonlocal commits
        commits += 1
        room.ledger.fail = int(commits == 2)
        append(number, entry, done, **more)  # type: ignore[arg-type]

    room.ledger.append = second_fails  # type: ignore[assignment, method-assign]
    assert await room.tick() == 0
    assert room.specimens() == ["26S1"]
    assert await room.tick() == 1
    assert room.specimens() == ["26S1", "26S2", "26S3"]


async def test_growing_files_give_their_new_rows(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "day.csv").write_bytes(CSV)
    await room.tick()
    (tmp_path / "day.csv").write_bytes(CSV + b"26S2,GLU,6.1,mmol/L\r\n")
    await room.tick()
    assert room.specimens() == ["26S1", "26S1", "26S2"]


async def test_what_holds_no_message_is_kept_as_evidence(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger(), "generic-hl7")
    (tmp_path / "a.hl7").write_bytes(b"this is no message\r\n")
    assert await room.tick() == 1
    assert room.taken.whole == []
    ((payload, reason),) = room.taken.broken
    assert payload == b"this is no message\r\n"
    assert reason


async def test_names_reach_no_state(tmp_path: Path) -> None:
    room = Room(tmp_path, Ledger())
    (tmp_path / "DOE_JANE.csv").write_bytes(b"Sample ID")
    await room.link.look()
    assert "DOE" not in repr(room.states)
    assert "DOE" not in repr(room.ledger.peers)


async def test_a_folder_that_comes_later(tmp_path: Path) -> None:
    room = Room(tmp_path / "share", Ledger())
    assert await room.tick() == 0
    assert room.states[-1] == (LinkState.RETRYING, "the folder no such file or directory")
    (tmp_path / "share").mkdir()
    (tmp_path / "share/a.csv").write_bytes(CSV)
    assert await room.tick() == 1
    assert room.states[-1][0] is LinkState.UP


@pytest.mark.parametrize("profile", ["sysmex-xn-l", "generic-hl7", "generic-text"])
async def test_other_languages_come_as_files_too(tmp_path: Path, profile: str) -> None:
    message = {
        "sysmex-xn-l": b"H|\\^&|||XN-550\r\nP|1\r\nO|1||^^26S1^M|^^^^WBC\r\n"
        b"R|1|^^^^WBC|5.5|10*3/uL\r\nL|1|N\r\n",
        "generic-hl7": HL7,
        "generic-text": b"ID: 26S1\r\nGLU: 5.4 mmol/L\r\n",
    }[profile]
    room = Room(tmp_path, Ledger(), profile)
    (tmp_path / "a.txt").write_bytes(message)
    assert await room.tick() == 1
    assert room.specimens()[0] == "26S1"


EXPORTING = [p.name for p in catalogue().values() if p.link.protocol is Protocol.FILE]


@pytest.mark.parametrize("manner", list(Manner), ids=lambda one: one.name.lower())
@pytest.mark.parametrize("name", EXPORTING)
async def test_every_profile_comes_through_however_it_writes(
    tmp_path: Path, name: str, manner: Manner
) -> None:
    profile = catalogue()[name]
    day = Day(profile, random.Random(5), lambda: NOW, ZoneInfo("UTC"))
    scenario = panel(day)
    sent = [next(scenario) for _ in range(3)]
    room = Room(tmp_path, Ledger(), name)
    device = FileWriter(profile, tmp_path, manner=manner, pause=0.0)
    for message in sent:
        sending = asyncio.create_task(device.send(message.records))
        async with asyncio.timeout(60):
            while not sending.done():
                await room.tick()
                await asyncio.sleep(0.01)
        await sending
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    site = Context("lab", ZoneInfo("UTC"), NOW, "1", codes=codes)
    read = [r for a in room.taken.whole for r in normalize(a.payload, profile, site)]
    assert _results(read) == [
        (f.code, f.value.strip()) for one in sent for sample in one.samples for f in sample.findings
    ]
    assert device.delivered == 3
    assert room.taken.broken == []


def _results(reports: list[Report]) -> list[tuple[str, str]]:
    """Each result once: a file that was taken half and then whole brings some twice."""
    return [(o.code.device, o.raw.strip()) for r in _last_of_each(reports) for o in r.observations]


def _last_of_each(reports: list[Report]) -> list[Report]:
    latest = {
        (r.specimen.id, tuple(i.value for i in r.patient.ids)): r for r in reports if r.observations
    }
    return list(latest.values())
