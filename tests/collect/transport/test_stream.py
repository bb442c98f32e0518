"""How long a stream is read from. One timer serves all reads, so that each has to be right beside the others."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

import pytest
from tests.schedule.virtual import VirtualLoop, run_virtual

from openai_monitor.collect.transport.stream import Stream, deadline_of


class Wire(asyncio.Transport):
    """Goes nowhere."""


def connected() -> Stream:
    stream = Stream("example.com:443")
    stream.connection_made(Wire())
    return stream


def now() -> float:
    return asyncio.get_running_loop().time()


def looks_at_time() -> int:
    """How many timers of streams there are."""
    loop: Any = asyncio.get_running_loop()
    return sum("look_at_time" in repr(timer) and not timer.cancelled() for timer in loop._scheduled)


def come(stream: Stream, after: float) -> None:
    asyncio.get_running_loop().call_later(after, stream.data_received, b"data")


async def fails_after(stream: Stream, patience: float) -> None:
    began = now()
    with pytest.raises(TimeoutError):
        await stream.read(100, deadline_of(patience))
    assert now() - began == pytest.approx(patience)


def test_a_read_ends_when_its_time_is_over() -> None:
    async def main() -> None:
        stream = connected()
        await fails_after(stream, 5)
        await fails_after(stream, 3)

    run_virtual(main())


@pytest.mark.parametrize("others", [(10.0,), (30.0,), (1.0,), (None,), (10.0, None), (1.0, 30.0), (30.0, 10.0)])
def test_each_read_has_its_own_time(others: tuple[float | None, ...]) -> None:
    async def main() -> None:
        stream = connected()
        for patience in others:
            come(stream, 0.5)
            assert await stream.read(100, deadline_of(patience)) == b"data"
        await fails_after(stream, 10)

    run_virtual(main())


def test_a_read_after_a_long_pause_has_its_own_time() -> None:
    async def main() -> None:
        stream = connected()
        come(stream, 1)
        await stream.read(100, deadline_of(10))
        await asyncio.sleep(8)
        come(stream, 9)
        assert await stream.read(100, deadline_of(10)) == b"data"
        await asyncio.sleep(60)
        await fails_after(stream, 10)

    run_virtual(main())


def test_a_peer_that_sends_a_little_all_the_time_does_not_move_the_deadline() -> None:
    async def main() -> None:
        stream = connected()
        began, deadline = now(), deadline_of(3)
        for _n in range(7):
            come(stream, 0.4)
            await stream.read(100, deadline)
        come(stream, 0.4)
        with pytest.raises(TimeoutError):
            await stream.read(100, deadline)
        assert now() - began == pytest.approx(3)

    run_virtual(main())


def test_a_read_without_a_bound_waits_on() -> None:
    async def main() -> None:
        stream = connected()
        come(stream, 1)
        await stream.read(100, deadline_of(2))
        come(stream, 100_000)
        assert await stream.read(100) == b"data"

    run_virtual(main())


def test_data_and_the_end_of_the_time_in_one_step_are_data() -> None:
    async def main() -> None:
        stream, loop = connected(), asyncio.get_running_loop()
        loop.call_later(5, stream.data_received, b"data")
        assert await stream.read(100, deadline_of(5)) == b"data"

    run_virtual(main())


def test_a_lost_connection_leaves_no_timer() -> None:
    async def main() -> None:
        stream = connected()
        come(stream, 1)
        await stream.read(100, deadline_of(1000))
        stream.connection_lost(None)
        loop: Any = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        assert all(timer.cancelled() for timer in loop._scheduled)  # type: ignore[attr-defined]

    run_virtual(main())


async def greet_and_listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"data")
    with suppress(OSError):
        await reader.read()
    writer.close()


def test_a_connection_that_is_cut_in_its_handshake_leaves_no_timer() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with await asyncio.start_server(greet_and_listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            _, stream = await loop.create_connection(lambda: Stream("example.com:443"), "127.0.0.1", port)
            assert await stream.read(100, deadline_of(1000)) == b"data"
            handshake = asyncio.create_task(stream.start_tls(ssl.create_default_context(), "example.com", 1000))
            await asyncio.sleep(0.05)
            assert looks_at_time() == 1
            handshake.cancel()
            await asyncio.wait([handshake])
            assert looks_at_time() == 0

    asyncio.run(main())
