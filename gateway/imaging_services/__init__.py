"""The services around images, put together from the configuration."""

from gateway.imaging_services.ordered import OrderedProcedures
from gateway.imaging_services.peers import tls_files
from gateway.imaging_services.services import (
    ImagingServices,
    Surroundings,
    imaging_services,
)

__all__ = ["ImagingServices", "OrderedProcedures", "Surroundings", "imaging_services", "tls_files"]
