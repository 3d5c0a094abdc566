"""The shape of ``gateway.toml``, section by section; unknown keys are mistakes.

Secrets are never values here: a ``*_file`` names a file, a ``*_env`` an environment variable.
What one section alone cannot know (two listeners on one port, a profile that does not exist) is
checked in ``gateway.config.checks``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.config.sections.destinations import DestinationSection
from gateway.config.sections.devices import (
    AnyDevice,
    DeviceSection,
    OperatorsSection,
    UltrasoundSection,
)
from gateway.config.sections.dicom import DicomSection
from gateway.config.sections.orders import OrdersSection, SendOutSection
from gateway.config.sections.quality import QcSection
from gateway.config.sections.section import Name, Section
from gateway.config.sections.site import GatewaySection, HttpSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Section):
    """The whole file."""

    gateway: GatewaySection
    http: HttpSection | None = None
    devices: dict[Name, AnyDevice] = field(default_factory=dict)
    dicom: DicomSection | None = None
    orders: OrdersSection | None = None
    operators: OperatorsSection | None = None
    qc: QcSection | None = None
    destinations: dict[Name, DestinationSection] = field(default_factory=dict)

    @property
    def analyzers(self) -> dict[str, DeviceSection]:
        return {n: d for n, d in self.devices.items() if isinstance(d, DeviceSection)}

    @property
    def ultrasounds(self) -> dict[str, UltrasoundSection]:
        return {n: d for n, d in self.devices.items() if isinstance(d, UltrasoundSection)}

    @property
    def send_outs(self) -> dict[str, SendOutSection]:
        """Laboratories tests are sent to, by the name of their destination."""
        return self.orders.send_out if self.orders is not None else {}

    def order_policy(self, device: str) -> str:
        """``optional``, ``required`` or ``hold`` for a result without a known order."""
        chosen = self.analyzers[device].orders
        return chosen or ("optional" if self.orders is None else "required")
