"""What is true of the whole site (``[gateway]``), and where people look at it (``[http]``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from gateway.config.sections.section import Endpoint, Name, Section
from gateway.config.settings import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySection(Section):
    """What is true of the whole site."""

    site: Annotated[Name, Setting("name of the site, in topics and messages: [a-z0-9-]")]
    timezone: Annotated[str, Setting("IANA zone of the devices' clocks, e.g. Europe/Berlin")]
    data_dir: Annotated[Path, Setting("folder of the store; made when absent")]
    application: Annotated[str, Setting("MSH-3 of every message sent")] = "GATEWAY"
    processing: Annotated[
        Literal["P", "T", "D"], Setting("MSH-11: production, training, debug")
    ] = "P"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSection(Section):
    listen: Annotated[Endpoint, Setting("HOST:PORT of API and DICOMweb")] = "127.0.0.1:8080"
    token_file: Annotated[
        Path | None,
        Setting("file holding the access token; default DATA_DIR/http.token, made once"),
    ] = None
    certificate_file: Annotated[
        Path | None, Setting("PEM; needed when listen can be reached from other machines")
    ] = None
    key_file: Path | None = None
    address: Annotated[
        str,
        Setting(
            "what others call it by in links, http(s)://...; default: listen",
            pattern=r"^(https?://[A-Za-z0-9.:_\[\]-]+(/[A-Za-z0-9._~/-]*)?)?$",
        ),
    ] = ""
    page_days: Annotated[int, Setting("how long a link to a study's page lasts", ge=1, le=3650)] = (
        30
    )
