import asyncio
import contextlib
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.service.history.rounds import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    QUICK,
    answered,
    count,
    event,
    monitor,
    rows_of,
    sink,
    until,
    write,
)  # fmt: skip

from openai_monitor.rows import Field, FieldType
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.history import schema
from openai_monitor.service.history.buffer import Buffer, waiting
from openai_monitor.service.history.place import companions
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.history.writer import HistorySink, Pace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite"


def rounds(number: int, who: str = "acme") -> list[RoundEvent]:
    return [event(answered(rows=[(n, "pro")]), at=NOON + n * MINUTE, who=monitor(who)) for n in range(number)]


@contextlib.asynccontextmanager
async def running(path: Path, pace: Pace = QUICK, most_bytes: int = 2**25) -> AsyncIterator[HistorySink]:
    """A sink that was started, and is closed."""
    made = sink(path, pace, most_bytes)
    await made.start()
    try:
        yield made
    finally:
        await made.close(5)


def offer(made: HistorySink, number: int = 1) -> None:
    for each in rounds(number):
        made.offer(each)


def healthy(made: HistorySink) -> bool:
    health = made.health()
    return health.ok and not health.buffered


# All is well


def test_rounds_are_in_the_file_as_soon_as_they_were_offered(path: Path) -> None:
    async def run() -> None:
        async with running(path) as made:
            offer(made, 3)
            await until(lambda: healthy(made))
            assert count(path) == 3
            assert made.health().detail == ""

    asyncio.run(run())
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


def test_what_waits_is_written_at_the_end(path: Path) -> None:
    async def run() -> None:
        made = sink(path)
        offer(made, 500)
        await made.start()
        await made.close(10)
        assert made.health().buffered == 0

    asyncio.run(run())
    assert count(path) == 500
    assert not any(each.exists() for each in companions(path)), "closing leaves one file"


def test_a_monitor_that_was_removed_is_noted(path: Path) -> None:
    async def run() -> None:
        async with running(path) as made:
            offer(made)
            made.forget("acme")

    asyncio.run(run())
    assert rows_of(path, "SELECT count(*) FROM monitor WHERE removed IS NOT NULL") == [(1,)]


def test_old_rows_are_condensed_while_new_ones_come(path: Path) -> None:
    path.parent.mkdir()
    for days in range(4):
        at = NOON + days * DAY
        write(path, event(answered(at=at), at=at))

    async def run() -> None:
        settings = HistorySettings(path=path, rows_days=1)
        made = HistorySink(settings, pace=replace(QUICK, tidying=0.01), clock=lambda: NOON + 3 * DAY)
        await made.start()
        await until(lambda: count(path, "hourly") == 2)
        made.offer(event(answered(), at=NOON + 3 * DAY + HOUR))
        await made.close(5)

    asyncio.run(run())
    assert rows_of(path, "SELECT day FROM span") == [("2026-03-04",), ("2026-03-05",)]
    assert count(path) == 3


def test_many_rounds_share_a_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = []
    transaction = schema.transaction

    def counted(connection: sqlite3.Connection) -> contextlib.AbstractContextManager[None]:
        began.append(1)
        return transaction(connection)

    monkeypatch.setattr(schema, "transaction", counted)

    async def run() -> None:
        made = sink(path)
        offer(made, 150)
        await made.start()
        await until(lambda: healthy(made))
        await made.close(5)

    asyncio.run(run())
    assert count(path) == 150
    assert len(began) < 5


# Trouble with the file


