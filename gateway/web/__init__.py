"""Pages' and programs' way in: the HTTP API, metrics, live events and DICOMweb.

Served by uvicorn in the gateway's own process and event loop.  Nothing but the health check (and,
from this machine, the metrics) is answered without the token.
"""

from gateway.web.server import Site, serving, site_of

__all__ = ["Site", "serving", "site_of"]
