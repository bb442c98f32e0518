"""The mock server of a recorded case: answers by its routes, records what was asked."""

import asyncio
import base64
import hashlib
import json
import re
import socket
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

Route = dict[str, Any]
Headers = list[tuple[str, str]]


@dataclass
class Asked:
    server: int
    method: str
    target: str
    headers: Headers
    body: str
    digest_ok: bool | None = None


@dataclass
class MockServers:
    """Two plain HTTP servers on loopback, and a port nobody listens on."""

    ports: list[int] = field(default_factory=list)
    closed_port: int = 0
    routes: list[Route] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        for number in (1, 2):
            server = await asyncio.start_server(partial(self._serve, number), "127.0.0.1", 0)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.closed_port = probe.getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._answer_one(number, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer_one(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.read(1)
        if not first.isalpha():  # the end, or somebody speaks TLS
            return False
        line = first + await reader.readline()
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: Headers = []
        while (header := (await reader.readline()).rstrip(b"\r\n")) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers.append((name.strip().lower(), value.strip()))
        length = int(dict(headers).get("content-length", 0))
        body = (await reader.readexactly(length)).decode("utf-8", "replace")
        asked = Asked(number, method, target, headers, body)
        self.asked.append(asked)
        return await self._respond(asked, writer)

    async def _respond(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        route = next((route for route in self.routes if _matches(route, asked)), None)
        if route is None:
            route = {"status": 404, "body": "no route"}
        if delay := route.get("delay"):
            await asyncio.sleep(delay)
        if route.get("close"):
            return False
        if "raw" in route:
            writer.write(route["raw"].encode("latin-1"))
            await writer.drain()
            return False
        writer.write(_response(route, asked))
        await writer.drain()
        return True


def _matches(route: Route, asked: Asked) -> bool:
    path = asked.target.partition("?")[0]
    headers = dict(asked.headers)
    return (
        route.get("server", 1) == asked.server
        and route.get("method", asked.method) == asked.method
        and route.get("path", asked.target) in (asked.target, path)
        and ("path_re" not in route or re.fullmatch(route["path_re"], path) is not None)
        and all(headers.get(name.lower()) == value for name, value in route.get("when", {}).items())
        and route.get("body_has", "") in asked.body
    )


def _response(route: Route, asked: Asked) -> bytes:
    status, headers = int(route.get("status", 200)), route.get("headers")
    body: bytes = _body(route)
    pairs = (
        [("Content-Type", "application/json")]
        if headers is None
        else list(headers.items() if isinstance(headers, dict) else map(tuple, headers))
    )
    digest = route.get("digest")
    if digest:
        asked.digest_ok = _digest_right(digest, asked)
        if not asked.digest_ok:
            status, body = 401, b"who are you"
            pairs.append(("WWW-Authenticate", _challenge(digest)))
    if status in (204, 205, 304):
        body = b""
    lines: list[str] = [f"HTTP/1.1 {status} {route.get('reason', _reason(status))}"]
    lines += [f"{name}: {value}" for name, value in pairs]
    lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("utf-8")
    return head + b"\r\n\r\n" + (b"" if asked.method == "HEAD" else body)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _body(route: Route) -> bytes:
    if "body_b64" in route:
        return base64.b64decode(route["body_b64"])
    if "body_repeat" in route:
        head, unit, count, tail = route["body_repeat"]
        return f"{head}{unit * count}{tail}".encode()
    return str(route.get("body", "")).encode("utf-8", "surrogateescape")


def _challenge(digest: dict[str, str]) -> str:
    parts = [f'realm="{digest["realm"]}"', f'nonce="{digest["nonce"]}"']
    if digest.get("qop"):
        parts.append(f'qop="{digest["qop"]}"')
    if digest.get("algorithm"):
        parts.append(f"algorithm={digest['algorithm']}")
    return "Digest " + ", ".join(parts)


def _digest_right(digest: dict[str, str], asked: Asked) -> bool:
    sent = dict(asked.headers).get("authorization", "")
    if not sent.lower().startswith("digest "):
        return False
    given = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', sent[7:])}

    def hashed(text: str) -> str:
        name = "sha256" if "256" in digest.get("algorithm", "") else "md5"
        return hashlib.new(name, text.encode()).hexdigest()

    secret = hashed(f"{digest['user']}:{digest['realm']}:{digest['password']}")
    if (digest.get("algorithm") or "").lower().endswith("-sess"):
        secret = hashed(f"{secret}:{given.get('nonce')}:{given.get('cnonce')}")
    action = hashed(f"{asked.method}:{given.get('uri')}")
    middle = f"{given.get('nc')}:{given.get('cnonce')}:{given['qop']}:" if given.get("qop") else ""
    expected = hashed(f"{secret}:{given.get('nonce')}:{middle}{action}")
    return given.get("response") == expected and given.get("uri") == asked.target


def canonical(value: object) -> str:
    """Equal things as equal text, for sorting and comparing."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
