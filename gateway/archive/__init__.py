"""The image archive: one Part 10 file an instance, and their index in the store.

An instance is received into a part file, synced, moved to its place and filed in the index; only
then may its sender be told so.  Bytes are kept as they came; what they say about patient, study
and procedure is read from the head of the data set and never from the pixels.
"""

from gateway.archive.archive import Archive
from gateway.archive.elements import Unreadable
from gateway.archive.filing import Filed, Verdict
from gateway.archive.header import Header, scan
from gateway.archive.index import Index
from gateway.archive.news import StudyNews
from gateway.archive.reception import Arrived, Offered, Reception
from gateway.archive.rows import Instance, Quarantined, Series, Study

__all__ = [
    "Archive",
    "Arrived",
    "Filed",
    "Header",
    "Index",
    "Instance",
    "Offered",
    "Quarantined",
    "Reception",
    "Series",
    "Study",
    "StudyNews",
    "Unreadable",
    "Verdict",
    "scan",
]
