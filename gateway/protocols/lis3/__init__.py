"""Siemens RAPIDPoint / RAPIDLab LIS3, both ends: notice, request, data, each acknowledged."""

from gateway.protocols.lis3.device import Device
from gateway.protocols.lis3.events import (
    Acknowledged,
    Delivered,
    DeviceEvent,
    HostEvent,
    Requested,
    Unanswered,
)
from gateway.protocols.lis3.host import Host
from gateway.protocols.lis3.message import ACK, Entry, Lis3Framing, checksum, decode, encode

__all__ = [
    "ACK",
    "Acknowledged",
    "Delivered",
    "Device",
    "DeviceEvent",
    "Entry",
    "Host",
    "HostEvent",
    "Lis3Framing",
    "Requested",
    "Unanswered",
    "checksum",
    "decode",
    "encode",
]
