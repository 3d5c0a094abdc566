"""DICOM over TLS with DCMTK on both ends and Node: who is let in, and a PACS that shows its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from dcmjs_peer import at_hand, conversation, converse
from services_site import UNIT, now, tool, until
from stills import still

from gateway.app import running
from gateway.config import parse
from gateway.notices import Noticeboard

pytestmark = pytest.mark.peer

HERE = Path(__file__).parents[1] / "delivery" / "certificates"
SERVER, CLIENT, CA, OTHER = (
    HERE / name for name in ("server.pem", "client.pem", "ca.pem", "another-ca.pem")
)


def configuration(folder: Path, port: int, more: str = "") -> str:
    return f"""
[gateway]
site = "clinic"
timezone = "UTC"
data_dir = "{folder}/data"
[dicom]
listen = "127.0.0.1:{port}"
certificate_file = "{SERVER}"
key_file = "{SERVER}"
client_ca_file = "{CA}"
[devices.us-room-2]
profile = "ultrasound"
ae_title = "{UNIT}"
address = "127.0.0.1/32"
{more}
"""


async def test_only_units_with_a_certificate_of_the_site_s_ca(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    image = still(1).save(tmp_path / "still.dcm")
    chosen = parse(configuration(tmp_path, port), tmp_path / "gateway.toml")
    async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
        assert gateway.modalities is not None
        index = gateway.modalities.archive.index
        command = ("storescu", "-aet", UNIT, "-to", "10", "-ta", "10")
        target = ("127.0.0.1", port, image)
        for options in ((), ("+tla", "-ic"), ("+tls", OTHER, OTHER, "-ic")):
            code, _ = await tool(*command, *options, *target)
            assert code != 0, options
            assert await index.instance(still(1).uid) is None
        code, said = await tool(*command, "+tls", CLIENT, CLIENT, "+cf", CA, *target)
        assert code == 0, said
        assert await index.instance(still(1).uid) is not None


@at_hand
async def test_a_unit_with_another_tls_than_ours(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Without a certificate; to whom the gateway is a stranger; with all that it takes."""
    port, image = free_port(), still(1)
    chosen = parse(configuration(tmp_path, port), tmp_path / "gateway.toml")
    store = {"kind": "store", "file": str(image.save(tmp_path / "still.dcm"))}
    sorts = [{"ca": str(CA)}, {"key": str(CLIENT), "ca": str(OTHER)}]
    known = {"key": str(CLIENT), "ca": str(CA)}
    async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
        assert gateway.modalities is not None
        index = gateway.modalities.archive.index
        talks = [conversation(port, store, host="localhost", tls=tls) for tls in sorts]
        for found in await converse(*talks):
            assert not found["contexts"]
            assert not found["answers"][0]["statuses"]
        assert await index.instance(image.uid) is None
        (found,) = await converse(conversation(port, store, host="localhost", tls=known))
        assert found["answers"][0]["statuses"] == [0]
        stored = await index.instance(image.uid)
    assert stored is not None
    assert stored.sha256.hex() == found["answers"][0]["sent"]


@pytest.mark.parametrize("trusted", [CA, OTHER])
async def test_a_pacs_must_show_who_it_is(
    tmp_path: Path, free_port: Callable[[], int], trusted: Path
) -> None:
    port, theirs, out = free_port(), free_port(), tmp_path / "out"
    out.mkdir()
    pacs = f"""
[destinations.pacs]
type = "dicom"
address = "PACS@localhost:{theirs}"
tls = true
ca_file = "{trusted}"
certificate_file = "{CLIENT}"
key_file = "{CLIENT}"
"""
    peer = await asyncio.create_subprocess_exec(
        *("storescp", "+tls", str(SERVER), str(SERVER), "+cf", str(CA)),
        *("-aet", "PACS", "-od", str(out), str(theirs)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    image = still(1).save(tmp_path / "still.dcm")
    chosen = parse(configuration(tmp_path, port, pacs), tmp_path / "gateway.toml")
    try:
        async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
            code, said = await tool(
                *("storescu", "-aet", UNIT, "+tls", CLIENT, CLIENT, "+cf", CA),
                *("127.0.0.1", port, image),
            )
            assert code == 0, said

            async def settled() -> bool:
                lane = (await gateway.desk.ask("status", {}))["destinations"]["pacs"]
                return bool(lane["delivered"] if trusted == CA else lane["up"] is False)

            await until(settled)
    finally:
        peer.terminate()
        await peer.wait()
    assert len(list(out.iterdir())) == (1 if trusted == CA else 0)
