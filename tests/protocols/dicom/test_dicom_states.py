"""The state table against an independent transcription of PS3.8 table 9-10."""

from __future__ import annotations

import pytest
from pynetdicom.fsm import ACTIONS, TRANSITION_TABLE

from gateway.protocols.dicom.states import NEXT, TABLE, Action, State, Stimulus, step
from gateway.protocols.errors import LocalProtocolError

THEIRS = {
    (State(int(state[3:])), Stimulus(int(event[3:]))): action
    for (event, state), action in TRANSITION_TABLE.items()
}


def test_every_cell_but_those_after_the_end_is_the_standards() -> None:
    ours = {cell: action.value for cell, action in TABLE.items()}
    assert set(ours) == set(THEIRS)
    different = {cell: (ours[cell], THEIRS[cell]) for cell in ours if ours[cell] != THEIRS[cell]}
    assert different == {
        (State.STA13, Stimulus.ASSOCIATE_RQ): ("AA-6", "AA-7"),
        (State.STA13, Stimulus.ABORT): ("AA-6", "AA-2"),
        (State.STA13, Stimulus.INVALID_PDU): ("AA-6", "AA-7"),
    }


def test_every_action_leads_where_the_standard_says() -> None:
    for action, after in NEXT.items():
        theirs = ACTIONS[action.value][2]
        allowed = (theirs,) if isinstance(theirs, str) else theirs
        assert after.name.title() in allowed, action


@pytest.mark.parametrize(("requestor", "after"), [(True, State.STA9), (False, State.STA10)])
def test_crossing_releases_part_by_role(requestor: bool, after: State) -> None:
    assert step(State.STA7, Stimulus.RELEASE_RQ, requestor=requestor) == (Action.AR8, after)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("stimulus", Stimulus)
def test_a_blank_cell_is_our_own_mistake(state: State, stimulus: Stimulus) -> None:
    if (state, stimulus) in TABLE:
        action, _ = step(state, stimulus, requestor=True)
        assert action is TABLE[state, stimulus]
    else:
        with pytest.raises(LocalProtocolError):
            step(state, stimulus, requestor=True)


@pytest.mark.parametrize("state", [s for s in State if s not in (State.STA1, State.STA4)])
def test_whatever_a_peer_does_has_a_cell(state: State) -> None:
    from_outside = {
        Stimulus.ASSOCIATE_AC,
        Stimulus.ASSOCIATE_RJ,
        Stimulus.ASSOCIATE_RQ,
        Stimulus.P_DATA_TF,
        Stimulus.RELEASE_RQ,
        Stimulus.RELEASE_RP,
        Stimulus.ABORT,
        Stimulus.TRANSPORT_CLOSED,
        Stimulus.INVALID_PDU,
    }
    assert all((state, stimulus) in TABLE for stimulus in from_outside)
