"""Requests that were read and decided before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.protocols.dicom import (
    Association,
    AssociationRequested,
    Policy,
    Role,
    Service,
    Settings,
    UserIdentity,
    negotiate,
    propose,
)
from gateway.protocols.dicom.associate import AssociateRQ
from gateway.protocols.dicom.establishing import agree
from gateway.protocols.dicom.familiar import KEPT, LONGEST, Familiar
from gateway.protocols.dicom.framing import PduType
from gateway.protocols.dicom.sop_classes import STORAGE_UIDS, VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE
from gateway.protocols.errors import LocalProtocolError

STORES = Policy.offering({Service.STORAGE, Service.VERIFICATION})
ECHOES = Policy.offering({Service.VERIFICATION})
SETTINGS = Settings()


def request(calling: str = "VOLUSON", classes: int = 3, times: int = 1) -> AssociateRQ:
    syntaxes = [EXPLICIT_LE, IMPLICIT_LE] * times
    contexts = [(uid, syntaxes) for uid in sorted(STORAGE_UIDS)[:classes]]
    return propose("GATEWAY", calling, [*contexts, (VERIFICATION, [IMPLICIT_LE])])


def body(asked: AssociateRQ) -> bytes:
    return asked.encode()[6:]


def read(familiar: Familiar, asked: AssociateRQ) -> AssociateRQ:
    found = familiar.read(PduType.ASSOCIATE_RQ, body(asked))
    assert isinstance(found, AssociateRQ)
    return found


def test_the_same_bytes_are_read_and_decided_once() -> None:
    familiar = Familiar(SETTINGS)
    first = read(familiar, request())
    assert first == AssociateRQ.decode(body(request()))
    assert read(familiar, request()) is first
    agreement = familiar.agreement(first, STORES)
    assert agreement == agree(first, negotiate(first, STORES), SETTINGS)
    assert familiar.agreement(first, STORES) is agreement


def test_another_policy_is_another_decision() -> None:
    familiar = Familiar(SETTINGS)
    asked = read(familiar, request())
    assert len(familiar.agreement(asked, STORES).contexts) == 4
    assert len(familiar.agreement(asked, ECHOES).contexts) == 1
    assert len(familiar.agreement(asked, STORES).contexts) == 4


def test_nothing_is_kept_with_credentials_or_beyond_the_bounds() -> None:
    familiar = Familiar(SETTINGS)
    asked = request()
    user = replace(asked.user, identity=UserIdentity(2, False, b"sono", b"secret"))
    long = request(classes=60, times=30)
    assert len(body(long)) > LONGEST
    for strange in (replace(asked, user=user), long):
        first = read(familiar, strange)
        again = read(familiar, strange)
        assert again == first
        assert again is not first
        familiar.agreement(first, STORES)
    assert not familiar._requests
    assert not familiar._agreements
    for number in range(3 * KEPT):
        one = read(familiar, request(f"UNIT{number}", classes=1))
        assert familiar.agreement(one, STORES).request is one
    assert len(familiar._requests) <= KEPT
    assert len(familiar._agreements) <= KEPT


def test_an_agreement_is_on_one_request() -> None:
    familiar = Familiar(SETTINGS)
    other = familiar.agreement(read(familiar, request("OTHER")), STORES)
    association = Association(Role.ACCEPTOR, SETTINGS, familiar.read)
    association.receive_data(request().encode())
    event = association.next_event()
    assert isinstance(event, AssociationRequested)
    with pytest.raises(LocalProtocolError, match="not on this request"):
        association.accept(other)
    agreement = familiar.agreement(event.request, STORES)
    assert association.accept(agreement) == agreement.answer
    assert association.contexts == agreement.contexts