def test_a_locked_file_is_told_and_written_to_once_it_is_free(path: Path) -> None:
    path.parent.mkdir()
    write(path, *rounds(1))

    async def run() -> None:
        async with running(path) as made:
            await until(lambda: healthy(made))
            holder = sqlite3.connect(path, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            offer(made, 3)
            await until(lambda: not made.health().ok)
            health = made.health()
            assert "another program holds" in health.detail
            assert "since " in health.detail
            holder.execute("ROLLBACK")
            holder.close()
            await until(lambda: healthy(made))
            assert made.health().dropped == 0

    asyncio.run(run())
    assert count(path) == 4


def test_a_file_that_is_locked_from_the_start_is_waited_for(path: Path) -> None:
    path.parent.mkdir()
    write(path, *rounds(1))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")

    async def run() -> None:
        async with running(path) as made:
            offer(made, 3)
            await until(lambda: not made.health().ok)
            holder.execute("ROLLBACK")
            holder.close()
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 4


def test_a_full_disk_is_told_and_writing_resumes_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most_pages = 40
    opening = schema.open_to_write

    def open_small(path: Path, *, patience: float) -> sqlite3.Connection:
        connection = opening(path, patience=patience)
        connection.execute(f"PRAGMA max_page_count = {most_pages}")
        return connection

    monkeypatch.setattr(schema, "open_to_write", open_small)

    async def run() -> None:
        nonlocal most_pages
        async with running(path) as made:
            big = [event(answered(rows=[(n, "x" * 3000 + str(n))]), at=NOON) for n in range(100)]
            for each in big:
                made.offer(each)
            await until(lambda: not made.health().ok)
            health = made.health()
            assert "is full: make room on it" in health.detail
            assert health.buffered > 0
            made.offer(event(answered()))
            most_pages = 100_000
            await until(lambda: healthy(made))
            assert made.health().dropped == 0

    asyncio.run(run())
    assert count(path) == 101
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - it is where mount was


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    path, ballast = tiny_disk / "history.sqlite", tiny_disk / "ballast"
    ballast.write_bytes(bytes(250_000))

    async def run() -> None:
        async with running(path) as made:
            for number in range(60):
                made.offer(event(answered(rows=[(number, "x" * 4000 + str(number))]), at=NOON))
                await asyncio.sleep(0.001)
            await until(lambda: not made.health().ok)
            assert "is full" in made.health().detail
            ballast.unlink()
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 60
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


def set_aside(path: Path) -> list[Path]:
    return [
        each for each in path.parent.iterdir() if ".corrupt-" in each.name and not each.name.endswith(("-wal", "-shm"))
    ]


@pytest.mark.parametrize("content", [b"no database at all " * 300, bytes(8192)], ids=["text", "zeros"])
def test_a_file_that_is_no_database_is_set_aside(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    async def run() -> None:
        async with running(path) as made:
            offer(made, 3)
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 3
    assert [each.read_bytes() for each in set_aside(path)] == [content]


def test_a_link_is_told_by_its_health_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    target = path.with_name("theirs")
    target.write_bytes(b"no database at all " * 300)
    target.chmod(0o644)
    path.symlink_to(target)

    async def run() -> None:
        async with running(path) as made:
            offer(made, 3)
            await until(lambda: not made.health().ok)
            assert f"{path} is a link" in made.health().detail

    asyncio.run(run())
    assert target.read_bytes() == b"no database at all " * 300
    assert target.stat().st_mode & 0o777 == 0o644
    assert path.is_symlink()
    assert set_aside(path) == []


def damage(path: Path) -> None:
    """Overwrite every page but the first, as a failing disk may."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    path.parent.mkdir()
    write(path, *rounds(200))
    damage(path)

    async def run() -> None:
        async with running(path) as made:
            offer(made, 5)
            await until(lambda: path.exists() and healthy(made))

    asyncio.run(run())
    assert count(path) == 5
    assert len(set_aside(path)) == 1
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_is_damaged_while_it_is_in_use(path: Path) -> None:
    async def run() -> None:
        async with running(path) as made:
            offer(made, 200)
            await until(lambda: healthy(made))
            with contextlib.closing(sqlite3.connect(path)) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            damage(path)
            for each in rounds(300, "beta"):
                made.offer(each)
            await until(lambda: bool(set_aside(path)) and healthy(made))
            assert made.health().dropped == 0

    asyncio.run(run())
    assert len(set_aside(path)) == 1
    assert count(path) > 0
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_that_someone_took_away_is_made_again(path: Path) -> None:
    async def run() -> None:
        async with running(path) as made:
            offer(made, 2)
            await until(lambda: healthy(made))
            for each in (path, *companions(path)):
                each.unlink(missing_ok=True)
            offer(made, 3)
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 3


def test_a_place_that_can_not_be_used_is_told_and_tried_again(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")

    async def run() -> None:
        async with running(path) as made:
            offer(made, 2)
            await until(lambda: not made.health().ok)
            assert str(path) in made.health().detail
            path.parent.unlink()
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 2


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url)")

    async def run() -> None:
        async with running(path) as made:
            offer(made)
            await until(lambda: not made.health().ok)
            assert "a database of another program" in made.health().detail

    asyncio.run(run())
    assert rows_of(path, "SELECT name FROM sqlite_schema") == [("bookmarks",)]


def test_closing_does_not_wait_for_a_file_that_stays_locked(path: Path) -> None:
    path.parent.mkdir()
    write(path, *rounds(1))

    async def run() -> None:
        made = sink(path)
        await made.start()
        await until(lambda: healthy(made))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            offer(made, 3)
            await asyncio.wait_for(made.close(2), 3)
            assert made.health().buffered == 3

    asyncio.run(run())


# Trouble with rounds


def test_a_round_that_can_not_be_written_keeps_no_other_from_it(path: Path) -> None:
    strange = event(answered("strange", (Field("n", FieldType.NUMBER),), [(object(),)]))  # type: ignore[list-item]

    async def run() -> None:
        async with running(path) as made:
            for each in (*rounds(2), strange, *rounds(2, "beta")):
                made.offer(each)
            await until(lambda: healthy(made))
            assert made.health().dropped == 1

    asyncio.run(run())
    assert rows_of(path, "SELECT name FROM monitor JOIN round ON monitor_id = monitor.id ORDER BY round.id") == [
        ("acme",), ("acme",), ("beta",), ("beta",),
    ]  # fmt: skip


def test_a_tidying_that_fails_keeps_no_round_from_being_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Iterator[None]:
        yield from ()
        raise ValueError("a bug")

    monkeypatch.setattr("openai_monitor.service.history.writer.tidy", broken)

    async def run() -> None:
        async with running(path, pace=replace(QUICK, tidying=0.01)) as made:
            offer(made, 3)
            await until(lambda: healthy(made))
            await asyncio.sleep(0.05)
            assert made.health().ok

    asyncio.run(run())
    assert count(path) == 3


# What waits


def test_the_buffer_is_bounded_and_drops_the_oldest() -> None:
    items = [waiting(each) for each in rounds(10)]
    buffer = Buffer(most_bytes=3 * items[0].size)
    for item in items:
        buffer.put(item)
    assert (buffer.rounds, buffer.rows, buffer.dropped) == (3, 3, 7)
    assert buffer.take(0) == items[-3:]
    assert (buffer.rounds, buffer.rows) == (0, 3)
    buffer.refused(items[-3])
    buffer.written(items[-2:])
    assert (buffer.rows, buffer.dropped) == (0, 8)


def test_what_is_given_back_comes_first() -> None:
    items = [waiting(each) for each in rounds(4)]
    buffer = Buffer()
    for item in items[:3]:
        buffer.put(item)
    taken = buffer.take(0)
    buffer.put(items[3])
    buffer.give_back(taken)
    assert buffer.take(0) == items


def test_long_texts_count() -> None:
    assert waiting(event(answered(rows=[(1, "x" * 10**6)]))).size > 10**6


def test_one_round_that_is_larger_than_the_buffer_is_written_all_the_same(path: Path) -> None:
    async def run() -> None:
        async with running(path, most_bytes=10) as made:
            offer(made, 1)
            await until(lambda: healthy(made))

    asyncio.run(run())
    assert count(path) == 1


def test_a_closed_sink_takes_nothing_and_counts_it(path: Path) -> None:
    async def run() -> None:
        made = sink(path)
        await made.start()
        await made.close(5)
        offer(made, 2)
        assert made.health().dropped == 2

    asyncio.run(run())


def test_offering_waits_for_nothing(path: Path) -> None:
    """The file is locked and the thread waits for it: offering is as quick as ever."""
    path.parent.mkdir()
    write(path, *rounds(1))

    async def run() -> None:
        async with running(path) as made:
            await until(lambda: healthy(made))
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
                holder.execute("BEGIN IMMEDIATE")
                loop = asyncio.get_running_loop()
                began = loop.time()
                offer(made, 1000)
                assert loop.time() - began < timedelta(seconds=1).total_seconds()

    asyncio.run(run())
