"""A manager's HTTP API for tests, as far as definitions go."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

PASSWORD = "pw-fake-1234"
TOKEN = "token-fake-5678"


@dataclass
class Pages:
    """What the manager holds, and what it was asked. ``refuses`` is what it says to every change."""

    url: str = ""
    definitions: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses: str = ""
    answers: bytes | None = None

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if path == "/api/account/auth/form":
            right = body == {"type": 1, "identifier": "admin", "credential": PASSWORD}
            return 200, _said(0, data={"token": TOKEN, "role": "admin"}) if right else _said(
                6, "wrong password " + body["credential"]
            )
        if token != f"Bearer {TOKEN}":
            return 401, _said(401, "log in first")
        if method == "GET":
            app = path.split("/")[3]
            found = self.definitions.get(app)
            return 200, _said(0, data=found) if found is not None else _said(15, f"can not find {app}")
        return 200, self._define(method, body["define"])

    def _define(self, method: str, text: str) -> Any:
        app = yaml.safe_load(text)["app"]
        if self.refuses:
            return _said(3, self.refuses)
        if method == "POST" and app in self.definitions:
            return _said(3, f"{app} is there already")
        self.definitions[app] = text
        return _said(0)


def _said(code: int, msg: str | None = None, data: Any = None) -> dict[str, Any]:
    return {"code": code, "msg": msg, "data": data}


@contextlib.contextmanager
def pages() -> Iterator[Pages]:
    """A manager's pages on this machine."""
    state = Pages()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = state.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            data = state.answers if state.answers is not None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - http.server calls them so

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
