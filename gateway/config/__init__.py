"""The configuration file: TOML in, checked frozen values out, or one readable line per mistake."""

from gateway.config.load import load, parse
from gateway.config.sections import (
    SEND_OUT,
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
    SendOutSection,
    UltrasoundSection,
)
from gateway.config.shape import schema

__all__ = [
    "SEND_OUT",
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
    "SendOutSection",
    "UltrasoundSection",
    "load",
    "parse",
    "schema",
]
