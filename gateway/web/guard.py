"""What stands before every route: who may pass, how much may come in, and what browsers may do.

Decided from the head of the request alone; the body of a request that is refused is never read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import logs
from gateway.config.checks.listeners import is_loopback
from gateway.logs import describe
from gateway.web.study_links import PATH
from gateway.web.token import Token

API_BODY: Final = 64 * 1024
_OPEN: Final = frozenset({"/healthz"})
_OPEN_HERE: Final = frozenset({"/metrics"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Final[Mapping[bytes, bytes]] = MappingProxyType(
    {
        b"x-content-type-options": b"nosniff",
        b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
        b"cache-control": b"no-store",
        b"referrer-policy": b"no-referrer",
        b"cross-origin-resource-policy": b"same-origin",
        b"x-frame-options": b"DENY",
    }
)


class Guard:
    """ASGI middleware.  ``scope["state"]["user"]`` is who the caller says it is."""

    def __init__(self, app: ASGIApp, *, token: Token) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        guarded = _with_headers(send)
        head = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, head)
        if refusal is None:
            await self._answer(scope, _counted(scope, receive), guarded)
        else:
            await _refuse(guarded, *refusal)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - uvicorn would log its text
            logs.get().error("http.failed", failure=describe(error))

    def _refusal(self, scope: Scope, head: Mapping[str, str]) -> tuple[int, str] | None:
        path = scope["path"]
        if path in _OPEN or (path in _OPEN_HERE and _is_here(scope, head)):
            return None
        if path.startswith(PATH) and scope["method"] in _SAFE:
            return None  # the link is the right to look
        user, secret = _credentials(head.get("authorization", ""))
        if not secret or not self._token.matches(secret):
            return 401, "the token is missing or wrong; it is in the file named by http.token_file"
        scope.setdefault("state", {})["user"] = user
        if scope["method"] in _SAFE:
            return None
        if not _same_origin(head):
            return 403, "the request comes from another site's page"
        if head.get("content-encoding", "identity") != "identity":
            return 415, "compressed bodies are not taken"
        if not path.startswith("/dicom-web") and _length(head) > API_BODY:
            return 413, f"the body is longer than {API_BODY} bytes"
        return None


def _credentials(header: str) -> tuple[str, str]:
    """User and token of a Bearer or Basic authorization; empty when there is none."""
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return "", rest.strip()
        case "basic":
            try:
                text = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            user, _, secret = text.partition(":")
            return user, secret
        case _:
            return "", ""


def _is_here(scope: Scope, head: Mapping[str, str]) -> bool:
    """Whether the caller, the address it called and the name it called it by are this machine's
    own: a page whose name was made to mean 127.0.0.1 has a name of its own, and so has what stands
    behind a proxy."""
    places = [scope.get("client"), scope.get("server")]
    if not is_loopback(_host_of(f"//{head.get('host', '')}")):
        return False
    return all(place is not None and is_loopback(place[0]) for place in places)


def _host_of(address: str) -> str:
    """Empty where it names none, or cannot be read."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _same_origin(head: Mapping[str, str]) -> bool:
    """Browsers name the page a request comes from; programs do not."""
    if head.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = head.get("origin")
    return origin is None or origin.partition("://")[2] == head.get("host")


def _length(head: Mapping[str, str]) -> int:
    text = head.get("content-length", "0")
    return int(text) if text.isdigit() and len(text) < 16 else 0


def _counted(scope: Scope, receive: Receive) -> Receive:
    """Ends an API body that grows beyond its limit without having said so."""
    if scope["path"].startswith("/dicom-web"):
        return receive
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > API_BODY else message

    return counting


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message.get("headers", ())}
            more = [(n, v) for n, v in _HEADERS.items() if n not in known]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"error": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="gateway", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
