"""Reports holding whatever text a device, a bug or an attacker may send.

``FUZZ_EXAMPLES`` in the environment sets how many are tried (200 by default).
"""

from __future__ import annotations

import os
import re
from dataclasses import replace

import oru_samples as samples
from hypothesis import strategies as st

from gateway.messages import CodedElement, EntityIdentifier, Order
from gateway.report import (
    Absent,
    AbsentReason,
    Code,
    Coded,
    Comparator,
    Observation,
    Patient,
    PatientId,
    Problem,
    ProblemCode,
    Quantity,
    Range,
    Specimen,
    Status,
    Text,
    Titer,
    Unit,
    Value,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
NASTY = st.sampled_from(
    list("|^~&\\\r\n\x0b\x1c\x00\t\x7f\x85\u2028\u00e9\u00b5\U0001f642 .brXFSTRE0D")
)
TEXTS = st.one_of(
    st.text(NASTY, max_size=30),
    st.text(max_size=20),
    st.sampled_from(
        [
            "\rOBX|2|NM|x||1",
            "\x1c\r\x0bMSH|^~\\&|",
            "\\F\\",
            "\\.br\\",
            "\\X0D\\",
            "\\",
            "\\\\",
            "&X0D&",
            '""',
        ]
    ),
)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LINES = TEXTS.map(lambda text: _CONTROLS.sub("", text))
IDS = LINES.map(lambda text: text if text.strip() and text != '""' else f"x{text}")
NUMBERS = st.from_regex(r"\A[+-]?[0-9]{1,6}(\.[0-9]{1,9})?\Z")
OPTIONAL = st.none() | TEXTS
UNITS = st.none() | st.builds(Unit, TEXTS, st.none() | IDS)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.builds(Quantity, NUMBERS, st.none() | st.sampled_from(Comparator), UNITS),
    st.builds(Text, TEXTS),
    st.builds(Coded, IDS, TEXTS, st.sampled_from([None, "L", "LN", "SCT"])),
    st.builds(Titer, NUMBERS, NUMBERS),
    st.builds(Range, NUMBERS, NUMBERS, UNITS),
    st.builds(Absent, st.sampled_from(AbsentReason)),
)
OBSERVATIONS = st.builds(
    Observation,
    code=st.builds(Code, IDS, st.none() | st.just("6690-2"), OPTIONAL),
    value=VALUES,
    raw=TEXTS,
    flags=st.lists(TEXTS | st.sampled_from(["H", "L", "<", "A"]), max_size=3).map(tuple),
    range=OPTIONAL,
    status=st.sampled_from(Status),
    observed_at=st.sampled_from([None, samples.MEASURED]),
    operator=OPTIONAL,
    notes=st.lists(TEXTS, max_size=3).map(tuple),
)
PATIENTS = st.builds(
    Patient,
    st.lists(
        st.builds(PatientId, IDS, st.sampled_from(["P.3", "P.4"])), min_size=1, max_size=3
    ).map(tuple),
    OPTIONAL,
    st.sampled_from([None, "1980-01-31", "1980"]),
    st.sampled_from([None, "F", "U"]) | TEXTS,
)
REPORTS = st.builds(
    replace,
    st.just(samples.BASE),
    patient=PATIENTS,
    specimen=st.builds(Specimen, st.none() | IDS, OPTIONAL, OPTIONAL),
    observations=st.lists(OBSERVATIONS, min_size=1, max_size=4).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
    problems=st.sampled_from([(), (Problem(ProblemCode.PARTIAL_PANEL, "order", hold=False),)]),
)
ORDERS = st.none() | st.builds(
    Order,
    placer_number=st.builds(EntityIdentifier, IDS),
    procedure=st.builds(CodedElement, IDS, OPTIONAL),
    ordering_provider=st.lists(TEXTS, max_size=3).map(tuple),
)
