"""What survives a power cut: the journal, reports, holds, outboxes, audit trail and books.

One SQLite file in the data directory, one thread that writes it, one process that owns it.
"""

from gateway.store.audit import AuditEntry, ChainState
from gateway.store.backup import restore
from gateway.store.books import DeviceBooks
from gateway.store.engine import Engine
from gateway.store.filing import Filed, FiledReport
from gateway.store.hold_rows import Decided
from gateway.store.holds import HeldItem, Hold, Holds, HoldState
from gateway.store.journal import Evidence, NotOpen, OpenTransmission
from gateway.store.lifecycle import Condition
from gateway.store.messages import MessageState, OutboxEntry, OutboxMessage, ReportKey
from gateway.store.outbox import Outbox
from gateway.store.queues import QueueState
from gateway.store.reports import ReportState, StoredReport
from gateway.store.space import SpacePolicy
from gateway.store.store import Store
from gateway.store.sweep import Damage, SweepResult
from gateway.store.transmission_closing import Filing, OutOfDate
from gateway.store.transmissions import Outcome, StoredTransmission
from gateway.store.writer import Done

__all__ = [
    "AuditEntry",
    "ChainState",
    "Condition",
    "Damage",
    "Decided",
    "DeviceBooks",
    "Done",
    "Engine",
    "Evidence",
    "Filed",
    "FiledReport",
    "Filing",
    "HeldItem",
    "Hold",
    "HoldState",
    "Holds",
    "MessageState",
    "NotOpen",
    "OpenTransmission",
    "OutOfDate",
    "Outbox",
    "OutboxEntry",
    "OutboxMessage",
    "Outcome",
    "QueueState",
    "ReportKey",
    "ReportState",
    "SpacePolicy",
    "Store",
    "StoredReport",
    "StoredTransmission",
    "SweepResult",
    "restore",
]
