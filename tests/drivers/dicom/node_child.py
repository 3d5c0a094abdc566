"""A node in a process of its own, on a folder; prints port and process id, runs until killed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from imaging_site import site


async def main() -> None:
    async with site(Path(sys.argv[1])) as clinic:
        print(clinic.port, os.getpid(), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
