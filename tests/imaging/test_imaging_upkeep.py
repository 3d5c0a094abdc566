"""The archive looked after: damage is found, and only what is safe elsewhere is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from orthanc_peer import orthanc
from services_site import UNIT, Site, site, tool, until
from stills import still
from test_corrections_out import STUDY, correct

from gateway.archive import Instance, Verdict
from gateway.archive.sweep import FIRST, NAME, Pace, Sweep
from gateway.archive.walks import Walks
from gateway.imaging.commitment import Failure, Reference, Request
from gateway.imaging.inspection import Inspector
from gateway.imaging.pointer import message
from gateway.imaging.procedure_steps import Sender
from gateway.imaging.retention import Keeping, Retention
from gateway.store import messages as outbox_rows

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.6.1"
PACS = Keeping(timedelta(days=30), ("pacs",), ("pacs",))


class Clock:
    """``now`` is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 5, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Naps:
    """Sleeps at once; remembers for how long.  Ends after so many, or with the first of a day."""

    def __init__(self, most: int = 1000) -> None:
        self.taken: list[float] = []
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) > self._most or seconds > 86_000:
            raise asyncio.CancelledError


async def filled(clinic: Site, count: int) -> list[Path]:
    return [await clinic.keep(still(n).data_set, still(n).uid) for n in range(1, count + 1)]


async def said(clinic: Site) -> list[str]:
    entries = await clinic.store.audit.list()
    return [entry.action for entry in entries]


def sweep(clinic: Site, found: list[str], naps: Naps, rate: float = 1e12) -> Sweep:
    def damaged(instance: Instance) -> None:
        found.append(instance.uid)

    return Sweep(
        clinic.archive,
        Walks(clinic.store.engine),
        Pace(timedelta(days=30), rate),
        clock=clinic.store.engine.clock,
        damaged=damaged,
        sleep=naps,
    )


