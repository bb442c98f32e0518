"""The page as a file for node_exporter."""

import asyncio
import os
import stat
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.sinks.events import BILLING, CREDIT, PRIVATE, event
from tests.sinks.receiver import until

from openai_monitor.sinks import SINKS, Sink, Surroundings
from openai_monitor.sinks.textfile import replace_file


def sink(path: Path, **given: object) -> Sink:
    settings = SINKS["textfile"].settings.model_validate({"path": path, **given})
    return SINKS["textfile"].make(settings, Surroundings())


def test_the_last_rounds_are_in_the_file_when_the_service_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "openai.prom"
    made = sink(path, interval=1)

    async def main() -> None:
        await made.start()
        made.offer(event(CREDIT, BILLING))
        await until(path.exists)
        made.offer(event(CREDIT, name="second"))
        await made.close(5)

    asyncio.run(main())
    names = {family.name for family in text_string_to_metric_families(path.read_text())}
    assert "openai_credit_grants_total_available_usd" in names
    assert 'monitor="second"' in path.read_text()
    assert not [cell for cell in PRIVATE if cell in path.read_text()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert made.health().ok


def test_a_writing_that_takes_long_does_not_come_after_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sync, begun = tmp_path / "a.prom", os.fsync, list[int]()

    def slow_at_first(handle: int) -> None:
        begun.append(handle)
        time.sleep(0.5 if len(begun) == 1 else 0)
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow_at_first)

    async def main() -> None:
        made = sink(path, interval=1)
        await made.start()
        await until(lambda: bool(begun))
        made.offer(event(CREDIT, name="last"))
        await made.close(5)
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert 'monitor="last"' in path.read_text()


def test_a_folder_that_is_gone_is_told_and_then_written_to_again(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.prom"
    made = sink(path, interval=1)

    async def main() -> None:
        await made.start()
        await until(lambda: not made.health().ok)
        assert "No such file" in made.health().detail
        path.parent.mkdir()
        await until(lambda: made.health().ok)
        await made.close(1)

    asyncio.run(main())
    assert path.exists()


def test_a_replacement_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.prom"
    path.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.prom"]
    assert path.read_bytes() == b"old"


def test_a_name_node_exporter_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="prom"):
        sink(tmp_path / "a.txt")


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_a_link_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "a.prom").symlink_to("theirs")
    with pytest.raises(OSError, match="it is a link"):
        replace_file(tmp_path / "a.prom", b"new")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "a.prom").is_symlink()
    assert len(list(tmp_path.iterdir())) == 2
