"""Values of a report as ER7 fields, one at a time, refusing what cannot be written faithfully.

The pen escapes everything it is given.  Limits are those of HL7 2.5.1 chapter 2A: ST 199
characters, IS 20, FT 65536, counted as written.  Text that identifies (ids, codes) is refused when
a control character is in it: dropping one could make another id of it.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from gateway.messages.envelope import CodedElement, EntityIdentifier, HierarchicDesignator
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.protocols.hl7 import (
    NULL,
    components,
    escape,
    escape_formatted,
    has_control,
)

ST_LENGTH = 199
IS_LENGTH = 20
FT_LENGTH = 65536

_ISO_SIGNS = str.maketrans("", "", "-:T")


class Pen:
    """``where`` names the segment being written (``OBX[3]``) for whoever must look there."""

    __slots__ = ("_offset", "_written", "_zone", "where")

    def __init__(self, zone: tzinfo | None, *, offset: bool) -> None:
        self.where = "MSH"
        self._zone = zone
        self._offset = offset
        self._written: dict[int, tuple[datetime, str]] = {}

    def refuse(self, obstacle: Obstacle, field: int) -> NotEncodable:
        return NotEncodable(obstacle, f"{self.where}-{field}")

    def text(self, text: str, field: int, limit: int = ST_LENGTH) -> str:
        """Text for a reader: line breaks become spaces, other control characters go."""
        return self._checked(escape(text), field, limit)

    def formatted(self, text: str, field: int) -> str:
        """Text of several lines, type FT."""
        return self._checked(escape_formatted(text), field, FT_LENGTH)

    def identifier(self, text: str, field: int, limit: int = ST_LENGTH) -> str:
        """Text that tells one thing from another: exactly as it is, or not at all."""
        if not text.strip():
            raise self.refuse(Obstacle.EMPTY, field)
        written = escape(text)
        if written is not text and has_control(text):
            raise self.refuse(Obstacle.CONTROL_CHARACTER, field)
        return self._checked(written, field, limit)

    def exact(self, text: str | None, field: int, limit: int = ST_LENGTH) -> str:
        """An identifier that may be absent."""
        return self.identifier(text, field, limit) if text else ""

    def moment(self, moment: datetime | None, field: int) -> str:
        """TS to the second, with its offset from UTC where the destination reads one.

        A message repeats its times, and each is written once; by identity, because equal times
        may be written in different zones.
        """
        if moment is None:
            return ""
        known = self._written.get(id(moment))
        if known is None:
            known = self._written[id(moment)] = moment, self._time(moment, field)
        return known[1]

    def _time(self, moment: datetime, field: int) -> str:
        if moment.tzinfo is None:
            raise self.refuse(Obstacle.TIME_WITHOUT_ZONE, field)
        try:
            local = moment.astimezone(self._zone) if self._zone else moment
        except OverflowError:
            raise self.refuse(Obstacle.NOT_A_DATE, field) from None
        iso = local.isoformat(timespec="seconds")
        digits, offset = iso[:19].translate(_ISO_SIGNS), iso[19:].replace(":", "")
        if len(offset) != 5:
            raise self.refuse(Obstacle.NOT_A_DATE, field)
        return digits + offset if self._offset else digits

    def coded(self, element: CodedElement, field: int) -> str:
        code = self.identifier(element.code, field)
        return components(code, self.text(element.text or "", field), element.system or "L")

    def designator(self, designator: HierarchicDesignator | None, field: int) -> str:
        """HD as a field of its own."""
        return components(*self._designated(designator, field))

    def subdesignator(self, designator: HierarchicDesignator | None, field: int) -> str:
        """HD inside another type, its parts being subcomponents."""
        return components(*self._designated(designator, field), separator="&")

    def entity(self, entity: EntityIdentifier, field: int) -> str:
        named = HierarchicDesignator(
            entity.namespace, entity.universal_id, entity.universal_id_type
        )
        return components(self.identifier(entity.id, field), *self._designated(named, field))

    def _designated(self, designator: HierarchicDesignator | None, field: int) -> tuple[str, ...]:
        if designator is None:
            return ()
        return (
            self.exact(designator.namespace, field, IS_LENGTH),
            self.exact(designator.universal_id, field),
            self.exact(designator.universal_id_type, field),
        )

    def _checked(self, written: str, field: int, limit: int) -> str:
        if len(written) > limit:
            raise self.refuse(Obstacle.TOO_LONG, field)
        if written == NULL:
            raise self.refuse(Obstacle.HL7_NULL, field)
        return written
