"""Our DICOM node and its archive (``[dicom]``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from gateway.config.sections.section import AeTitle, Endpoint, Section, Switch
from gateway.config.settings import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomSection(Section):
    ae_title: AeTitle = "GATEWAY"
    listen: Endpoint = "127.0.0.1:11112"
    associations: Annotated[int, Setting("at once", ge=1, le=1024)] = 128
    idle_minutes: Annotated[float, Setting(gt=0, le=52_596_000)] = 15
    unknown_callers: Literal["refuse", "echo-only"] = "echo-only"
    duplicate_conflict: Annotated[
        Literal["accept", "refuse"],
        Setting("status answered when a known SOP Instance UID brings other bytes"),
    ] = "refuse"
    four_eyes: Annotated[
        Switch, Setting("linking, unlinking and moving a study takes two people")
    ] = False
    worklist: Annotated[Path | None, Setting("TOML or JSON file of scheduled procedures")] = None
    archive_dir: Annotated[Path | None, Setting("images; default DATA_DIR/archive")] = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    keep_days: Annotated[
        float | None,
        Setting(
            "then image files that a PACS has committed to are removed; default: never",
            gt=0,
            le=36_525,
        ),
    ] = None
    sweep_days: Annotated[
        float,
        Setting(
            "every image is read and compared with its hash so often; 0: never", ge=0, le=36_525
        ),
    ] = 30
    sweep_megabytes: Annotated[
        float, Setting("read in a second, while sweeping", gt=0, le=100_000)
    ] = 20
