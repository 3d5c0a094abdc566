"""What requests carry: pages of lists, and a decision of somebody who says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

Limit = Annotated[int, Query(ge=1, le=1000)]
User = Annotated[str | None, Query(min_length=1, max_length=100)]
Before = Annotated[int | None, Query(ge=1, description="the last number of the page before")]
After = Annotated[int, Query(ge=0, description="the last number of the page before")]
Number = Annotated[int, Field(ge=1, le=2**62)]


def linked(
    request: Request, response: Response, page: Sequence[Any], limit: int, **go_on: str
) -> None:
    """A full page names the next one (RFC 8288): ``go_on`` says by which parameter, and where in
    the last entry its value stands."""
    if len(page) < limit:
        return
    for parameter, key in go_on.items():
        url = request.url.include_query_params(**{parameter: page[-1][key]})
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'


class Decision(BaseModel):
    """``user`` is needed unless the request was authorized with a name (Basic)."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=500)
    user: str | None = Field(None, min_length=1, max_length=100)


def acting(request: Request, decision: Decision | None) -> dict[str, str]:
    """Who acts: as the body says, or the name the request was authorized with."""
    named = decision.user if decision is not None else None
    user = named or getattr(request.state, "user", "") or ""
    return {"user": user[:100], "reason": "" if decision is None else decision.reason}
