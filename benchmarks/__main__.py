"""Speed beside the peers and beside the bounds, in one run: ``python -m benchmarks [SECTION...]``.

Absolute figures depend on the machine and the hour; the ratios, taken in the same run, are what
counts.  Nothing here is a test.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from benchmarks import asking, astm, codecs, commits, dicom, journey, sending, table

SECTIONS: dict[str, Callable[[float], list[table.Row]]] = {
    "astm": astm.measure,
    "commits": commits.measure,
    "decode": codecs.decode,
    "oru": codecs.oru,
    "sending": sending.measure,
    "journey": journey.measure,
    "asking": asking.measure,
    "dicom": dicom.measure,
    "dicom-dcmtk": dicom.measure_by_dcmtk,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--seconds", type=float, default=4.0, help="per measurement")
    chosen = parser.parse_args()
    unknown = set(chosen.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; known: {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is to be ended
    for name in chosen.sections:
        print(f"\n{name}", flush=True)
        table.show(SECTIONS[name](chosen.seconds))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