async def test_damage_is_found_told_once_and_mended(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        paths = await filled(clinic, 4)
        paths[1].write_bytes(paths[1].read_bytes()[:-1] + b"\xff\xfe")
        paths[2].unlink()
        walks, found = Walks(clinic.store.engine), list[str]()
        await sweep(clinic, found, Naps()).walk(await walks.begin(NAME))
        assert found == [still(2).uid, still(3).uid]
        walk = await walks.get(NAME)
        assert (walk.under_way, walk.last_seen, walk.last_found) == (False, 4, 2)
        assert (await said(clinic)).count("image damaged") == 2
        await sweep(clinic, found, Naps()).walk(await walks.begin(NAME))
        assert len(found) == 2
        for number in (2, 3):
            await clinic.keep(still(number).data_set, still(number).uid, verdict=Verdict.RESTORED)
        await sweep(clinic, found, Naps()).walk(await walks.begin(NAME))
        assert (await walks.get(NAME)).last_found == 0
        images = await clinic.archive.index.instances(STUDY)
        assert {one.state for one in images} == {"stored"}
        shelves = clinic.archive.shelves
        assert shelves.files() == sorted(shelves.path(one.path) for one in images)
        (series,) = await clinic.archive.index.series(STUDY)
        assert series.instances == len(images) == 4


async def test_what_comes_while_it_walks_is_for_the_next_one(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 2)
        walks = Walks(clinic.store.engine)
        walk = await walks.begin(NAME)
        clock.time += timedelta(seconds=1)
        await clinic.keep(still(3).data_set, still(3).uid)
        await sweep(clinic, [], Naps()).walk(walk)
        assert (await walks.get(NAME)).last_seen == 2


@pytest.mark.parametrize("sound", [True, False])
async def test_a_look_at_a_file_keeps_no_purge_from_being_finished(
    tmp_path: Path, sound: bool
) -> None:
    """It was marked to go while somebody read it: then its file goes, and the index knows."""
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        [path] = await filled(clinic, 1)
        [one] = await clinic.archive.index.instances(STUDY)
        await run(clinic, "UPDATE instances SET state = 'purging'")
        await clinic.archive.index.checked(one, sound=sound)
        assert await retention(clinic, clock)._finish() == 1
        [one] = await clinic.archive.index.instances(STUDY)
        assert (one.state, path.exists()) == ("purged", False)


async def test_it_reads_no_faster_than_it_may(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        await filled(clinic, 3)
        size = sum(one.size for one in await clinic.archive.index.instances(STUDY))
        naps = Naps()
        walk = await Walks(clinic.store.engine).begin(NAME)
        await sweep(clinic, [], naps, rate=1000.0).walk(walk)
        assert sum(naps.taken) == pytest.approx(size / 1000.0, abs=0.02)


async def test_it_goes_on_where_it_was_and_comes_again_when_due(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 4)
        walks = Walks(clinic.store.engine)
        starting = Naps(most=4)
        with pytest.raises(asyncio.CancelledError):
            await sweep(clinic, [], starting, rate=1000.0).run()
        assert starting.taken[0] == FIRST
        walk = await walks.get(NAME)
        assert (walk.under_way, 0 < walk.seen < 4) == (True, True)
        naps = Naps()
        with pytest.raises(asyncio.CancelledError):
            await sweep(clinic, [], naps, rate=1000.0).run()
        walk = await walks.get(NAME)
        assert (walk.under_way, walk.last_seen) == (False, 4)
        assert naps.taken[-1] == timedelta(days=30).total_seconds()
        clock.time += timedelta(days=10)
        waits = Naps(most=0)
        with pytest.raises(asyncio.CancelledError):
            await sweep(clinic, [], waits).run()
        assert waits.taken == [timedelta(days=20).total_seconds()]


def retention(clinic: Site, clock: Clock, keeping: Keeping = PACS) -> Retention:
    return Retention(
        clinic.archive,
        Walks(clinic.store.engine),
        keeping,
        clock=clock,
        failed=lambda reason: pytest.fail(reason),
        sleep=Naps(),
    )


async def run(clinic: Site, statement: str, *bindings: Any) -> None:
    await clinic.store.engine.write(lambda c: c.execute(statement, bindings).get)


async def committed(clinic: Site, correction: int | None = None) -> None:
    """As if ``pacs`` had taken and committed to everything there is."""
    await run(
        clinic,
        "INSERT OR REPLACE INTO forwardings (destination, instance, sent_at, sent_as, state, "
        "correction) SELECT 'pacs', id, 0, '', 'committed', ? FROM instances",
        correction,
    )


async def test_what_is_committed_and_old_goes_and_stays_known(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 3)
        await committed(clinic)
        assert await retention(clinic, clock).once() == 0
        clock.time += timedelta(days=31)
        assert await retention(clinic, clock).once() == 3
        assert not any(path.exists() for path in paths)
        instances = await clinic.archive.index.instances(STUDY)
        assert {one.state for one in instances} == {"purged"}
        assert await retention(clinic, clock).once() == 0
        assert {"purge study", "purge images"} <= set(await said(clinic))
        query = "SELECT instance, kept_by FROM purged_instances ORDER BY 1"
        keepers = await clinic.store.engine.read(lambda c: c.execute(query).fetchall())
        assert keepers == [(number, '["pacs"]') for number in (1, 2, 3)]
        inspector = Inspector(clinic.archive)
        reason = await inspector.reason(Reference(SOP_CLASS, still(1).uid), UNIT)
        assert reason is Failure.NO_SUCH_INSTANCE
        again = await clinic.keep(still(1).data_set, still(1).uid, verdict=Verdict.RESTORED)
        assert again.read_bytes().endswith(still(1).data_set)
        assert await inspector.reason(Reference(SOP_CLASS, still(1).uid), UNIT) is None
    async with site(tmp_path, clock=clock) as clinic:
        [one] = [i for i in await clinic.archive.index.instances(STUDY) if i.state == "stored"]
        assert one.uid == still(1).uid


async def _queued(clinic: Site) -> None:
    wanted = message("other", still(2).uid, bytes(32))
    engine = clinic.store.engine
    await engine.write(lambda c: outbox_rows.insert(engine, c, wanted, None))


async def _requested(clinic: Site) -> None:
    request = Request("2.25.9", (Reference(SOP_CLASS, still(3).uid),))
    await run(clinic, "DELETE FROM commitments")
    await clinic.services.commitments.ask(request, Sender(None, "NOBODY", "192.0.2.1"), "GW")


async def _quarantined(clinic: Site) -> None:
    other = still(2, seed=9)
    await clinic.keep(other.data_set, other.uid, verdict=Verdict.CONFLICT)


async def _corrected(clinic: Site) -> None:
    await correct(clinic, STUDY, "MRN7", "Right^Name")


OPEN: dict[str, Callable[[Site], Any]] = {
    "not committed": lambda c: run(c, "DELETE FROM forwardings WHERE instance = 2"),
    "sent only": lambda c: run(c, "UPDATE forwardings SET state = 'sent' WHERE instance = 2"),
    "asked": lambda c: run(c, "UPDATE forwardings SET state = 'asked' WHERE instance = 2"),
    "refused elsewhere": lambda c: run(
        c,
        "INSERT INTO forwardings (destination, instance, sent_at, sent_as, state) "
        "VALUES ('other', 1, 0, '', 'refused')",
    ),
    "another promised": lambda c: run(c, "UPDATE forwardings SET destination = 'gone'"),
    "not fed": lambda c: run(
        c, "INSERT OR REPLACE INTO forward_cursors (destination, instance) VALUES ('pacs', 2)"
    ),
    "kept": lambda c: run(c, "UPDATE studies SET kept_for = 'complaint'"),
    "mixed": lambda c: run(c, "UPDATE studies SET mixed = 1"),
    "queued": _queued,
    "requested": _requested,
    "quarantined": _quarantined,
    "corrected since": _corrected,
}


@pytest.mark.parametrize("what", OPEN)
async def test_nothing_goes_while_anything_is_open(tmp_path: Path, what: str) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 3)
        await committed(clinic)
        await OPEN[what](clinic)
        clock.time += timedelta(days=31)
        assert await retention(clinic, clock).once() == 0
        assert all(path.exists() for path in paths)
        states = {one.state for one in await clinic.archive.index.instances(STUDY)}
        assert states == {"stored"}


async def test_what_is_queued_while_it_is_decided_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 3)
        await committed(clinic)
        clock.time += timedelta(days=31)
        keeper = retention(clinic, clock)
        look = keeper._candidates

        async def overtaken(before: int, after: int) -> Any:
            found = await look(before, after)
            if found:
                await _queued(clinic)
            return found

        monkeypatch.setattr(keeper, "_candidates", overtaken)
        assert await keeper.once() == 0
        assert all(path.exists() for path in paths)


