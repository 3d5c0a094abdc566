"""Storage SCU: sends archived instances to one peer, on one association as long as it lasts.

For every pair of class and stored syntax a context of its own, beside it one with the plain
syntaxes: an instance goes as it was stored when the peer takes that, else in Explicit VR Little
Endian, at last in Implicit.  ``Unreachable``: nothing was sent.  ``Ambiguous``: it was, and no
answer came; a peer that calls the next try a duplicate has it.
``Refused``: the peer said no, or nothing it takes can be made of the instance.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from gateway.archive import Instance
from gateway.drivers.dicom.client import Remote, associate
from gateway.drivers.dicom.routing import Routing
from gateway.drivers.dicom.service import AssociationOver, AssociationRefused, Dialogue, Payload
from gateway.drivers.dicom.services.proposing import Pair, choose, pair_of, proposals
from gateway.drivers.dicom.services.transcoder import Transcoder
from gateway.errors import Ambiguous, Refused, Unreachable
from gateway.imaging import datasets
from gateway.imaging.commitment import REQUEST_COMMITMENT, Request, write_request
from gateway.protocols.dicom import (
    STORAGE_COMMITMENT_INSTANCE,
    Category,
    Context,
    CStoreRQ,
    NActionRQ,
    Settings,
    Status,
    Timers,
    category,
    meaning,
)
from gateway.protocols.dicom.sop_classes import STORAGE_COMMITMENT
from gateway.protocols.errors import LocalProtocolError

PAIRS: Final = 60
_ANSWER: Final = 300.0
SETTINGS: Final = Settings(timers=Timers(reply=_ANSWER))
_NO_ROOM: Final = 0xA700


@dataclass(frozen=True, slots=True)
class Originator:
    """The C-MOVE that wants it."""

    ae_title: str
    message_id: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The peer has it: its status (a warning at most, or that it had it from a try before), the
    syntax it went in, and the identity correction it went under, if any."""

    status: int
    transfer_syntax: str
    correction: int | None


class StorageUser:
    """One peer.  One call at a time."""

    def __init__(
        self,
        remote: Remote,
        calling: str,
        transcoder: Transcoder,
        *,
        routing: Routing | None = None,
        commitment: bool = False,
    ) -> None:
        self._remote = remote
        self._calling = calling
        self._transcoder = transcoder
        self._routing = routing
        self._commitment = commitment
        self._pairs: OrderedDict[Pair, None] = OrderedDict()
        self._proposed: frozenset[Pair] = frozenset()
        self._stack: AsyncExitStack | None = None
        self._dialogue: Dialogue | None = None
        self._unanswered: tuple[str, int | None] | None = None

    def foresee(self, pairs: Iterable[Pair]) -> None:
        """What will be sent: proposed with the next association."""
        for pair in pairs:
            self._pairs[pair] = None
            self._pairs.move_to_end(pair)
        while len(self._pairs) > PAIRS:
            self._pairs.popitem(last=False)

    async def open(self) -> None:
        """An association, if there is none.  ``Unreachable``."""
        if self._dialogue is not None and not self._dialogue.over:
            return
        await self.release()
        await self._associate()

    async def release(self) -> None:
        """Ends the association, in order if it still stands."""
        stack, self._stack, self._dialogue = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def store(self, instance: Instance, originator: Originator | None = None) -> Stored:
        """Sends one instance and waits for the answer."""
        await self._prepared(pair_of(instance))
        context = self._context(instance)
        prepared = await self._transcoder.prepared(instance, context.transfer_syntax)
        request = self._request(instance, originator)
        sent = instance.uid, prepared.correction
        before, self._unanswered = self._unanswered, None
        try:
            status = await self._asked(context, request, prepared.payload)
        except Ambiguous:
            self._unanswered = sent
            raise
        if not (status == Status.DUPLICATE_SOP_INSTANCE and before == sent):
            _check(status)
        return Stored(status, context.transfer_syntax, prepared.correction)

    def _request(self, instance: Instance, originator: Originator | None) -> CStoreRQ:
        return CStoreRQ(
            message_id=self._established().next_message_id(),
            affected_sop_class_uid=instance.sop_class,
            affected_sop_instance_uid=instance.uid,
            move_originator_ae_title=originator.ae_title if originator else None,
            move_originator_message_id=originator.message_id if originator else None,
        )

    async def request_commitment(self, request: Request) -> None:
        """N-ACTION; the report comes later, on this association or on one of the peer's."""
        await self.open()
        contexts = self._established().contexts_of(STORAGE_COMMITMENT)
        if not contexts:
            raise Refused("it does not take storage commitment requests")
        await datasets.ready()
        content = datasets.write(write_request(request), contexts[0].transfer_syntax)
        message = NActionRQ(
            message_id=self._established().next_message_id(),
            requested_sop_class_uid=STORAGE_COMMITMENT,
            requested_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
            action_type_id=REQUEST_COMMITMENT,
        )
        _check(await self._asked(contexts[0], message, content))

    async def _prepared(self, pair: Pair) -> None:
        """An association on which this pair was proposed."""
        self.foresee([pair])
        if self._dialogue is not None and pair not in self._proposed:
            await self.release()
        await self.open()

    async def _associate(self) -> None:
        proposed = frozenset(self._pairs)
        stack = AsyncExitStack()
        try:
            called = await stack.enter_async_context(
                associate(
                    self._remote,
                    self._calling,
                    self._contexts(),
                    routing=self._routing,
                    settings=SETTINGS,
                )
            )
        except AssociationRefused as error:
            if error.negotiation is None:
                raise Unreachable(error.reason) from None
            if proposed:
                raise Refused("it takes none of the classes that are to be sent") from None
            return  # it is there; what it takes shows when there is something to send
        self._stack, self._dialogue, self._proposed = stack, called.dialogue, proposed

    def _contexts(self) -> Sequence[tuple[str, Sequence[str]]]:
        return proposals(self._pairs, commitment=self._commitment)

    def _context(self, instance: Instance) -> Context:
        contexts = [c for c in self._established().contexts_of(instance.sop_class) if c.scu]
        return choose(contexts, instance)

    async def _asked(
        self, context: Context, request: CStoreRQ | NActionRQ, content: Payload | bytes
    ) -> int:
        dialogue = self._established()
        try:
            return (await dialogue.ask(context, request, content, patience=_ANSWER)).message.status
        except (AssociationOver, TimeoutError):
            await self._abandon()
            raise Ambiguous("the association ended before the answer") from None
        except OSError as error:
            await self._abandon()
            raise Refused(f"the stored file cannot be read ({error.strerror})") from None
        except LocalProtocolError as error:  # it changed while it was read
            await self._abandon()
            raise Refused(f"the stored file cannot be sent ({error})") from None
        except asyncio.CancelledError:
            await self._abandon()
            raise

    async def _abandon(self) -> None:
        """Aborts: what was half said must not be taken for something else."""
        stack, self._stack, self._dialogue = self._stack, None, None
        if stack is not None:
            await stack.__aexit__(AssociationOver, AssociationOver("abandoned"), None)

    def _established(self) -> Dialogue:
        if self._dialogue is None:
            raise Unreachable("there is no association")
        return self._dialogue


def _check(status: int) -> None:
    if category(status) in (Category.SUCCESS, Category.WARNING):
        return
    if status & 0xFF00 == _NO_ROOM or status == Status.RESOURCE_LIMITATION:
        raise Unreachable(f"it has no room ({meaning(status)})")
    if status == Status.NOT_AUTHORIZED:
        raise Refused(meaning(status), stop=True)
    raise Refused(meaning(status), again=status == Status.PROCESSING_FAILURE)
