"""The state of every device's line, gathered from notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.desk.clocks import Offset
from gateway.notices import (
    ClockRead,
    FrameRefused,
    Heard,
    LinkChanged,
    LinkState,
    Posted,
    ReportFiled,
)


@dataclass(frozen=True, slots=True)
class LinkView:
    """``reports`` and ``refused`` count since the gateway started; ``ahead`` are the seconds its
    clock is ahead of ours, where it has said so."""

    state: LinkState = LinkState.CLOSED
    detail: str = "not opened yet"
    last_heard: datetime | None = None
    reports: int = 0
    refused: int = 0
    ahead: float | None = None


class LinkBoard:
    """``see`` is a watcher for the noticeboard."""

    def __init__(self, devices: Iterable[str]) -> None:
        self._views = dict.fromkeys(devices, LinkView())
        self._offsets = {name: Offset() for name in self._views}

    def see(self, posted: Posted) -> None:
        device = getattr(posted.notice, "device", "")
        view = self._views.get(device)
        if view is None:
            return
        match posted.notice:
            case LinkChanged(state=state, detail=detail):
                view = replace(view, state=state, detail=detail)
            case Heard():
                view = replace(view, last_heard=posted.at)
            case ReportFiled():
                view = replace(view, reports=view.reports + 1)
            case ClockRead(ahead=ahead):
                view = replace(view, ahead=self._offsets[device].note(ahead))
            case FrameRefused():
                view = replace(view, refused=view.refused + 1)
            case _:
                return
        self._views[device] = view

    def view(self, device: str) -> LinkView:
        return self._views.get(device, LinkView())
