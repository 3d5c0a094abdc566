"""The configuration file: TOML in, checked frozen values out, or one readable line per mistake."""

from gateway.config.load import load, parse
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import (
    SEND_OUT,
    DestinationSection,
    DicomDestination,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.config.sections.devices import DeviceSection, UltrasoundSection
from gateway.config.sections.dicom import DicomSection
from gateway.config.sections.orders import OrdersSection, SendOutSection
from gateway.config.sections.site import GatewaySection, HttpSection
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
