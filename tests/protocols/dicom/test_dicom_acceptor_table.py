"""A proposal as GE units make it, raw bytes in, and a good acceptor's answer, raw bytes out.

Clips in whatever the unit has stored, retired classes too, a private class refused for its context
only unless the device's policy stores it, the unlimited window of operations answered 1/1.
"""

from __future__ import annotations

import pytest
from dicom_wire import wire

from gateway.protocols.dicom import (
    Association,
    AssociationRequested,
    Policy,
    Role,
    Service,
    Settings,
    State,
    negotiate,
)

FIVE_SYNTAXES = """
      40 00 0016 '1.2.840.10008.1.2.4.50'        #   JPEG baseline
      40 00 0013 '1.2.840.10008.1.2.1'           #   Explicit VR Little Endian
      40 00 0013 '1.2.840.10008.1.2.2'           #   Explicit VR Big Endian
      40 00 0011 '1.2.840.10008.1.2'             #   Implicit VR Little Endian
      40 00 0013 '1.2.840.10008.1.2.5'           #   RLE
"""
PROPOSAL = wire(f"""
    01 00 000002A9                               # A-ASSOCIATE-RQ, 681 bytes
    0001 0000
    'GATEWAY         ' 'VOLUSON         '
    52455345525645442052455345525645 44205245534552564544205245534552  # reserved, not zero
    10 00 0015 '1.2.840.10008.3.1.1.1'
    20 00 0097 01 000000                         # A: US multi-frame
      30 00 001B '1.2.840.10008.5.1.4.1.1.3.1'
      {FIVE_SYNTAXES}
    20 00 003D 03 000000                         # B: US multi-frame, JPEG only
      30 00 001B '1.2.840.10008.5.1.4.1.1.3.1'
      40 00 0016 '1.2.840.10008.1.2.4.50'
    20 00 0095 05 000000                         # C: the retired US multi-frame
      30 00 0019 '1.2.840.10008.5.1.4.1.1.3'
      {FIVE_SYNTAXES}
    20 00 0032 07 000000                         # D: a private class of Philips
      30 00 0015 '1.3.46.670589.2.5.1.1'
      40 00 0011 '1.2.840.10008.1.2'
    20 00 003E 09 000000                         # E: US multi-frame, HTJ2K only
      30 00 001B '1.2.840.10008.5.1.4.1.1.3.1'
      40 00 0017 '1.2.840.10008.1.2.4.203'
    20 00 003E 0B 000000                         # F: US multi-frame, H.264 only
      30 00 001B '1.2.840.10008.5.1.4.1.1.3.1'
      40 00 0017 '1.2.840.10008.1.2.4.102'
    50 00 0019
      51 00 0004 00008000                        #   maximum length 32768
      52 00 0005 '1.2.3'
      53 00 0004 0000 0000                       #   operations: unlimited both ways
""")


def answer(context_d: str) -> bytes:
    return wire(f"""
    02 00 0000014F                               # A-ASSOCIATE-AC, 335 bytes
    0001 0000
    'GATEWAY         ' 'VOLUSON         '
    52455345525645442052455345525645 44205245534552564544205245534552  # as it came
    10 00 0015 '1.2.840.10008.3.1.1.1'
    21 00 001E 01 00 00 00  40 00 0016 '1.2.840.10008.1.2.4.50'     # A: JPEG
    21 00 001E 03 00 00 00  40 00 0016 '1.2.840.10008.1.2.4.50'     # B: JPEG
    21 00 001E 05 00 00 00  40 00 0016 '1.2.840.10008.1.2.4.50'     # C: JPEG
    21 00 0019 07 00 {context_d} 00  40 00 0011 '1.2.840.10008.1.2' # D
    21 00 001F 09 00 00 00  40 00 0017 '1.2.840.10008.1.2.4.203'    # E: HTJ2K
    21 00 001F 0B 00 00 00  40 00 0017 '1.2.840.10008.1.2.4.102'    # F: H.264
    50 00 0025
      51 00 0004 00020000                        #   maximum length 131072
      52 00 0006 '2.25.1'
      53 00 0004 0001 0001                       #   operations: one at a time
      55 00 0007 'GATEWAY'
    """)


ADVICE = "; could be stored as it comes, if this device's policy lists it"
SETTINGS = Settings(implementation_class_uid="2.25.1", implementation_version="GATEWAY")
PLAIN = Policy.offering(Service)


@pytest.mark.parametrize(
    ("policy", "context_d"),
    [
        pytest.param(PLAIN, "03", id="unknown class refused for its context"),
        pytest.param(PLAIN.with_opaque(["1.3.46.670589.2.5.1.1"]), "00", id="stored opaque"),
        pytest.param(PLAIN.with_opaque(["1.3.46.670589."]), "00", id="opaque by prefix"),
        pytest.param(PLAIN.with_opaque(["1.3.46.67058"]), "03", id="no prefix without a point"),
    ],
)
def test_answer_is_byte_exact(policy: Policy, context_d: str) -> None:
    association = Association(Role.ACCEPTOR, SETTINGS)
    association.receive_data(PROPOSAL)
    event = association.next_event()
    assert isinstance(event, AssociationRequested)
    assert association.accept(negotiate(event.request, policy)) == answer(context_d)
    assert association.state is State.STA6
    assert association.max_send_length == 32768


def test_each_line_says_why() -> None:
    association = Association(Role.ACCEPTOR, SETTINGS)
    association.receive_data(PROPOSAL)
    event = association.next_event()
    assert isinstance(event, AssociationRequested)
    five = "JPEG Baseline, Explicit LE, Explicit BE, Implicit LE, RLE"
    assert negotiate(event.request, PLAIN).explain() == (
        f"ctx 1 US Multi-frame: accepted as JPEG Baseline (offered {five})",
        "ctx 3 US Multi-frame: accepted as JPEG Baseline (offered JPEG Baseline)",
        f"ctx 5 US Multi-frame (retired): accepted as JPEG Baseline (offered {five})",
        "ctx 7 1.3.46.670589.2.5.1.1: refused, class not supported (offered Implicit LE)" + ADVICE,
        "ctx 9 US Multi-frame: accepted as HTJ2K (offered HTJ2K)",
        "ctx 11 US Multi-frame: accepted as H.264 4.1 (offered H.264 4.1)",
    )
