"""An unknown device on its first day: everything it sends is kept, nothing is read or delivered.

Only an enquiry is acknowledged, which makes a device show its first frame and lets it keep its
results: that frame is never acknowledged.  Each recording waits among the held items with a guess
of what it is; once the right profile stands in the configuration, ``gateway replay`` reads it.
"""

from gateway.profiles.link import Link, Protocol
from gateway.profiles.schema import AnalyzerProfile, Evidence, QcUnknown, Where

PROFILE = AnalyzerProfile(
    name="capture-only",
    vendor="",
    model="",
    link=Link(Protocol.RECORDING, "tcp-listen"),
    evidence=Evidence.SPEC,
    source=("no document: it says only what was sent",),
    where=Where(code=("recording",), value="recording"),
    qc=QcUnknown("nothing is read, so nothing is taken for a patient's result"),
    setup="Let the device send one result whose printout you have; 'gateway held list' says more.",
)