async def test_the_decision_does_not_read_the_whole_outbox(tmp_path: Path) -> None:
    """It is made in the transaction that the frames of analyzers wait for."""
    seen: list[str] = []
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 2)
        await committed(clinic)
        clock.time += timedelta(days=31)
        engine = clinic.store.engine

        def trace(_cursor: Any, statement: str, bindings: Any) -> bool:
            seen.append(statement)
            return True

        await engine.write(lambda c: setattr(c, "exec_trace", trace))
        assert await retention(clinic, clock).once() == 2
        await engine.write(lambda c: setattr(c, "exec_trace", None))

        def plans(connection: Any) -> list[str]:
            return [
                f"{step[3]}: {statement}"
                for statement in seen
                if statement.lstrip().startswith("SELECT")
                for step in connection.execute(
                    f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")
                )
            ]

        found = await engine.read(plans)
    assert any("outbox" in plan for plan in found)
    assert [one for one in found if one.startswith(("SCAN outbox", "SCAN instances"))] == []


async def test_a_promise_for_what_it_is_now_counts(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 2)
        await correct(clinic, STUDY, "MRN7", "Right^Name")
        await committed(clinic, 1)
        clock.time += timedelta(days=31)
        assert await retention(clinic, clock).once() == 2


async def test_a_crash_in_the_middle_is_finished_by_the_next_start(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 3)
        await run(clinic, "UPDATE instances SET state = 'purging'")
        paths[0].unlink()
    async with site(tmp_path, clock=clock) as clinic:
        with pytest.raises(asyncio.CancelledError):
            await Retention(
                clinic.archive,
                Walks(clinic.store.engine),
                PACS,
                clock=clock,
                failed=lambda reason: pytest.fail(reason),
                sleep=Naps(most=0),
            ).run()
        assert not any(path.exists() for path in paths)
        states = {one.state for one in await clinic.archive.index.instances(STUDY)}
        assert states == {"purged"}


