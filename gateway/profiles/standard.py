"""Where LIS02-A2 puts things.

A profile says with ``dataclasses.replace`` where its device differs.  Whose a result is
(``specimen``, ``patient``) every profile states itself.
"""

from __future__ import annotations

from typing import Final

from gateway.profiles.schema import Where

LIS02: Final = Where(
    code=("R.3.4",),
    value="R.4",
    unit="R.5.1",
    range="R.6.1",
    flags=("R.7",),
    status=("R.9.1",),
    operator="R.11.1",
    observed=("R.13.1", "R.12.1"),
    processing="H.12.1",
    sent="H.14.1",
)
