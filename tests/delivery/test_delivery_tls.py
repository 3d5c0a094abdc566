from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from delivery_bench import Witness, an_entry, enqueue, message, running
from mllp_peer import a_peer

from gateway.delivery.link import Link
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.delivery.tls import TlsFiles, client_context
from gateway.errors import Ambiguous, ConfigurationError, DeliveryError, Unreachable
from gateway.store import Store

HERE = Path(__file__).parent / "certificates"
CA, SERVER, CLIENT = HERE / "ca.pem", HERE / "server.pem", HERE / "client.pem"


def a_server(*, mutual: bool = False, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SERVER)
    if newest is not None:
        context.maximum_version = newest
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CA)
    return context


def a_sender(port: int, files: TlsFiles, host: str = "127.0.0.1") -> MllpSender:
    return MllpSender(MllpOptions(host, port, reply=5.0, tls=client_context(files)))


async def test_a_message_over_tls(store: Store, witness: Witness) -> None:
    await enqueue(store, [message(f"M{number:05d}") for number in range(20)])
    async with a_peer(a_server()) as peer:
        sender = a_sender(peer.port, TlsFiles(ca=CA))
        async with running(store, sender, witness):
            await witness.delivered(20)
        assert peer.connections == 1


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_mutual_tls(newest: ssl.TLSVersion, store: Store, witness: Witness) -> None:
    await enqueue(store, [message("M00001")])
    async with a_peer(a_server(mutual=True, newest=newest)) as peer:
        sender = a_sender(peer.port, TlsFiles(CA, CLIENT))
        async with running(store, sender, witness):
            await witness.delivered(1)
        assert peer.ids == ["M00001"]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_our_certificate_gets_nothing_without(
    newest: ssl.TLSVersion,
) -> None:
    """Under TLS 1.3 it closes only after the message was written."""
    expected = Unreachable if newest is ssl.TLSVersion.TLSv1_2 else (Unreachable, Ambiguous)
    async with a_peer(a_server(mutual=True, newest=newest)) as peer:
        with pytest.raises(expected):
            await a_sender(peer.port, TlsFiles(CA)).deliver(an_entry())
        assert peer.messages == []


async def test_an_alert_about_our_certificate_means_that_nothing_was_read() -> None:
    alert = ssl.SSLError(1, "alert")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    for error, expected in ((alert, Unreachable), (ConnectionResetError(), Ambiguous)):
        told: list[DeliveryError] = []
        link = Link(
            lambda block: None,
            1_000,
            failed=lambda link, error, told=told: told.append(error),
            rested=lambda: None,
        )
        link.connection_lost(error)
        assert [type(one) for one in told] == [expected]


async def test_a_server_we_do_not_trust_gets_nothing() -> None:
    async with a_peer(a_server()) as peer:
        for files in (TlsFiles(ca=HERE / "another-ca.pem"), TlsFiles()):
            with pytest.raises(Unreachable, match="TLS failed"):
                await a_sender(peer.port, files).deliver(an_entry())
        assert peer.messages == []


async def test_a_plain_receiver_is_no_tls_server() -> None:
    async with a_peer() as peer:
        peer.answer(b"HTTP/1.1 400 Bad Request\r\n")
        sender = MllpSender(
            MllpOptions("127.0.0.1", peer.port, connect=0.2, tls=client_context(TlsFiles(CA)))
        )
        with pytest.raises(Unreachable):
            await sender.open()


async def test_old_versions_are_not_spoken() -> None:
    context = client_context(TlsFiles(CA))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert client_context(TlsFiles()).minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    "files",
    [
        TlsFiles(ca=HERE / "absent.pem"),
        TlsFiles(ca=HERE / "README.md"),
        TlsFiles(CA, certificate=HERE / "absent.pem"),
        TlsFiles(CA, certificate=HERE / "README.md"),
        TlsFiles(CA, certificate=CA),
    ],
)
def test_a_file_that_cannot_be_used_is_named(files: TlsFiles) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client_context(files)
    [line] = caught.value.mistakes
    assert line.startswith(str(files.certificate or files.ca))


async def test_a_silent_tls_peer_does_not_hold_us_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        options = MllpOptions("127.0.0.1", port, connect=0.1, tls=client_context(TlsFiles(CA)))
        with pytest.raises(Unreachable, match="no connection within"):
            await MllpSender(options).open()
