"""Tables that analyzers export as files: CSV, XLSX and XML as rows of text, read with limits.

``read`` turns the bytes of one file into ``Grid`` values; what a column means is the profile's.
"""

from gateway.protocols.tables.delimited import write_delimited
from gateway.protocols.tables.grid import (
    XML,
    Content,
    Grid,
    TooLarge,
    Unreadable,
    content_of,
    looks_whole,
)
from gateway.protocols.tables.reading import read

__all__ = [
    "XML",
    "Content",
    "Grid",
    "TooLarge",
    "Unreadable",
    "content_of",
    "looks_whole",
    "read",
    "write_delimited",
]