async def test_a_file_that_cannot_be_removed_is_told_of_and_tried_again(tmp_path: Path) -> None:
    clock, heard = Clock(), list[str]()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 2)
        await committed(clinic)
        clock.time += timedelta(days=31)
        paths[1].unlink()
        paths[1].mkdir()
        walks = Walks(clinic.store.engine)
        one = Retention(clinic.archive, walks, PACS, clock=clock, failed=heard.append)
        assert await one.once() == 0
        assert len(heard) == 1
        states = [i.state for i in await clinic.archive.index.instances(STUDY)]
        assert states == ["purging", "purging"]
        paths[1].rmdir()
        assert await one._finish() == 2
        states = [i.state for i in await clinic.archive.index.instances(STUDY)]
        assert states == ["purged", "purged"]


async def test_what_comes_again_meanwhile_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 2)
        await run(clinic, "UPDATE instances SET state = 'purging'")
        path = await clinic.keep(still(1).data_set, still(1).uid, verdict=Verdict.RESTORED)
        await retention(clinic, clock)._finish()
        assert path.exists()
        found = {one.uid: one.state for one in await clinic.archive.index.instances(STUDY)}
        assert found == {still(1).uid: "stored", still(2).uid: "purged"}


@pytest.mark.peer
async def test_from_the_pacs_s_word_to_the_query(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    clock, (ours, theirs, http) = Clock(), (free_port(), free_port(), free_port())
    pacs = {"type": "dicom", "address": f"ORTHANC@127.0.0.1:{theirs}", "commitment": True}
    async with (
        site(tmp_path / "data", listen=ours, clock=clock, destinations={"pacs": pacs}) as clinic,
        orthanc(tmp_path / "orthanc", theirs, http, ("GATEWAY", ours)) as peer,
    ):
        paths = await filled(clinic, 2)

        async def promised() -> bool:
            sent = await clinic.services.forwardings.of_study(STUDY)
            return [one.committed for one in sent] == [2]

        await until(promised)
        clock.time += timedelta(days=31)
        assert await retention(clinic, clock).once() == 2
        assert not any(path.exists() for path in paths)
        assert await peer.instances() == 2
        asked = (f"StudyInstanceUID={STUDY}", "InstanceAvailability")
        for level, above, count in (
            ("STUDY", (), 1),
            ("SERIES", ("SeriesInstanceUID",), 1),
            ("IMAGE", (f"SeriesInstanceUID={STUDY}.1",), 2),
        ):
            keys = (f"QueryRetrieveLevel={level}", *asked, *above)
            parts = [part for key in keys for part in ("-k", key)]
            code, text = await tool("findscu", "-S", "-v", "-aet", UNIT, *parts, "127.0.0.1", ours)
            assert (code, text.count("UNAVAILABLE")) == (0, count)
        parts = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        out = tmp_path / "out"
        out.mkdir()
        _, text = await tool(
            "getscu", "-v", "-S", "-aet", UNIT, "-od", out, *parts, "127.0.0.1", ours
        )
        assert list(out.iterdir()) == []
        assert "Failed" in text or "0xa702" in text
