"""Pages' and programs' way in: the HTTP API, metrics, live events and DICOMweb.

Served by uvicorn in the gateway's own process and event loop.  Nothing but the health check, the
page of a study to whoever holds its link (and, from this machine, the metrics) is answered without
the token.
"""

from gateway.web.server import Site, serving, site_of, study_links

__all__ = ["Site", "serving", "site_of", "study_links"]
