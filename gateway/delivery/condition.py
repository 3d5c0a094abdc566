"""How a destination is doing, for the people who watch: notices on every change, and counts."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.notices import DestinationChanged, LaneStopped, Noticeboard


@dataclass(frozen=True, slots=True)
class CourierState:
    """For the status page.  ``up`` is None until the destination was tried once; ``stopped`` says
    why a person must resume; ``possibly_twice`` counts resends of what may have arrived."""

    destination: str
    up: bool | None
    detail: str
    stopped: str | None
    in_flight: int
    delivered: int
    possibly_twice: int


class Condition:
    """Up, down or stopped."""

    def __init__(self, name: str, notices: Noticeboard) -> None:
        self._name = name
        self._notices = notices
        self._up: bool | None = None
        self._detail = ""
        self.stopped: str | None = None
        self.delivered = 0
        self.possibly_twice = 0

    def well(self) -> None:
        self._change(True, "")

    def down(self, detail: str) -> None:
        self._change(False, detail)

    def stop(self, reason: str) -> None:
        if self.stopped is None:
            self.stopped = reason
            self._notices.post(LaneStopped(self._name, reason))

    def resume(self) -> None:
        if self.stopped is not None:
            self.stopped = None
            self._notices.post(DestinationChanged(self._name, self._up is True, "resumed"))

    def stalled(self, seconds: float) -> None:
        since = f"nothing was acknowledged for {seconds / 60:g} min although messages wait"
        detail = "; ".join(filter(None, (since, self.stopped or self._detail)))
        self._notices.post(DestinationChanged(self._name, self._up is True, detail))

    def state(self, in_flight: int) -> CourierState:
        return CourierState(
            self._name,
            self._up,
            self._detail,
            self.stopped,
            in_flight,
            self.delivered,
            self.possibly_twice,
        )

    def _change(self, up: bool, detail: str) -> None:
        if (up, detail) != (self._up, self._detail):
            self._up, self._detail = up, detail
            self._notices.post(DestinationChanged(self._name, up, detail))
