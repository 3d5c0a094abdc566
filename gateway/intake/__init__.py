"""From a closed transmission to reports on disk and messages in the outbox."""

from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.intake import Intake
from gateway.intake.routes import (
    FIRST,
    EhrRoute,
    MqttRoute,
    Revision,
    Route,
    Router,
    Sender,
    obstacle,
)

__all__ = [
    "FIRST",
    "Arrival",
    "Attribution",
    "EhrRoute",
    "Intake",
    "Known",
    "MqttRoute",
    "Revision",
    "Route",
    "Router",
    "Sender",
    "obstacle",
]
