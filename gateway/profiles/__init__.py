"""What a device model means: profiles as data, and the code that reads transmissions by them.

``catalogue()`` has every profile; ``read_transmission`` (or ``normalize``) turns the bytes of one
transmission into reports by one of them; ``render`` goes the other way for simulators.
"""

from gateway.profiles.catalogue import Catalogue, Unusable, catalogue, installed
from gateway.profiles.context import Context
from gateway.profiles.link import Flow, HostQuery, Link, Protocol, SerialLine
from gateway.profiles.loinc import is_loinc
from gateway.profiles.normalize import Interpretation, normalize
from gateway.profiles.recognition import Sender, identify
from gateway.profiles.render import render
from gateway.profiles.samples import Finding, NotExpressible, Sample, plausible
from gateway.profiles.schema import (
    Alarm,
    Analyte,
    AnalyzerProfile,
    Aside,
    AsideRole,
    Evidence,
    Part,
    QcUnknown,
    Quirk,
    Rule,
    Scale,
    Shape,
    Signature,
    Typical,
    Where,
)
from gateway.profiles.transmissions import read_transmission

__all__ = [
    "Alarm",
    "Analyte",
    "AnalyzerProfile",
    "Aside",
    "AsideRole",
    "Catalogue",
    "Context",
    "Evidence",
    "Finding",
    "Flow",
    "HostQuery",
    "Interpretation",
    "Link",
    "NotExpressible",
    "Part",
    "Protocol",
    "QcUnknown",
    "Quirk",
    "Rule",
    "Sample",
    "Scale",
    "Sender",
    "SerialLine",
    "Shape",
    "Signature",
    "Typical",
    "Unusable",
    "Where",
    "catalogue",
    "identify",
    "installed",
    "is_loinc",
    "normalize",
    "plausible",
    "read_transmission",
    "render",
]
