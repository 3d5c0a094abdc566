"""A device nobody knew on its first day: its recording is read later, and nothing is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from clinic import gateway, run_command, until
from test_desk import command, configuration

from simulators.ehr import Ehr

RECORDS = (
    b"H|\\^&|||TEST^1||||||||LIS2-A2|20260105101130\r"
    b"P|1||MRN1||DOE^JANE\r"
    b"O|1|S1||^^^GLU\rR|1|^^^GLU|5.50|mg/dL||N||F||||20260105101130\r"
    b"O|2|S2||^^^GLU\rR|1|^^^GLU|6.50|mg/dL||N||F||||20260105101131\r"
    b"L|1|N\r"
)


async def recorded(folder: Path, device: int, ehr: int) -> None:
    """Its first day: until the recording is among the held items."""
    config = configuration(folder, device, ehr, "", "capture-only")
    async with gateway(config):
        _, writer = await asyncio.open_connection("127.0.0.1", device)
        writer.write(RECORDS)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(30):
            while len(await command(config, "held", "list", "--json")) != 1:
                await asyncio.sleep(0.05)


async def test_what_a_recording_was_kept_for_is_done_when_it_was_read(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, ehr = free_port(), Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    try:
        await recorded(tmp_path, device, port)
        config = configuration(tmp_path, device, port, '"GLU" = "2345-7"')
        async with gateway(config):
            dry = await command(config, "replay", "--dry-run", "--json")
            assert [change["done"] for change in dry["changes"]] == ["would change"] * 2
            assert len(await command(config, "held", "list", "--json")) == 1
            said = await command(config, "replay", "--user", "me")
            assert "1 transmission(s) that were held themselves are done with" in said
            await until(lambda: ehr.received == 2, what="both results")
            assert await command(config, "held", "list", "--json") == []
            books = (await command(config, "status", "--json"))["books"]["devices"]["bench"]
            assert (books["received"], books["discarded"], books["held"]) == (2, 0, 0)
            assert books["balanced"]
            again = await command(config, "replay", "--json")
            assert (again["changes"], again["holds_ended"]) == ([], 0)
    finally:
        await ehr.aclose()
    status, out, _ = await run_command("held", "show", "1", "-c", str(config))
    assert status == 0, out


async def test_reports_that_still_wait_for_a_code_are_held_in_its_place(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device, ehr = free_port(), Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    try:
        await recorded(tmp_path, device, port)
        config = configuration(tmp_path, device, port, "")
        async with gateway(config):
            await command(config, "replay", "--json", "--user", "me")
            held = await command(config, "held", "list", "--json")
            codes = [{p["code"] for p in item["problems"] if p["hold"]} for item in held]
            assert codes == [{"unknown-test"}] * 2
            books = (await command(config, "status", "--json"))["books"]["devices"]["bench"]
            assert (books["received"], books["held"], books["balanced"]) == (2, 2, True)
    finally:
        await ehr.aclose()
    assert ehr.received == 0
