"""One client for all, and ``ask``: a request to a sandbox of its own, over real HTTP."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

import httpx
import pytest

from openai_monitor.sandbox import Account, running

NOW = datetime(2023, 4, 11, 15, 30, tzinfo=UTC)


class Ask(Protocol):
    def __call__(
        self,
        target: str,
        key: str | None = "sess-sandbox",
        *,
        account: Account | None = None,
        faults: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        now: datetime = NOW,
    ) -> httpx.Response: ...


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    def ask(
        target: str,
        key: str | None = "sess-sandbox",
        *,
        account: Account | None = None,
        faults: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        now: datetime = NOW,
    ) -> httpx.Response:
        sent = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        with running(account, faults, now=lambda: now) as server:
            return client.get(server.url + target, headers={**sent, "Connection": "close"})

    return ask
