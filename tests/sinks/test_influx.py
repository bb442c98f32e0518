"""Line protocol to a server, to a file, and to standard output."""

import asyncio
import os
import select
import sys
from pathlib import Path

import pytest
from tests.sinks.events import COST, CREDIT, event
from tests.sinks.receiver import receiver, until

from openai_monitor.sinks import SINKS, Sink, Surroundings
from openai_monitor.sinks.influx import write_stdout


def sink(home: Path | None = None, /, **given: object) -> Sink:
    settings = SINKS["influx"].settings.model_validate(given, context={"folder": home})
    return SINKS["influx"].make(settings, Surroundings())


def test_to_a_server_with_a_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tok-fake\n")

    async def main() -> None:
        async with receiver() as server:
            url = f"http://127.0.0.1:{server.port}/api/v2/write?org=o&bucket=b"
            made = sink(tmp_path, url=url, token={"file": "token"})
            await made.start()
            made.offer(event(CREDIT, COST))
            await until(lambda: server.posted)
            await made.close(5)
        (posted,) = server.posted
        assert posted.target == "/api/v2/write?org=o&bucket=b"
        assert posted.headers["authorization"] == "Token tok-fake"
        lines = posted.body.decode().splitlines()
        assert lines[0] == (
            "openai_credit_grants,monitor=acme,team=ml total_granted=18.0,total_available=12.75 1795377000120000000"
        )
        assert len(lines) == 5

    asyncio.run(main())


def test_to_a_file(tmp_path: Path) -> None:
    made = sink(tmp_path, path="lines/rows.influx", rotate_bytes=1000, keep=1)

    async def main() -> None:
        await made.start()
        for _ in range(6):
            made.offer(event(CREDIT, COST))
            await until(lambda: made.health().buffered == 0)
        await made.close(5)

    asyncio.run(main())
    assert {path.name for path in (tmp_path / "lines").iterdir()} == {"rows.influx", "rows.influx.1"}
    assert (tmp_path / "lines" / "rows.influx").read_text().startswith("openai_")


PROGRAM = """
import asyncio
from openai_monitor.sinks import SINKS, Surroundings
from tests.sinks.events import COST, event

async def main():
    made = SINKS["influx"].make(SINKS["influx"].settings(stdout=True), Surroundings())
    await made.start()
    for number in range(3000):
        made.offer(event(COST, name=f"monitor-{number}"))
    await made.close(30)

asyncio.run(main())
"""


def test_to_standard_output_of_a_slow_reader() -> None:
    async def main() -> list[str]:
        root = str(Path(__file__).parents[2])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, stdout=asyncio.subprocess.PIPE, cwd=root
        )
        assert process.stdout is not None
        await asyncio.sleep(0.3)
        text = (await process.stdout.read()).decode()
        assert await process.wait() == 0
        return text.splitlines()

    lines = asyncio.run(main())
    assert len(lines) == 9000
    assert all(line.endswith(" 1795377000120000000") for line in lines)


def test_a_pipe_that_takes_no_more_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    written = bytearray()
    turns: list[int] = [3, 0, 100]

    def write(handle: int, data: bytes) -> int:
        turn = turns.pop(0)
        if not turn:
            raise BlockingIOError
        written.extend(data[:turn])
        return min(turn, len(data))

    class Output:
        @staticmethod
        def fileno() -> int:
            return 1

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(select, "select", lambda *handles: handles)
    monkeypatch.setattr(sys, "stdout", Output)
    write_stdout([b"abc", b"def\n"])
    assert bytes(written) == b"abcdef\n"


@pytest.mark.parametrize(
    "given",
    [{}, {"stdout": True, "path": "x"}, {"url": "http://x/", "stdout": True}, {"path": "x", "token": "t"}],
)
def test_exactly_one_way_is_given(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exactly one|goes with"):
        sink(None, **given)
