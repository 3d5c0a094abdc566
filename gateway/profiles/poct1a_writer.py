"""Results as an OBS.R01 (OBS.R02 for controls), with the greeting of their device before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.sheet import Cells, Sheet
from gateway.protocols.poct1a import Element, Identity, group, leaf
from gateway.protocols.poct1a.build import Header, message
from gateway.protocols.poct1a.device import hello_body
from gateway.report import Kind

_SERVICE: Final = ("OPR", "ORD", "SPC", "RGT")


def identity_of(profile: AnalyzerProfile, cells: Mapping[str, str]) -> Identity:
    """What the simulated device says of itself."""
    return Identity(
        vendor=cells.get("DEV.vendor_id") or profile.vendor or "SIM",
        model=cells.get("DEV.model_id") or profile.model or "SIM",
        serial=cells.get("DEV.serial_id"),
        device_id=cells.get("DEV.device_id", "00-00-00-00-00-01"),
        name=cells.get("DEV.device_name"),
        timeout=60,
        max_message=16_384,
        profile="SA",
    )


def write_poct1a(profile: AnalyzerProfile, sheet: Sheet, number: int) -> bytes:
    """HEL.R01 and the message with the results, bare."""
    greeting = message(
        "HEL.R01", Header("1", sheet.sent_at), hello_body(identity_of(profile, sheet.head))
    )
    name = "OBS.R01" if sheet.kind in (Kind.PATIENT, Kind.PROFICIENCY) else "OBS.R02"
    return greeting + message(name, Header(str(number + 2), sheet.sent_at), _service(sheet, name))


def _service(sheet: Sheet, name: str) -> Element:
    head = {"SVC.role_cd": "OBS", **sheet.head}
    holder = "PT" if name == "OBS.R01" else "CTC"
    observations = tuple(
        _observation(cells, comments)
        for cells, comments in zip(sheet.rows, sheet.comments, strict=True)
    )
    inner = Element(holder, children=(*_leaves(head, holder), *observations))
    others = [group(each, *_leaves(head, each)) for each in _SERVICE if any(_leaves(head, each))]
    return Element("SVC", children=(*_leaves(head, "SVC"), inner, *others))


def _leaves(cells: Cells, name: str) -> tuple[Element, ...]:
    """The fields of one object; ``@`` addresses are attributes of theirs."""
    found: dict[str, dict[str, str]] = {}
    for path, text in cells.items():
        if path.startswith(f"{name}."):
            field, _, attribute = path.partition("@")
            found.setdefault(field, {})[attribute or "V"] = text
    return tuple(leaf(field, facts.pop("V", ""), **facts) for field, facts in found.items())


def _observation(cells: Cells, comments: tuple[str, ...]) -> Element:
    notes = (group("NTE", leaf("NTE.text", text)) for text in comments)
    return group("OBS", *_leaves(cells, "OBS"), *notes)
