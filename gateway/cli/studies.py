"""``gateway studies``: what the ultrasound units sent, and which orders it belongs to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.cli.asking import ask, local, newest, who, wrong
from gateway.cli.saying import say
from gateway.config import load
from gateway.config.mistakes import unknown

_NOTED = "noted; it is done when a second person says the same within a day"


def list_studies(path: Path, as_json: bool, unmatched: bool, before: str) -> int:
    """The newest first; the UID stands whole, on a line of its own."""
    state = "unmatched" if unmatched else None
    found = newest(load(path), "studies.list", before, state=state)
    if as_json:
        say(json.dumps(found, indent=2))
        return 0
    if not found:
        say("no studies")
        return 0
    for study in found:
        order = f"order #{study['order']}" if study["order"] else study["match"]
        patient = study["patient_id"] or "none"
        say(f"{local(study['first_at'])}  {study['device'] or 'unknown device'}")
        say(f"  patient id {patient}, {study['instances']} images, {order}")
        say(f"  {study['uid']}")
    return 0


def show_study(path: Path, uid: str, as_json: bool) -> int:
    """A study, its series, and orders it may belong to, each with the reason."""
    study = ask(load(path), "studies.show", uid=uid)
    if as_json:
        say(json.dumps(study, indent=2, ensure_ascii=False))
        return 0
    say(f"study {study['uid']}: {study['instances']} images, {study['match']}")
    for one in study["series"]:
        say(f"  {one['modality']} series {one['number']}: {one['instances']} images")
    if study["order"]:
        say(f"  order #{study['order']}")
    if study["correction"]:
        say("  corrected: it goes out under another patient's data")
    if study["purged"]:
        keepers = ", ".join(study["kept_by"])
        say(f"  {study['purged']} images are not here any more; {keepers} has them")
    if study["kept_for"]:
        say(f"  not to be purged: {study['kept_for']}")
    for sent in study["forwarded"]:
        _tell_forwarded(sent)
    for suggestion in study["suggestions"]:
        _suggest(suggestion)
    return 0


def link_study(path: Path, uid: str, order: str, user: str | None, reason: str) -> int:
    """Ties a study to an order."""
    answer = ask(load(path), "studies.link", uid=uid, order=order, user=who(user), reason=reason)
    say(_NOTED if answer.get("waits") else f"linked to order #{answer['order']['number']}")
    return 0


def unlink_study(path: Path, uid: str, user: str | None, reason: str) -> int:
    """Unties it; it is not tied again by itself."""
    answer = ask(load(path), "studies.unlink", uid=uid, user=who(user), reason=reason)
    say(_NOTED if answer.get("waits") else "unlinked")
    return 0


def move_study(path: Path, uid: str, patient: str, user: str | None, reason: str) -> int:
    """Says whose study it is."""
    done = ask(
        load(path), "studies.move", uid=uid, patient_id=patient, user=who(user), reason=reason
    )
    if done.get("waits"):
        say(_NOTED)
        return 0
    say("moved: it goes out under the other patient's data; what was received stays as it came")
    for destination in done["outdated_at"]:
        say(f"{destination} has it under the former identity; when that is to change there too:")
        say(f"  gateway studies forward {uid} --to {destination} --reason ...")
    return 0


def give_page(path: Path, uid: str, user: str | None, reason: str) -> int:
    """A link to its page."""
    configuration = load(path)
    if configuration.http is None:
        raise wrong("there are no pages: the configuration has no [http] section")
    from gateway.web import site_of, study_links

    site = site_of(configuration.http, configuration.gateway.data_dir)
    found = ask(configuration, "studies.page", uid=uid, user=who(user), reason=reason)
    links = study_links(site, lambda: datetime.now(UTC))
    say(links.of(found["id"]))
    say(f"for {links.days} days, to whoever has it; the page names the patient")
    return 0


def keep_study(path: Path, uid: str, end: bool, user: str | None, reason: str) -> int:
    """Keeps a study from being purged, or ends that."""
    ask(load(path), "studies.keep", uid=uid, end=end, user=who(user), reason=reason)
    say("it may be purged again when a PACS keeps it" if end else "it will not be purged here")
    return 0


def forward_study(path: Path, uid: str, to: str, user: str | None, reason: str) -> int:
    """Queues a study for a PACS again, under the identity it has now."""
    configuration = load(path)
    archives = [n for n, d in configuration.destinations.items() if d.type == "dicom"]
    if to and to not in archives:
        raise wrong(unknown("destination of type dicom", to, archives))
    done = ask(configuration, "studies.forward", uid=uid, to=to, user=who(user), reason=reason)
    say(f"{done['queued']} images queued for {done['destination']}")
    return 0


def _tell_forwarded(sent: dict[str, Any]) -> None:
    text = f"  sent to {sent['destination']}: {sent['instances']}, committed {sent['committed']}"
    if sent["refused"]:
        text += f", refused {sent['refused']}"
    if sent["outdated"]:
        text += f"; {sent['outdated']} under a former identity (gateway studies forward)"
    say(text)


def _suggest(suggestion: dict[str, Any]) -> None:
    number, placer = suggestion["number"], suggestion["placer"]
    say(f"  may be order #{number} ({placer}): {', '.join(suggestion['why'])}")
    for reason in suggestion["against"]:
        say(f"    but: {reason}")
