"""The EHR side, from the configuration: a destination object, its courier and a route for each
section."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from gateway.config import (
    SEND_OUT,
    Configuration,
    DestinationSection,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.delivery.base import Destination, Patience
from gateway.delivery.courier import Courier
from gateway.delivery.file import FileDrop
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.delivery.tls import TlsFiles, client_context
from gateway.intake import EhrRoute, MqttRoute, Route
from gateway.messages import (
    DESTINATION_PROFILES,
    DestinationProfile,
    PatientData,
    PointOfCare,
    point_of_care,
)
from gateway.notices import Noticeboard
from gateway.store import Store

_POINT_OF_CARE = {"none": None, "create": PointOfCare.CREATE, "find": PointOfCare.FIND}
_MQTT_PORT, _MQTTS_PORT = 1883, 8883


def build_couriers(
    configuration: Configuration,
    store: Store,
    notices: Noticeboard,
    clock: Callable[[], datetime],
    randomness: Callable[[], float],
) -> dict[str, Courier]:
    built = build_destinations(configuration, notices, clock)
    return couriers_for(built, store, notices, clock, randomness)


def couriers_for(
    destinations: Mapping[str, Destination],
    store: Store,
    notices: Noticeboard,
    clock: Callable[[], datetime],
    randomness: Callable[[], float],
) -> dict[str, Courier]:
    return {
        name: Courier(
            name,
            store.outbox,
            destination,
            clock=clock,
            random=randomness,
            notices=notices,
            patience=Patience(),
        )
        for name, destination in destinations.items()
    }


def build_destinations(
    configuration: Configuration, notices: Noticeboard, clock: Callable[[], datetime]
) -> dict[str, Destination]:
    """What moves messages to each configured destination."""
    site = configuration.gateway.site
    return {
        name: _destination(name, section, site, notices, clock)
        for name, section in configuration.destinations.items()
        if isinstance(section, MllpDestination | FileDestination | MqttDestination)
    }


def routes(configuration: Configuration) -> list[Route]:
    """What each configured destination wants to get."""
    found = (_route(name, section) for name, section in configuration.destinations.items())
    return [route for route in found if route is not None]


def message_profiles(configuration: Configuration) -> list[DestinationProfile]:
    """The destination profiles in use."""
    ehrs = [route for route in routes(configuration) if isinstance(route, EhrRoute)]
    special = [
        point_of_care(route.profile, PointOfCare.KNOWN) for route in ehrs if route.point_of_care
    ]
    return [route.profile for route in ehrs] + special


def _destination(
    name: str,
    section: MllpDestination | FileDestination | MqttDestination,
    site: str,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> Destination:
    match section:
        case MllpDestination():
            host, _, port = section.address.rpartition(":")
            files = TlsFiles(section.ca_file, section.certificate_file, section.key_file)
            return MllpSender(
                MllpOptions(
                    host.strip("[]"),
                    int(port),
                    reply=section.reply_seconds,
                    acknowledged=section.acknowledgment != "none",
                    tls=client_context(files) if section.tls else None,
                )
            )
        case FileDestination():
            section.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            return FileDrop(section.directory, extension=section.extension)
        case MqttDestination():
            return _publisher(name, section, site, notices, clock)


def _publisher(
    name: str,
    section: MqttDestination,
    site: str,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> Destination:
    """The MQTT client is large; it comes only when a broker is configured."""
    from gateway.delivery.mqtt import Broker, MqttOptions, MqttPublisher, Topics

    url = urlsplit(section.url)
    secure = url.scheme == "mqtts"
    password = os.environ.get(section.password_env) if section.password_env else None
    broker = Broker(
        url.hostname or "localhost",
        url.port or (_MQTTS_PORT if secure else _MQTT_PORT),
        client_id=f"gateway-{site}-{name}",
        username=section.username,
        password=password,
        tls=client_context(TlsFiles(section.ca_file)) if secure else None,
        modern=section.protocol == "5",
    )
    options = MqttOptions(
        broker,
        Topics(section.root, site),
        password_file=section.password_file,
        expiry=int(section.expiry_hours * 3600),
    )
    return MqttPublisher(name, options, clock=clock, notices=notices)


def _route(name: str, section: DestinationSection) -> Route | None:
    devices = None if section.devices is None else frozenset(section.devices)
    match section:
        case MllpDestination() | FileDestination() if section.message == SEND_OUT:
            return None
        case MllpDestination() | FileDestination():
            return EhrRoute(
                name,
                DESTINATION_PROFILES[section.message],
                devices,
                hold_without_patient=section.without_patient == "hold",
                assigning_authority=section.assigning_authority,
                receiving_application=section.receiving_application,
                receiving_facility=section.receiving_facility,
                point_of_care=_POINT_OF_CARE[section.point_of_care],
                studies=section.studies,
                study_page=section.study_page,
            )
        case MqttDestination():
            return MqttRoute(name, PatientData(section.patient_data), devices)
        case _:
            return None
