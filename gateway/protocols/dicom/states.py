"""The upper layer's state machine, as PS3.8 9.2 prints it: (state, event) -> action.

Everything that changes an association's state is in this file.  One cell differs from table 9-10:
after the end (Sta13) input is thrown away unread, so what the standard answers there with a second
A-ABORT (AA-7) or an earlier close (AA-2 on A-ABORT) is ignored here (AA-6), and the closing timer
ends it.  A blank cell is our own mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.errors import LocalProtocolError


class State(IntEnum):
    """PS3.8 tables 9-1 to 9-5."""

    STA1 = 1  # idle
    STA2 = 2  # transport open, awaiting A-ASSOCIATE-RQ
    STA3 = 3  # awaiting our answer to the association request
    STA4 = 4  # awaiting the transport
    STA5 = 5  # awaiting A-ASSOCIATE-AC or -RJ
    STA6 = 6  # established
    STA7 = 7  # awaiting A-RELEASE-RP
    STA8 = 8  # awaiting our answer to the release request
    STA9 = 9  # collision, requestor: awaiting our answer
    STA10 = 10  # collision, acceptor: awaiting A-RELEASE-RP
    STA11 = 11  # collision, requestor: awaiting A-RELEASE-RP
    STA12 = 12  # collision, acceptor: awaiting our answer
    STA13 = 13  # awaiting the transport's end


class Stimulus(IntEnum):
    """The events of table 9-10, Evt1 to Evt19."""

    ASSOCIATE_REQUEST = 1
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC = 3
    ASSOCIATE_RJ = 4
    TRANSPORT_INDICATED = 5
    ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    DATA_REQUEST = 9
    P_DATA_TF = 10
    RELEASE_REQUEST = 11
    RELEASE_RQ = 12
    RELEASE_RP = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    ABORT = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU = 19


class Action(Enum):
    """PS3.8 tables 9-6 to 9-9; the value is the standard's name."""

    AE1 = "AE-1"  # connect the transport
    AE2 = "AE-2"  # send A-ASSOCIATE-RQ
    AE3 = "AE-3"  # tell the user: accepted
    AE4 = "AE-4"  # tell the user: rejected; close
    AE5 = "AE-5"  # start ARTIM
    AE6 = "AE-6"  # tell the user: association requested; or send A-ASSOCIATE-RJ
    AE7 = "AE-7"  # send A-ASSOCIATE-AC
    AE8 = "AE-8"  # send A-ASSOCIATE-RJ
    DT1 = "DT-1"  # send P-DATA-TF
    DT2 = "DT-2"  # give the data to the user
    AR1 = "AR-1"  # send A-RELEASE-RQ
    AR2 = "AR-2"  # tell the user: release requested
    AR3 = "AR-3"  # tell the user: released; close
    AR4 = "AR-4"  # send A-RELEASE-RP
    AR5 = "AR-5"  # nothing left to do
    AR6 = "AR-6"  # give the data to the user
    AR7 = "AR-7"  # send P-DATA-TF
    AR8 = "AR-8"  # release requests crossed
    AR9 = "AR-9"  # send A-RELEASE-RP
    AR10 = "AR-10"  # tell the user: release confirmed
    AA1 = "AA-1"  # send A-ABORT, source service user
    AA2 = "AA-2"  # close
    AA3 = "AA-3"  # tell the user: aborted; close
    AA4 = "AA-4"  # tell the user: connection lost
    AA5 = "AA-5"  # nothing left to do
    AA6 = "AA-6"  # ignore
    AA8 = "AA-8"  # send A-ABORT, source service provider


_TABLE: Final = """
Evt  Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
1    AE-1  -     -     -     -     -     -     -     -     -     -     -     -
2    -     -     -     AE-2  -     -     -     -     -     -     -     -     -
3    -     AA-1  AA-8  -     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
4    -     AA-1  AA-8  -     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
5    AE-5  -     -     -     -     -     -     -     -     -     -     -     -
6    -     AE-6  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
7    -     -     AE-7  -     -     -     -     -     -     -     -     -     -
8    -     -     AE-8  -     -     -     -     -     -     -     -     -     -
9    -     -     -     -     -     DT-1  -     AR-7  -     -     -     -     -
10   -     AA-1  AA-8  -     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
11   -     -     -     -     -     AR-1  -     -     -     -     -     -     -
12   -     AA-1  AA-8  -     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
13   -     AA-1  AA-8  -     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
14   -     -     -     -     -     -     -     AR-4  AR-9  -     -     AR-4  -
15   -     -     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  -
16   -     AA-2  AA-3  -     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-6
17   -     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
18   -     AA-2  -     -     -     -     -     -     -     -     -     -     AA-2
19   -     AA-1  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
"""


def _read_table(text: str) -> Mapping[tuple[State, Stimulus], Action]:
    table = {}
    for line in text.split("\n")[2:-1]:
        number, *cells = line.split()
        for state, cell in zip(State, cells, strict=True):
            if cell != "-":
                table[state, Stimulus(int(number))] = Action(cell)
    return MappingProxyType(table)


TABLE: Final = _read_table(_TABLE)

NEXT: Final[Mapping[Action, State]] = MappingProxyType(
    {
        Action.AE1: State.STA4,
        Action.AE2: State.STA5,
        Action.AE3: State.STA6,
        Action.AE4: State.STA1,
        Action.AE5: State.STA2,
        Action.AE6: State.STA3,
        Action.AE7: State.STA6,
        Action.AE8: State.STA13,
        Action.DT1: State.STA6,
        Action.DT2: State.STA6,
        Action.AR1: State.STA7,
        Action.AR2: State.STA8,
        Action.AR3: State.STA1,
        Action.AR4: State.STA13,
        Action.AR5: State.STA1,
        Action.AR6: State.STA7,
        Action.AR7: State.STA8,
        Action.AR8: State.STA9,
        Action.AR9: State.STA11,
        Action.AR10: State.STA12,
        Action.AA1: State.STA13,
        Action.AA2: State.STA1,
        Action.AA3: State.STA1,
        Action.AA4: State.STA1,
        Action.AA5: State.STA1,
        Action.AA6: State.STA13,
        Action.AA8: State.STA13,
    }
)

CLOSES_TRANSPORT: Final = frozenset({Action.AE4, Action.AR3, Action.AA2, Action.AA3})
REFUSES: Final = frozenset({Action.AA1, Action.AA8})
"""What the table says of input that may not come now."""


def step(state: State, stimulus: Stimulus, *, requestor: bool) -> tuple[Action, State]:
    """What to do and where it leads.  ``LocalProtocolError`` where the table is blank."""
    action = TABLE.get((state, stimulus))
    if action is None:
        raise LocalProtocolError(f"{stimulus.name} makes no sense in {state.name.title()}")
    if action is Action.AR8 and not requestor:
        return action, State.STA10
    return action, NEXT[action]
