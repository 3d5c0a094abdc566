"""One running device: its connection, its protocol, its place in the journal."""

from gateway.drivers.analyzer import AstmLink
from gateway.drivers.link import DeviceLink, Journal, Noise, Recipient, Site

__all__ = ["AstmLink", "DeviceLink", "Journal", "Noise", "Recipient", "Site"]
