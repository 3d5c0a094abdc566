"""Profiles as third parties would bring them, good and bad."""

from __future__ import annotations

from dataclasses import replace

from gateway.profiles import Analyte, catalogue

_BASE = catalogue()["siemens-dca-vantage"]

good = replace(_BASE, name="good-sample")
PROFILE = replace(_BASE, name="sample-module")
NO_PROFILE = object()
WRONG = replace(_BASE, name="wrong-sample", qc=(), analytes={"X": Analyte("1234-5", ("%",))})
TAKEN = replace(_BASE, name="vitros")
