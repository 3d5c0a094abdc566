"""A commitment asked for in vain is asked for again, and its answer counts all the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from services_site import now, site
from stills import still

from gateway.imaging.commitment import Reference, Report, Request
from gateway.imaging.forwarding import Forwardings, ForwardState

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


async def test_what_was_asked_in_vain_is_asked_again_and_answered_once(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        forwardings = Forwardings(clinic.store.engine)
        references = tuple(Reference(ULTRASOUND, still(n).uid) for n in (1, 2))
        for number in (1, 2):
            await clinic.keep(still(number).data_set, still(number).uid)
            await forwardings.sent("pacs", number, "1.2.840.10008.1.2.1", None)
        first, second = Request("2.25.1", references[:1]), Request("2.25.2", references[1:])
        long_ago = now() - timedelta(hours=1)
        for request in (first, second):
            await forwardings.asked("pacs", request)
        assert await forwardings.uncommitted("pacs", long_ago) == ()
        await forwardings.unasked(first)
        assert await forwardings.uncommitted("pacs", long_ago) == references[:1]
        told = await forwardings.answered(Report("2.25.1", references[:1], ()))
        assert told == frozenset({"pacs"})
        (one,) = await forwardings.of(still(1).uid)
        (other,) = await forwardings.of(still(2).uid)
        assert (one.state, other.state) == (ForwardState.COMMITTED, ForwardState.ASKED)
        await forwardings.unasked(first)
        assert await forwardings.uncommitted("pacs", long_ago) == ()
