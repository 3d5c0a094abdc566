"""A simulated ultrasound unit: worklist, performed procedure, images, report, commitment.

Built on pynetdicom and not on the gateway's own association, so that two implementations meet.
Personalities are data; numpy, pillow and pynetdicom are imported by the modules that need them.
"""

from simulators.ultrasound.personality import PERSONALITIES, Personality

__all__ = ["PERSONALITIES", "Personality"]
