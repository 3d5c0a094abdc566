"""Who is called, and who may call, because the configuration names them."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from functools import partial

from gateway.config import Configuration, DicomDestination
from gateway.delivery.tls import TlsFiles, client_context
from gateway.drivers.dicom import Remote, Unit, address_of
from gateway.imaging_services.addresses import Addresses


def remotes(configuration: Configuration) -> dict[str, Remote]:
    """Units that can be called: a port, and an address that is one machine."""
    found = {}
    for name, device in configuration.ultrasounds.items():
        network = ipaddress.ip_network(device.address, strict=False)
        if device.port is not None and network.num_addresses == 1:
            host = str(network.network_address)
            found[name] = Remote(device.ae_title, host, device.port, device=name)
    return found


def archives(configuration: Configuration) -> dict[str, Remote]:
    """Where images are forwarded to."""
    return {
        name: _remote(name, destination)
        for name, destination in configuration.destinations.items()
        if isinstance(destination, DicomDestination)
    }


def tls_files(destination: DicomDestination) -> TlsFiles:
    """What we trust and what we show."""
    return TlsFiles(destination.ca_file, destination.certificate_file, destination.key_file)


def _remote(name: str, destination: DicomDestination) -> Remote:
    ae_title, _, rest = destination.address.partition("@")
    host, _, port = rest.rpartition(":")
    context: ssl.SSLContext | None = None
    if destination.tls:
        context = client_context(tls_files(destination))
    return Remote(ae_title, host.strip("[]"), int(port), context, name)


def commits(configuration: Configuration, name: str) -> bool:
    """Whether that archive is asked to keep what it gets."""
    destination = configuration.destinations[name]
    return isinstance(destination, DicomDestination) and destination.commitment


def named(remotes: Mapping[str, Remote]) -> list[str]:
    """Hosts that have to be looked up."""
    return [one.host for one in remotes.values() if address_of(one.host) is None]


def calling(name: str, remote: Remote, addresses: Addresses) -> Unit:
    """An archive as a caller: it comes with its commitment reports."""
    if address_of(remote.host) is None:
        hosts = partial(addresses.of, remote.host)
        return Unit(name, remote.ae_title, None, hosts=hosts)
    return Unit(name, remote.ae_title, ipaddress.ip_network(remote.host))
