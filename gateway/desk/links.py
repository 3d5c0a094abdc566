"""The state of every device's line, gathered from notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.notices import FrameRefused, Heard, LinkChanged, LinkState, Posted, ReportFiled


@dataclass(frozen=True, slots=True)
class LinkView:
    """``reports`` and ``refused`` count since the gateway started."""

    state: LinkState = LinkState.CLOSED
    detail: str = "not opened yet"
    last_heard: datetime | None = None
    reports: int = 0
    refused: int = 0


class LinkBoard:
    """``see`` is a watcher for the noticeboard."""

    def __init__(self, devices: Iterable[str]) -> None:
        self._views = dict.fromkeys(devices, LinkView())

    def see(self, posted: Posted) -> None:
        match posted.notice:
            case LinkChanged(device, state, detail):
                self._change(device, state=state, detail=detail)
            case Heard(device):
                self._change(device, last_heard=posted.at)
            case ReportFiled(device):
                view = self._views.get(device)
                self._change(device, reports=(view.reports if view else 0) + 1)
            case FrameRefused(device):
                view = self._views.get(device)
                self._change(device, refused=(view.refused if view else 0) + 1)
            case _:
                pass

    def view(self, device: str) -> LinkView:
        return self._views.get(device, LinkView())

    def _change(self, device: str, **values: object) -> None:
        if device in self._views:
            self._views[device] = replace(self._views[device], **values)  # type: ignore[arg-type]
