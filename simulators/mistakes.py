"""What a person asked for that cannot be meant."""

from __future__ import annotations


class Mistake(Exception):
    """Wrong use; the text says what is allowed."""
