"""Orders for devices that take them unasked: late ones pushed, cancelled ones taken back.

A link attaches while it is open, is woken when something may have changed, and asks for the next
tube to tell its device of; what the device acknowledged is written down, so that a restart repeats
nothing and forgets nothing.  An order the device was given as an answer counts as told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import apsw

from gateway.errors import StoreError
from gateway.orders import book, patients, told
from gateway.orders.jobs import Job, Step, may_run
from gateway.orders.query import Asked
from gateway.orders.told import State
from gateway.orders.worklists import Asking, Download, Telling
from gateway.store import Store
from gateway.store.moments import from_micros, to_micros

_AT_ONCE: Final = 500


class Downloads:
    """``next`` reads the store, ``taken`` writes what the device took."""

    def __init__(
        self, store: Store, devices: Mapping[str, Asking], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._devices = dict(devices)
        self._clock = clock
        self._wakers: dict[str, set[Callable[[], None]]] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._latest = clock()

    def takes(self, candidates: tuple[str, ...]) -> str | None:
        """The device, where a line has only that one and it takes orders."""
        (device, *others) = candidates
        return device if not others and device in self._devices else None

    def asking(self, device: str) -> Asking:
        return self._devices[device]

    def attach(self, device: str, wake: Callable[[], None]) -> Callable[[], None]:
        """``wake`` is called when there may be something to tell; the result detaches."""
        self._wakers.setdefault(device, set()).add(wake)
        self._seen.pop(device, None)
        return lambda: self._wakers[device].discard(wake)

    def changed(self) -> None:
        """Orders are different now."""
        for wakers in self._wakers.values():
            for wake in tuple(wakers):
                wake()

    async def next(self, device: str) -> Download | None:
        """What the device should hear next; None when it knows everything, or nobody can tell."""
        now = self._clock()
        if now < self._latest:  # the clock was set back: what changed by it may look old
            self._seen.clear()
        self._latest = now
        with suppress(StoreError):
            return await self._store.engine.browse(lambda c: self._next(c, device, to_micros(now)))
        return None

    async def taken(self, download: Download) -> None:
        """The device has it."""
        now, job = self._clock(), download.job
        cancels = download.telling is Telling.CANCEL
        state = State.WITHDRAWN if cancels else State.GIVEN

        def write(connection: apsw.Connection) -> None:
            told.note(connection, download.device, job, state, now)
            if not cancels:
                book.begun(connection, job.orders, now)

        await self._store.engine.write(write)

    def _next(self, connection: apsw.Connection, device: str, now: int) -> Download | None:
        cancelled = told.cancelled_since(connection, device)
        if cancelled is not None:
            number, label = cancelled
            job = self._job(connection, device, (number,), label)
            return Download(device, job, Telling.CANCEL) if job is not None else None
        job = self._wanted(connection, device, now)
        if job is None:
            return None
        known = told.knows(connection, device, job.label.specimen)
        return Download(device, job, Telling.MORE if known else Telling.NEW)

    def _wanted(self, connection: apsw.Connection, device: str, now: int) -> Job | None:
        """The first tube with orders the device can do and was not told of.  Those that are not its
        matter are looked at once, as long as they do not change."""
        while True:
            after = self._seen.get(device, (0, 0))
            found = told.untold(connection, device, after, now, _AT_ONCE)
            for changed, number in found:
                labels = book.labels_of(connection, number)
                job = self._job(connection, device, (number,), labels[0]) if labels else None
                if job is not None:
                    return self._whole(connection, device, job, now)
                self._seen[device] = (changed, number)
            if len(found) < _AT_ONCE:
                return None

    def _whole(self, connection: apsw.Connection, device: str, job: Job, now: int) -> Job:
        """With everything else of the tube that the device was not told of."""
        orders = [
            order.id
            for order in book.labelled(connection, job.label.specimen)
            if order.patient == job.patient.id
            and may_run(order, from_micros(now))
            and not told.given(connection, device, order.id)
        ]
        return self._job(connection, device, orders, job.label.specimen) or job

    def _job(
        self, connection: apsw.Connection, device: str, numbers: Sequence[int], label: str
    ) -> Job | None:
        menu = self._devices[device].menu
        orders = [order for number in numbers if (order := book.find(connection, number))]
        steps = tuple(Step(o, tests) for o in orders if (tests := menu.tests(o.code)))
        patient = patients.find(connection, steps[0].order.patient) if steps else None
        if patient is None:
            return None
        tube = book.specimen(connection, label, steps[0].order.id)
        return Job(patient, Asked(label, ()), steps, tube)
