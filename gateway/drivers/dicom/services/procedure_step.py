"""Modality Performed Procedure Step SCP (PS3.4 annex F): N-CREATE and N-SET.

Answered when the message is on disk.  Nothing is expected of the order of steps and images: a step
may end before its images come, or be told of after them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from gateway.drivers.dicom.exchange import refusal
from gateway.drivers.dicom.service import Caller, Exchange
from gateway.errors import StoreError
from gateway.imaging import datasets
from gateway.imaging.procedure_step import REFUSALS, Content, Effect, Verdict, content_of
from gateway.imaging.procedure_steps import Kept, ProcedureSteps, Sender
from gateway.protocols.dicom import (
    AnyRequest,
    NCreateRQ,
    NCreateRSP,
    NSetRQ,
    NSetRSP,
    Service,
    Status,
    is_valid_uid,
)

if TYPE_CHECKING:
    from pydicom import Dataset

Response = TypeVar("Response", NCreateRSP, NSetRSP)
_Verb = Callable[[str, Content, Sender, Kept], Awaitable[Verdict]]


class PerformedProcedureStep:
    """A provider.  ``changed`` is told the step's UID and what happened; ``make_uid`` makes one
    where the modality leaves that to us."""

    services = frozenset({Service.PROCEDURE_STEP})
    statuses = (
        Status.SUCCESS,
        Status.INVALID_ATTRIBUTE_VALUE,
        Status.INVALID_SOP_INSTANCE,
        Status.RESOURCE_LIMITATION,
        Status.UNRECOGNIZED_OPERATION,
        *REFUSALS,
    )
    data_set_limit = 4 * 1024 * 1024

    def __init__(
        self,
        steps: ProcedureSteps,
        *,
        make_uid: Callable[[], str],
        changed: Callable[[str, Effect], None],
    ) -> None:
        self._steps = steps
        self._make_uid = make_uid
        self._changed = changed

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        match request:
            case NCreateRQ():
                uid = request.affected_sop_instance_uid or self._make_uid()
                verdict = await self._verdict(exchange, uid, data_set, self._steps.create)
                created = request.response(verdict.status, instance_uid=uid)
                await exchange.respond(_explained(created, verdict))
            case NSetRQ():
                uid = request.requested_sop_instance_uid
                verdict = await self._verdict(exchange, uid, data_set, self._steps.change)
                await exchange.respond(_explained(request.response(verdict.status), verdict))
            case _:
                await exchange.respond(refusal(request, Status.UNRECOGNIZED_OPERATION))

    def _kept(self, uid: str, verdict: Verdict) -> None:
        """Also of a sender that hung up; its repeat would change nothing any more."""
        if verdict.effect not in (Effect.REFUSED, Effect.REPEATED):
            self._changed(uid, verdict.effect)

    async def _verdict(
        self, exchange: Exchange, uid: str, data_set: bytes | None, verb: _Verb
    ) -> Verdict:
        if not is_valid_uid(uid):
            return Verdict(Effect.REFUSED, Status.INVALID_SOP_INSTANCE, comment="no UID")
        await datasets.ready()
        try:
            read = datasets.read(data_set or b"", exchange.context.transfer_syntax)
            kept = partial(self._kept, uid)
            return await verb(uid, _content(read), _sender(exchange.caller), kept)
        except datasets.Unreadable as error:
            return Verdict(Effect.REFUSED, Status.INVALID_ATTRIBUTE_VALUE, comment=str(error))
        except StoreError:
            return Verdict(Effect.REFUSED, Status.RESOURCE_LIMITATION, comment="cannot be stored")


def _content(data_set: Dataset) -> Content:
    try:
        return content_of(data_set)
    except (ValueError, TypeError, AttributeError) as error:
        what = type(error).__name__
        raise datasets.Unreadable(f"a value is none of its kind ({what})") from None


def _sender(caller: Caller) -> Sender:
    return Sender(caller.device, caller.ae_title, caller.host)


def _explained(response: Response, verdict: Verdict) -> Response:
    comment = verdict.comment[:64] or None
    return replace(response, error_comment=comment, error_id=verdict.error_id)
