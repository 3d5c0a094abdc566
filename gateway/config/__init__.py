"""The configuration file: TOML in, checked frozen values out, or one readable line per mistake."""

from gateway.config.load import load, parse, schema
from gateway.config.sections import (
    Configuration,
    DestinationSection,
    DeviceSection,
    DicomDestination,
    DicomSection,
    FileDestination,
    GatewaySection,
    HttpSection,
    MllpDestination,
    MqttDestination,
    OrdersSection,
    UltrasoundSection,
)

__all__ = [
    "Configuration",
    "DestinationSection",
    "DeviceSection",
    "DicomDestination",
    "DicomSection",
    "FileDestination",
    "GatewaySection",
    "HttpSection",
    "MllpDestination",
    "MqttDestination",
    "OrdersSection",
    "UltrasoundSection",
    "load",
    "parse",
    "schema",
]
