"""The DICOM conformance statement (PS3.2) of a configured gateway.

Written from what the node itself works with: its policies, settings, status tables and attributes.
"""

from gateway.conformance.statement import statement

__all__ = ["statement"]
