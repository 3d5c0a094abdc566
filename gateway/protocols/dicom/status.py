"""DIMSE status codes and what they mean (PS3.7 annex C, PS3.4 annexes B, C, F, J, K).

Only the category of a code is certain for every service; several services give one number
different words, so ``meaning`` says the common ones.  ``A7xx`` and the like go by first digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class Category(StrEnum):
    """What a status says about its operation."""

    SUCCESS = "success"
    PENDING = "pending"
    CANCEL = "cancel"
    WARNING = "warning"
    FAILURE = "failure"


class Status(IntEnum):
    """The codes the gateway itself answers with or looks for."""

    SUCCESS = 0x0000
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_ARGUMENT = 0x0114
    INVALID_ARGUMENT_VALUE = 0x0115
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION_TYPE = 0x0123
    NOT_AUTHORIZED = 0x0124
    DUPLICATE_TRANSACTION_UID = 0x0131
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    UNABLE_TO_CALCULATE_MATCHES = 0xA701
    UNABLE_TO_PERFORM_SUBOPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    COERCION_OF_DATA_ELEMENTS = 0xB000
    SUBOPERATIONS_COMPLETE_WITH_FAILURES = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    DATA_SET_MISMATCH_WARNING = 0xB007
    CANNOT_UNDERSTAND = 0xC000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WITH_WARNING = 0xFF01


_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})
_TEXTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x0001: "requested optional attributes are not supported",
        Status.SUCCESS: "done",
        Status.NO_SUCH_ATTRIBUTE: "no such attribute",
        Status.INVALID_ATTRIBUTE_VALUE: "invalid attribute value",
        Status.ATTRIBUTE_LIST_ERROR: "attribute list error",
        Status.PROCESSING_FAILURE: "processing failure",
        Status.DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
        Status.NO_SUCH_SOP_INSTANCE: "no such SOP instance",
        Status.NO_SUCH_EVENT_TYPE: "no such event type",
        Status.NO_SUCH_ARGUMENT: "no such argument",
        Status.INVALID_ARGUMENT_VALUE: "invalid argument value",
        Status.ATTRIBUTE_VALUE_OUT_OF_RANGE: "attribute value out of range",
        Status.INVALID_SOP_INSTANCE: "invalid SOP instance",
        Status.NO_SUCH_SOP_CLASS: "no such SOP class",
        Status.CLASS_INSTANCE_CONFLICT: "the instance is not of that class",
        Status.MISSING_ATTRIBUTE: "missing attribute",
        Status.MISSING_ATTRIBUTE_VALUE: "missing attribute value",
        Status.SOP_CLASS_NOT_SUPPORTED: "SOP class not supported",
        Status.NO_SUCH_ACTION_TYPE: "no such action type",
        Status.NOT_AUTHORIZED: "not authorized",
        Status.DUPLICATE_TRANSACTION_UID: "duplicate transaction UID",
        Status.DUPLICATE_INVOCATION: "duplicate invocation",
        Status.UNRECOGNIZED_OPERATION: "unrecognized operation",
        Status.MISTYPED_ARGUMENT: "mistyped argument",
        Status.RESOURCE_LIMITATION: "resource limitation",
        Status.OUT_OF_RESOURCES: "out of resources",
        Status.UNABLE_TO_CALCULATE_MATCHES: "out of resources: number of matches",
        Status.UNABLE_TO_PERFORM_SUBOPERATIONS: "out of resources: sub-operations",
        Status.MOVE_DESTINATION_UNKNOWN: "move destination unknown",
        Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS: "data set does not match SOP class",
        Status.COERCION_OF_DATA_ELEMENTS: "elements coerced, or some sub-operations failed",
        Status.ELEMENTS_DISCARDED: "elements discarded",
        Status.DATA_SET_MISMATCH_WARNING: "data set does not match SOP class (warning)",
        Status.CANNOT_UNDERSTAND: "cannot understand",
        Status.CANCEL: "cancelled",
        Status.PENDING: "pending",
        Status.PENDING_WITH_WARNING: "pending, some optional keys not supported",
    }
)
_RANGES: Final = ((0xA700, 0xFF00), (0xA900, 0xFF00), (0xC000, 0xF000))


def category(status: int) -> Category:
    """PS3.7 annex C.1: what a code means whoever sent it.  Unassigned codes are failures."""
    if status == Status.SUCCESS:
        return Category.SUCCESS
    if status in (Status.PENDING, Status.PENDING_WITH_WARNING):
        return Category.PENDING
    if status == Status.CANCEL:
        return Category.CANCEL
    if status in _WARNINGS or status & 0xF000 == 0xB000:
        return Category.WARNING
    return Category.FAILURE


def is_final(status: int) -> bool:
    """Whether no further response to the same request follows."""
    return category(status) is not Category.PENDING


def meaning(status: int) -> str:
    """``A700: out of resources``: the code and a few words for a log line."""
    text = _TEXTS.get(status)
    for base, mask in _RANGES:
        if text is None and status & mask == base:
            text = _TEXTS[base]
    return f"{status:04X}: {text or category(status).value}"
