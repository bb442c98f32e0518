import asyncio
import socket
import threading
import time

import pytest

from openai_monitor.cli.loop import run_async


async def _answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_it_gives_what_the_coroutine_gives() -> None:
    assert run_async(_answer()) == 42


def test_work_in_threads_comes_back() -> None:
    async def main() -> tuple[int, str]:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 7), await asyncio.to_thread(str.upper, "x")

    assert run_async(main()) == (7, "X")


def test_a_resolver_that_hangs_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_arguments: object, **_more: object) -> list[object]:
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def main() -> None:
        async with asyncio.timeout(0.1):
            await asyncio.get_running_loop().getaddrinfo("api.example.com", 443)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run_async(main())
    assert time.monotonic() - began < 5
    release.set()
