"""The monitors file that changes on disk: noticed however it is replaced, and never half taken over."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from openai_monitor.installed import how_to_add
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSource
from openai_monitor.schedule.stats import Stats
from openai_monitor.service import source as source_module
from openai_monitor.service.entries import Definitions
from openai_monitor.service.reading import MonitorsFileError, Setup, read_setup
from openai_monitor.service.source import FileSource

Check = Callable[[FileSource], Awaitable[None]]


def text(*names: str) -> str:
    lines = "".join(f"  - {{name: {name}, params: {{token: {{env: X}}}}}}\n" for name in names)
    return f"monitors:\n{lines}"


def names(source: FileSource) -> list[str]:
    return [spec.name for spec in source.monitors()]


async def changes(source: FileSource, change: Callable[[], object], *, seconds: float = 10.0) -> bool:
    """Whether the source tells of a change after this."""
    waiting = asyncio.ensure_future(source.changed())
    await asyncio.sleep(0.3)
    change()
    done, _ = await asyncio.wait((waiting,), timeout=seconds)
    if not done:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    return bool(done)


def follow(path: Path, check: Callable[[FileSource, Stats, Health], Awaitable[None]]) -> None:
    async def main() -> None:
        stats, health = Stats(), Health()
        await check(FileSource(path, stats, health), stats, health)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "etc" / "monitors.yml"
    made.parent.mkdir()
    made.write_text(text("a"))
    return made


def test_a_file_that_is_written_or_replaced_is_read_again(path: Path) -> None:
    def replace(content: str) -> None:
        (path.parent / "new").write_text(content)
        (path.parent / "new").replace(path)

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert names(source) == ["a"]
        assert await changes(source, lambda: path.write_text(text("a", "b")))
        assert names(source) == ["a", "b"]
        assert await changes(source, lambda: replace(text("c")))
        assert await changes(source, lambda: replace(text("c", "d")))
        assert names(source) == ["c", "d"]
        assert (stats.reloads, stats.failed_reloads) == (3, 0)

    follow(path, check)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_as_kubernetes_replaces_them(tmp_path: Path) -> None:
    for name, content in (("one", text("a")), ("two", text("b"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "monitors.yml").write_text(content)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "monitors.yml").symlink_to("..data/monitors.yml")

    def swap() -> None:
        (tmp_path / "..new").symlink_to("two")
        (tmp_path / "..new").replace(tmp_path / "..data")

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert await changes(source, swap)
        assert names(source) == ["b"]

    follow(tmp_path / "monitors.yml", check)


def test_a_definition_that_changes_is_a_change(path: Path) -> None:
    definition = path.parent / "mine.yml"
    definition.write_text(MINE)
    path.write_text("defaults: {define: mine.yml}\n" + text("a").replace("{token: {env: X}}", "{}"))

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        before = source.monitors()[0].definition
        assert await changes(source, lambda: definition.write_text(MINE.replace("name: one", "name: two")))
        assert source.monitors()[0].definition is not before

    follow(path, check)


def test_other_files_beside_it_and_the_same_text_are_no_change(path: Path) -> None:
    def touch() -> None:
        (path.parent / "other").write_text("x")
        path.write_text(text("a"))

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert not await changes(source, touch, seconds=1.5)
        assert stats.reloads == 0

    follow(path, check)


def test_a_broken_file_is_reported_and_the_old_setup_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert not await changes(source, lambda: path.write_text("monitors: ["), seconds=1.5)
        assert names(source) == ["a"]
        assert health.reload_problem is not None
        assert f"{path}:2:1: error[yaml]" in health.reload_problem
        assert await changes(source, lambda: path.write_text(text("b")))
        assert names(source) == ["b"]
        assert health.reload_problem is None
        assert (stats.reloads, stats.failed_reloads) == (1, 1)

    follow(path, check)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message.startswith(f"the monitors file {path} can't be used")
    assert record.message.endswith("the configuration from before goes on; correct the file, it is read again then")


def test_a_file_that_is_gone_for_a_while_changes_nothing(path: Path) -> None:
    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert not await changes(source, path.unlink, seconds=1.5)
        assert await changes(source, lambda: path.write_text(text("b")))

    follow(path, check)


def test_mending_the_definition_that_was_broken_is_noticed(path: Path) -> None:
    elsewhere = path.parent.parent / "mine.yml"
    elsewhere.write_text("app: x\nmetrics: 5\n")

    def name_it() -> None:
        path.write_text("defaults: {define: ../mine.yml}\n" + text("b").replace("{token: {env: X}}", "{}"))

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert not await changes(source, name_it, seconds=1.5)
        assert await changes(source, lambda: elsewhere.write_text(MINE))
        assert names(source) == ["b"]

    follow(path, check)


def test_being_asked_reads_at_once(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SIGHUP does; here without watchfiles."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    caplog.set_level("INFO")

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert not await changes(source, lambda: path.write_text(text("b")), seconds=1.0)
        assert await changes(source, source.reload)
        assert names(source) == ["b"]
        assert not await changes(source, source.reload, seconds=0.5)

    follow(path, check)
    messages = [record.message for record in caplog.records]
    assert messages[0] == (
        f"a change of {path} is noticed within 10 s, or at once after SIGHUP: "
        f"watchfiles is not installed ({how_to_add('service')})"
    )
    assert messages[1:] == [f"{path} was read again: nothing has changed"]


def test_what_no_watch_tells_is_seen_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    monkeypatch.setattr(source_module, "LOOK_EVERY", 0.3)

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        assert await changes(source, lambda: path.write_text(text("b")))
        assert await changes(source, lambda: path.write_text(text("c")))
        assert names(source) == ["c"]

    follow(path, check)


def test_a_change_while_the_file_is_read_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "LOOK_EVERY", 0.3)

    def slowly(file: Path, definitions: Definitions) -> Setup:
        setup = read_setup(file, definitions)
        if len(setup.monitors) == 2:
            path.write_text(text("a", "b", "c"))
        return setup

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        monkeypatch.setattr(source_module, "read_setup", slowly)
        assert await changes(source, lambda: path.write_text(text("a", "b")))
        assert await changes(source, lambda: None)
        assert names(source) == ["a", "b", "c"]

    follow(path, check)


def test_a_change_of_a_file_that_is_read_for_the_first_time_is_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "LOOK_EVERY", 0.3)
    definition = path.parent / "mine.yml"

    def name_it() -> None:
        definition.write_text("app: x\nmetrics: 5\n")
        path.write_text("defaults: {define: mine.yml}\n" + text("b").replace("{token: {env: X}}", "{}"))

    def slowly(file: Path, definitions: Definitions) -> Setup:
        try:
            return read_setup(file, definitions)
        finally:
            if definition.exists():
                definition.write_text(MINE)

    async def check(source: FileSource, stats: Stats, health: Health) -> None:
        monkeypatch.setattr(source_module, "read_setup", slowly)
        assert await changes(source, name_it, seconds=3)
        assert names(source) == ["b"]

    follow(path, check)


def test_it_is_a_source_of_monitors(path: Path) -> None:
    async def check(source: MonitorSource, stats: Stats, health: Health) -> None:
        assert [spec.name for spec in source.monitors()] == ["a"]

    follow(path, check)


def test_there_must_be_something_to_begin_with(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(MonitorsFileError, match="can't be read"):
            FileSource(tmp_path / "none.yml")

    asyncio.run(main())


MINE = """
app: mine
params: [{field: host, type: host, required: true, defaultValue: 127.0.0.1}]
metrics:
  - name: one
    priority: 0
    fields: [{field: x, type: 0}]
    protocol: http
    http: {host: ^_^host^_^, port: '80', url: /, method: GET, parseType: default}
"""
