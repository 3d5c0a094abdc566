"""Who may call: AE title and address of the configured units, and what each may do.

A stranger gets C-ECHO or nothing.  The last strangers are remembered, so that a person setting up
a new unit sees what to write into the configuration; so is a title that comes from two addresses.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from gateway.drivers.dicom.service import Caller
from gateway.protocols.dicom import Policy, Service

_STRANGERS = 64
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Unit:
    """A configured device, as far as calling goes: from ``network``, or where its name is found
    now (``hosts``)."""

    device: str
    ae_title: str
    network: _Network | None
    private_classes: tuple[str, ...] = ()
    hosts: Callable[[], Collection[Address]] = tuple

    def narrowness(self, address: Address) -> int | None:
        """How closely it is known by that address; None when it does not call from there."""
        if self.network is not None and address in self.network:
            return self.network.prefixlen
        return address.max_prefixlen if address in self.hosts() else None


@dataclass(frozen=True, slots=True)
class Stranger:
    """A caller that is in no section: what it would have to be."""

    ae_title: str
    host: str
    called: str
    first_at: datetime
    last_at: datetime
    times: int = 1


class Callers:
    """``echo_only``: strangers may at least verify the connection."""

    def __init__(
        self,
        units: Mapping[str, Unit],
        policy: Policy,
        *,
        echo_only: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self._units = tuple(units.values())
        self._policies = {
            unit.device: policy.with_opaque(unit.private_classes)
            if unit.private_classes
            else policy
            for unit in self._units
        }
        self._stranger_policy = Policy.offering({Service.VERIFICATION}) if echo_only else None
        self._clock = clock
        self._strangers: OrderedDict[tuple[str, str], Stranger] = OrderedDict()

    @property
    def strangers(self) -> tuple[Stranger, ...]:
        """The latest last."""
        return tuple(self._strangers.values())

    def identify(self, ae_title: str, called: str, host: str) -> Caller:
        """Which device this is; the narrowest network wins when several would do."""
        device = self._device(ae_title, address_of(host))
        if device is None:
            self._remember(ae_title, called, host)
        return Caller(device, ae_title, called, host)

    def policy(self, caller: Caller) -> Policy | None:
        """What the caller may do; None: not even talk to us."""
        if caller.device is None:
            return self._stranger_policy
        return self._policies[caller.device]

    def is_new(self, caller: Caller) -> bool:
        """Whether this stranger called for the first time."""
        known = self._strangers.get((caller.ae_title, caller.host))
        return known is not None and known.times == 1

    def _device(self, ae_title: str, address: Address | None) -> str | None:
        narrowest, found = -1, None
        for unit in self._units:
            if unit.ae_title == ae_title and address is not None:
                narrowness = unit.narrowness(address)
                if narrowness is not None and narrowness > narrowest:
                    narrowest, found = narrowness, unit.device
        return found

    def _remember(self, ae_title: str, called: str, host: str) -> None:
        now = self._clock()
        known = self._strangers.pop((ae_title, host), None)
        if known is None:
            known = Stranger(ae_title, host, called, now, now)
        else:
            known = replace(known, called=called, last_at=now, times=known.times + 1)
        self._strangers[ae_title, host] = known
        while len(self._strangers) > _STRANGERS:
            self._strangers.popitem(last=False)


@lru_cache(maxsize=256)
def address_of(host: str) -> Address | None:
    """None for what is no address."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
