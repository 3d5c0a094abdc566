"""Which order, specimen and patient a result belongs to, or why nobody can say.

Works on what the EHR sent (``gateway.orders``) and on earlier reports; it may hold a report back,
never let more go.  Nothing is ever matched by being similar.
"""

from gateway.matching.identity import Match, decide
from gateway.matching.lifecycle import Earlier, Piece, pieces
from gateway.matching.look import Finding, Subject, look, nothing_before
from gateway.matching.rules import Check, IdType, Policy, Rules

__all__ = [
    "Check",
    "Earlier",
    "Finding",
    "IdType",
    "Match",
    "Piece",
    "Policy",
    "Rules",
    "Subject",
    "decide",
    "look",
    "nothing_before",
    "pieces",
]
