"""What a serial port hears of a line whose settings are not its own: bits on a wire, sampled."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.transports import SUBSTITUTE, Parity


@dataclass(frozen=True)
class Format:
    """How characters stand on a line."""

    baud: int = 9600
    bits: int = 8
    parity: Parity = Parity.NONE

    def levels(self, data: bytes) -> list[int]:
        """One level a bit: idle, then every character with its start, parity and stop."""
        wire = [1] * 20
        for byte in data:
            bits = [byte >> n & 1 for n in range(self.bits)]
            wire += [0, *bits, *self._check(bits), 1]
        return wire + [1] * 20

    def _check(self, bits: list[int]) -> list[int]:
        odd = sum(bits) % 2
        return {Parity.NONE: [], Parity.EVEN: [odd], Parity.ODD: [1 - odd]}[self.parity]

    def heard(self, data: bytes, sender: Format) -> bytes:
        """What this port reads; a character without its stop, or with a wrong check, is marked."""
        wire, found = sender.levels(data), bytearray()
        step, at = sender.baud / self.baud, 0.0

        def level(moment: float) -> int:
            index = int(moment)
            return wire[index] if index < len(wire) else 1

        while True:
            edge = next((n for n in range(int(at), len(wire)) if wire[n] == 0 and n >= at), None)
            if edge is None:
                return bytes(found)
            samples = [level(edge + (n + 0.5) * step) for n in range(12)]
            bits = samples[1 : 1 + self.bits]
            check = self._check(bits)
            stop = 1 + self.bits + len(check)
            right = samples[stop] == 1 and samples[1 + self.bits : stop] == check
            found += bytes([sum(b << n for n, b in enumerate(bits))]) if right else SUBSTITUTE
            at = edge + (stop + 0.5) * step
            while level(at) == 0 and at < len(wire):  # a break: wait for the line to rise
                at += step
