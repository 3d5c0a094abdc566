"""What the desk says when it cannot do what was asked."""

from __future__ import annotations

from gateway.errors import GatewayError


class Mistake(GatewayError):
    """What was asked cannot be done; the text says why and what can."""


class Missing(Mistake):
    """There is nothing by that name or number."""
