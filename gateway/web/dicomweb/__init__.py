"""DICOMweb (PS3.18): QIDO-RS, WADO-RS and STOW-RS over the image archive."""

from fastapi import APIRouter

from gateway.archive import Archive


def routes(archive: Archive) -> APIRouter:
    return APIRouter()
