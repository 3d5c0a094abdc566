"""What the routes of the site work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.archive import Archive, Filed
from gateway.control import Ask
from gateway.store import Engine
from gateway.web.events import Bulletin
from gateway.web.metrics import Tally
from gateway.web.study_links import StudyLinks


@dataclass(frozen=True, slots=True)
class Parts:
    """``ask`` is the desk's; ``filed`` is called with what came in over DICOMweb.

    ``archive`` is None where the gateway has no imaging side."""

    ask: Ask
    bulletin: Bulletin
    tally: Tally
    archive: Archive | None
    engine: Engine
    filed: Callable[[Filed], None]
    links: StudyLinks
