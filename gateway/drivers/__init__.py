"""One running device: its connection, its protocol, its place in the journal."""

from gateway.drivers.analyzer import AstmLink
from gateway.drivers.asking import AskingLink
from gateway.drivers.folder import FolderLink
from gateway.drivers.hl7 import Hl7Link
from gateway.drivers.hl7_asking import Hl7AskingLink
from gateway.drivers.link import DeviceLink, Journal, Noise, Recipient, Site
from gateway.drivers.poct1a import Poct1aLink
from gateway.drivers.recording import RecordingLink
from gateway.drivers.text import Lis3Link, TextLink

__all__ = [
    "AskingLink",
    "AstmLink",
    "DeviceLink",
    "FolderLink",
    "Hl7AskingLink",
    "Hl7Link",
    "Journal",
    "Lis3Link",
    "Noise",
    "Poct1aLink",
    "Recipient",
    "RecordingLink",
    "Site",
    "TextLink",
]
