"""What a person does at the gateway: look at a held report, mend the map, replay, send again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clinic import gateway, glucose, run_command, until

from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.ehr import Ehr
from simulators.pipe import open_pipe


def configuration(
    folder: Path, device: int, ehr: int, codes: str, profile: str = "generic-astm"
) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "desk"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "{profile}"
stream = "tcp-listen:127.0.0.1:{device}"
codes = {{ {codes} }}

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
""",
        encoding="utf-8",
    )
    return path


async def command(config: Path, *arguments: str) -> Any:
    """A command's JSON answer, or its text."""
    status, out, err = await run_command(*arguments, "-c", str(config))
    assert (status, err) == (0, ""), (out, err)
    return json.loads(out) if "--json" in arguments else out


async def send(device: int, *messages: list[bytes]) -> None:
    analyzer = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
    for message in messages:
        await analyzer.send(message)
    await analyzer.aclose()


async def test_a_held_report_leaves_after_its_code_was_added(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device = free_port()
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    try:
        config = configuration(tmp_path, device, port, "")
        async with gateway(config):
            await send(device, glucose("S1", "MRN1", "5.50"), glucose("S2", "MRN2", "6.50"))
            held = await command(config, "held", "list", "--json")
            assert [[p["code"] for p in item["problems"] if p["hold"]] for item in held] == [
                ["unknown-test"]
            ] * 2
            shown = await command(config, "held", "show", str(held[0]["id"]), "--json")
            assert shown["report"]["specimen"]["id"] == "S1"
            tape = tmp_path / "bench.wire"
            status, _, said = await run_command("tape", "bench", "-o", str(tape), "-c", str(config))
            assert status == 0
            assert "scrub it" in said
            assert tape.stat().st_mode & 0o777 == 0o600
            status, out, _ = await run_command("decode", str(tape), "--profile", "generic-astm")
            assert [json.loads(line)["specimen"]["id"] for line in out.splitlines()] == ["S1", "S2"]
            assert "|5.50|" in shown["bytes"]
            await command(
                config, "held", "discard", str(held[1]["id"]), "--reason", "a test", "--user", "me"
            )
        assert ehr.received == 0

        config = configuration(tmp_path, device, port, '"GLU" = "2345-7"')
        dry = await command(config, "replay", "--dry-run", "--json")
        assert dry["transmissions"] == 2
        fields = {f["at"]: f["now"] for f in dry["changes"][0]["fields"]}
        assert fields["observations[0].code.loinc"] == "2345-7"
        async with gateway(config):
            done = await command(config, "replay", "--json", "--user", "me")
            assert next(change["done"] for change in done["changes"]) == "released"
            await until(lambda: ehr.received == 1, what="the released report")
            assert await command(config, "held", "list", "--json") == []
            books = (await command(config, "status", "--json"))["books"]["devices"]["bench"]
            assert (books["received"], books["discarded"], books["balanced"]) == (2, 1, True)
    finally:
        await ehr.aclose()
    assert b"2345-7" in ehr.inbox.messages[0]
    assert b"^S1|" in ehr.inbox.messages[0]


async def test_moles_under_a_code_of_mass_wait_until_the_map_is_mended(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The profile knows the device's glucose; the site's slip over it is noticed."""
    device = free_port()
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    in_moles = glucose("S1", "MRN1", "5.50", unit="mmol/L")
    try:
        config = configuration(tmp_path, device, port, '"GLU" = "2339-0"', "erba-xl")
        async with gateway(config):
            await send(device, in_moles, glucose("S2", "MRN2", "99"))
            await until(lambda: ehr.received == 1, what="the result in mg/dL")
            (item,) = await command(config, "held", "list", "--json")
            assert [p["code"] for p in item["problems"] if p["hold"]] == ["unit-mismatch"]
            shown = await command(config, "held", "show", str(item["id"]))
            assert "'GLU' is mapped to 2339-0 (Glucose [Mass/volume] in Blood)" in shown
            assert "mmol/L is moles/volume" in shown

        config = configuration(tmp_path, device, port, '"GLU" = "15074-8"', "erba-xl")
        async with gateway(config):
            await command(config, "replay", "--device", "bench", "--json", "--user", "me")
            await until(lambda: ehr.received >= 2, what="the result in mmol/L")
    finally:
        await ehr.aclose()
    first, second = ehr.inbox.messages[:2]
    assert b"|NM|2339-0^" in first
    assert b"||99|mg/dL^" in first
    assert b"|NM|15074-8^" in second
    assert b"||5.50|mmol/L^" in second


async def test_where_every_code_is_the_sites_a_mismatch_leaves_as_configured(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device = free_port()
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    in_moles = glucose("S1", "MRN1", "5.50", unit="mmol/L")
    try:
        config = configuration(tmp_path, device, port, '"GLU" = "2345-7"')
        async with gateway(config):
            await send(device, in_moles)
            await until(lambda: ehr.received == 1, what="the result as configured")
            assert await command(config, "held", "list", "--json") == []
    finally:
        await ehr.aclose()
    assert b"|NM|2345-7^" in ehr.inbox.messages[0]
    assert b"||5.50|mmol/L^" in ehr.inbox.messages[0]


async def test_release_as_it_is_and_send_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    device = free_port()
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    try:
        config = configuration(tmp_path, device, port, "")
        async with gateway(config):
            await send(device, glucose("S1", "MRN1", "5.50"))
            (item,) = await command(config, "held", "list", "--json")
            out = await command(
                config, "held", "release", str(item["id"]), "--reason", "checked", "--user", "me"
            )
            assert "1 message(s) queued" in out
            await until(lambda: ehr.received == 1, what="the released report")
            await command(config, "resend", "1", "--user", "me")
            await until(lambda: ehr.received == 2, what="the same again")
            await command(config, "resend", "1", "--as-new", "--user", "me")
            await until(lambda: ehr.received == 3, what="it as new")
            (report, *_) = await command(config, "reports", "list", "--specimen", "S1", "--json")
            moved = ("reports", "move", report["id"], "--patient-id", "MRN9", "--reason", "swapped")
            assert "withdrawn" in await command(config, *moved, "--user", "me")
            await until(lambda: ehr.received == 5, what="withdrawal and result")
            for asked in (("resend", "99"), ("cancel", "99", "--reason", "no")):
                status, _, err = await run_command(*asked, "-c", str(config), "--user", "me")
                assert status == 1
                assert "99" in err
            again = ("cancel", "1", "--reason", "no", "-c", str(config), "--user", "me")
            status, _, err = await run_command(*again)
            assert (status, err) == (
                1,
                "gateway: message 1 is delivered; only parked ones are cancelled\n",
            )
    finally:
        await ehr.aclose()
    first, again, new, withdrawn, right = ehr.inbox.messages
    assert b"||MRN1|" in withdrawn
    assert b"||MRN9|" in right
    assert first == again
    assert new != first
    assert new.split(b"|")[9] != first.split(b"|")[9]
    assert [m.split(b"OBX|1|")[1].split(b"|")[9] for m in (first, new)] == [b"F", b"F"]
