"""Looking into image files in a process that may be killed: pictures, frames, metadata.

Files come from devices and decoders have faults; none of them runs in the gateway's own process.
"""

from gateway.rendering.process import Looked, Renderer, Unrenderable

__all__ = ["Looked", "Renderer", "Unrenderable"]
