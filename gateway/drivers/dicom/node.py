"""The DICOM node: listens, decides who may do what, and keeps every association's bounds.

A caller is known by AE title and address together.  The called AE title is not checked, since
many units keep the one they came with, but it is told.  At most ``limit`` associations at once,
``STRANGERS`` of them with callers in no section; further ones are told to come back.  Of too many
connections the oldest that has not associated gives way: silence keeps no unit out.  How a
negotiation went is logged when it is news: the same unit proposing the same again, image after
image, is not.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from gateway import logs
from gateway.drivers.dicom.callers import Callers
from gateway.drivers.dicom.line import Line
from gateway.drivers.dicom.routing import Routing
from gateway.notices import Heard, LinkChanged, LinkState, Notice, StrangerCalled
from gateway.protocols.dicom import (
    CALLING_AE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    Association,
    AssociationAccepted,
    AssociationRejected,
    AssociationRequested,
    Policy,
    Role,
    Settings,
)
from gateway.protocols.dicom.establishing import Agreement
from gateway.protocols.dicom.familiar import Familiar

HANDSHAKE = 15.0
STRANGERS = 16
_BACKLOG = 256
_SPARE = 64  # connections beyond the associations, to tell their callers that it is full
_NEWS = 256


class Node:
    """Open with ``start``; ``aclose`` ends every association and waits for what is being filed."""

    def __init__(
        self,
        routing: Routing,
        callers: Callers,
        *,
        settings: Settings,
        limit: int = 128,
        post: Callable[[Notice], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.callers = callers
        self.lines: dict[Line, None] = {}  # the oldest first
        self.established = 0
        self._strangers = 0  # of those
        self._routing = routing
        self._settings = settings
        self._familiar = Familiar(settings)
        self._limit = limit
        self._post = post
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._filing: set[Line] = set()  # their senders are gone
        self._told: dict[str, int] = {}

    async def start(self, host: str, port: int) -> int:
        """Listens; the port.  OSError when it cannot."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._line,
            host,
            port,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE if self._tls else None,
            backlog=_BACKLOG,
            start_serving=False,  # it can be closed from here on, come what may
        )
        await self._server.start_serving()
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """Takes nothing more; what is complete is still filed."""
        if self._server is not None:
            self._server.close()
        lines = tuple(self.lines)
        for line in lines:
            line.abort()
        for line in (*lines, *self._filing):
            await line.finished()

    def _line(self) -> Line:
        association = Association(Role.ACCEPTOR, self._settings, self._familiar.read)
        return Line(association, self._routing, self)

    def opened(self, line: Line) -> None:
        self.lines[line] = None
        if len(self.lines) > self._limit + _SPARE:
            others = (one for one in self.lines if not one.admitted and one is not line)
            next(others, line).abort()

    def establishing(
        self,
        line: Line,
        event: AssociationRequested | AssociationAccepted | AssociationRejected,
    ) -> None:
        if not isinstance(event, AssociationRequested):
            return
        request = event.request
        line.caller = caller = self.callers.identify(request.calling, request.called, line.host)
        policy = self.callers.policy(caller)
        if policy is None:
            self._strange(line)
            line.put(line.association.reject(CALLING_AE_NOT_RECOGNIZED))
        elif self._full(line):
            line.put(line.association.reject(LOCAL_LIMIT_EXCEEDED))
        else:
            self._accept(line, event, policy)

    def ended(self, line: Line, reason: str) -> None:
        self.lines.pop(line, None)
        self._filing = {earlier for earlier in self._filing if earlier.busy}
        if line.busy:
            self._filing.add(line)
        if not line.admitted:
            return
        self.established -= 1
        self._strangers -= line.caller.device is None
        if reason:
            logs.get().info(
                "dicom.ended", device=line.caller.device, peer=str(line.caller), reason=reason
            )

    def _full(self, line: Line) -> bool:
        if line.caller.device is None and self._strangers >= STRANGERS:
            return True
        return self.established >= self._limit

    def _accept(self, line: Line, event: AssociationRequested, policy: Policy) -> None:
        agreement = self._familiar.agreement(event.request, policy)
        line.put(line.association.accept(agreement))
        line.admitted = True
        self.established += 1
        device = line.caller.device
        self._strangers += device is None
        if device is None:
            self._strange(line)
        else:
            self._post(Heard(device))
            self._explain(line, device, agreement)

    def _strange(self, line: Line) -> None:
        caller = line.caller
        if self.callers.is_new(caller):
            self._post(StrangerCalled(str(caller), f"calls {caller.calls}; in no section"))

    def _explain(self, line: Line, device: str, agreement: Agreement) -> None:
        lines = agreement.explanation
        news, who = hash(lines), str(line.caller)
        if self._told.get(who) == news:
            return
        if len(self._told) >= _NEWS:
            self._told.clear()
        self._told[who] = news
        accepted = len(agreement.negotiation.accepted)
        detail = f"{who} calls {line.caller.calls}: {accepted} of {len(lines)} contexts"
        self._post(LinkChanged(device, LinkState.UP, detail))
        for text in lines:
            logs.get().info("dicom.context", device=device, peer=who, detail=text)
