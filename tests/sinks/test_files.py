"""Rows in files: what stands in them, how they rotate, and what a full disk or a crash leaves behind."""

import asyncio
import csv
import json
import os
import stat
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.sinks.events import BILLING, COST, CREDIT, PRIVATE, SECRET, down, event, number, result, text
from tests.sinks.receiver import until

from openai_monitor.errors import SettingsError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.sinks import SINKS, Sink, Surroundings
from openai_monitor.sinks.files import file_name
from openai_monitor.sinks.rotating import RotatingFile


def sink(kind: str, home: Path, /, **given: object) -> Sink:
    settings = SINKS[kind].settings.model_validate(given, context={"folder": home})
    return SINKS[kind].make(settings, Surroundings())


def write(made: Sink, *batches: Iterable[RoundEvent]) -> Sink:
    async def main() -> None:
        await made.start()
        for batch in batches:
            for each in batch:
                made.offer(each)
            await until(lambda: made.health().buffered == 0)
        await made.close(5)

    asyncio.run(main())
    return made


# A file that grows


def test_a_file_that_is_full_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.log", most_bytes=10, keep=2)
    for letter in b"abcde":
        file.append([bytes([letter]) * 7 + b"\n"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert [path.read_bytes()[:1] for path in sorted(tmp_path.iterdir())] == [b"e", b"d", b"c"]


def test_with_none_to_keep_a_full_file_is_deleted(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.log", most_bytes=10, keep=0)
    for _ in range(3):
        file.append([b"x" * 9 + b"\n"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]


def test_a_file_cut_off_by_a_crash_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b'{"whole": 1}\n{"torn": ')
    RotatingFile(tmp_path / "a.log", 1000, 3).append([b'{"next": 1}\n'], b"head\n")
    assert (tmp_path / "a.log").read_bytes() == b'head\n{"next": 1}\n'
    assert (tmp_path / "a.log.1").read_bytes().endswith(b'{"torn": ')


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RotatingFile(tmp_path / "a.log", 1000, 3)
    file.append([b"first\n"])
    real = os.write
    left = [3]

    def full(handle: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = real(handle, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.append([b"second\n"])
    assert (tmp_path / "a.log").read_bytes() == b"first\n"


def test_the_size_of_a_file_is_kept_within_one_round(tmp_path: Path) -> None:
    records = [b"%05d\n" % number for number in range(1000)]
    RotatingFile(tmp_path / "a.log", most_bytes=1500, keep=9).append(iter(records), b"head\n")
    files = sorted(tmp_path.iterdir(), key=lambda path: path.name, reverse=True)
    assert len(files) == 5
    for file in tmp_path.iterdir():
        assert file.stat().st_size <= 1500
        assert file.read_bytes().startswith(b"head\n")
    order = [tmp_path / f"a.log.{number}" for number in (4, 3, 2, 1)] + [tmp_path / "a.log"]
    assert b"".join(path.read_bytes().removeprefix(b"head\n") for path in order) == b"".join(records)


def test_many_records_are_not_held_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        RotatingFile(tmp_path / "a.log", 10**8, 1).append(b"x" * 999 + b"\n" for _ in range(20_000))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.log").stat().st_size == 20_000_000


def test_a_file_moved_away_by_another_program_is_begun_anew(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.log", 1000, 3)
    file.append([b"first\n"])
    (tmp_path / "a.log").rename(tmp_path / "archived")
    file.append([b"second\n"])
    assert (tmp_path / "a.log").read_bytes() == b"second\n"


# ndjson


def test_ndjson_has_a_line_for_each_row(tmp_path: Path) -> None:
    write(sink("ndjson", tmp_path, path="rows/a.ndjson"), [event(CREDIT, COST, down("x"))], [event(COST, name="b")])
    file = tmp_path / "rows" / "a.ndjson"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["name"], line["metrics"]) for line in lines] == [
        ("acme", "credit_grants"),
        ("acme", "model_cost"),
        ("acme", "model_cost"),
        ("b", "model_cost"),
        ("b", "model_cost"),
    ]
    assert lines[1]["row"] == {"model_name": "gpt-4o", "cost": 1.06619}
    assert lines[1]["tags"] == {"team": "ml"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_private_fields_and_secrets_stay_at_home(tmp_path: Path) -> None:
    write(sink("ndjson", tmp_path, path="a"), [event(BILLING)])
    write(sink("csv", tmp_path, folder="b"), [event(BILLING)])
    for file in (tmp_path / "a", tmp_path / "b" / "openai.billing_subscription.csv"):
        assert "Pay as you go" in file.read_text()
        assert not [cell for cell in (*PRIVATE, SECRET) if cell in file.read_text()]
        assert "***" in file.read_text()


def test_a_private_field_is_written_where_it_is_named(tmp_path: Path) -> None:
    write(sink("ndjson", tmp_path, path="a", include=["billing_email"]), [event(BILLING)])
    (line,) = (tmp_path / "a").read_text().splitlines()
    assert json.loads(line)["row"]["billing_email"] == "ann@example.com"


def test_text_that_utf_8_can_not_write_does_not_stop_it(tmp_path: Path) -> None:
    odd = result("x", (text("t"),), ("\ud800",))
    write(sink("ndjson", tmp_path, path="a"), [event(odd)])
    assert json.loads((tmp_path / "a").read_text())["row"] == {"t": "?"}


# csv


def rows(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


def test_csv_has_a_file_for_each_set(tmp_path: Path) -> None:
    write(sink("csv", tmp_path, folder="out"), [event(CREDIT, COST)], [event(COST, name="b")])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"openai.credit_grants.csv", "openai.model_cost.csv"}
    assert rows(tmp_path / "out" / "openai.model_cost.csv") == [
        ["monitor name", "monitor time", "tag team", "model_name", "cost"],
        ["acme", "2026-11-22T19:50:00.120Z", "ml", "gpt-4o", "1.06619"],
        ["acme", "2026-11-22T19:50:00.120Z", "ml", "o1, input", "0.02"],
        ["b", "2026-11-22T19:50:00.120Z", "ml", "gpt-4o", "1.06619"],
        ["b", "2026-11-22T19:50:00.120Z", "ml", "o1, input", "0.02"],
    ]


def test_a_new_column_begins_a_new_file_once(tmp_path: Path) -> None:
    first, second = event(CREDIT, name="a"), event(CREDIT, name="b", tags=(("env", "prod"),))
    write(sink("csv", tmp_path, folder="."), *([each] for each in (first, second, first, second)))
    file = tmp_path / "openai.credit_grants.csv"
    assert rows(file) == [
        ["monitor name", "monitor time", "tag team", "tag env", "total_granted", "total_available"],
        ["b", "2026-11-22T19:50:00.120Z", "", "prod", "18", "12.75"],
        ["a", "2026-11-22T19:50:00.120Z", "ml", "", "18", "12.75"],
        ["b", "2026-11-22T19:50:00.120Z", "", "prod", "18", "12.75"],
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, f"{file.name}.1"]


def test_a_file_that_goes_on_after_a_restart_keeps_its_columns(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(sink("csv", tmp_path, folder="."), [event(CREDIT, name=name)])
    assert [row[0] for row in rows(tmp_path / "openai.credit_grants.csv")] == ["monitor name", "a", "b"]


def test_when_a_file_is_put_aside_the_next_has_its_header(tmp_path: Path) -> None:
    made = sink("csv", tmp_path, folder=".", rotate_bytes=1000, keep=100)
    write(made, *([event(COST)] for _ in range(30)))
    files = list(tmp_path.iterdir())
    assert len(files) > 3
    assert all(rows(file)[0][0] == "monitor name" for file in files)
    assert sum(len(rows(file)) - 1 for file in files) == 60


def test_one_file_that_can_not_be_written_does_not_double_the_rows_of_another(tmp_path: Path) -> None:
    blocked = tmp_path / "openai.model_cost.csv"
    blocked.mkdir()
    made = sink("csv", tmp_path, folder=".")

    async def main() -> None:
        await made.start()
        made.offer(event(CREDIT, COST))
        await until(lambda: not made.health().ok)
        assert "model_cost" in made.health().detail
        blocked.rmdir()
        await made.close(5)

    asyncio.run(main())
    assert made.health().dropped == 0
    assert len(rows(tmp_path / "openai.credit_grants.csv")) == 2
    assert len(rows(blocked)) == 3


def test_odd_column_names_are_one_line_and_found_again(tmp_path: Path) -> None:
    odd = result("x", (number("a\nb\ud800"),), (1,))
    write(sink("csv", tmp_path, folder="."), [event(odd)], [event(odd)])
    assert rows(tmp_path / "openai.x.csv")[0][-1] == "a b?"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("app", "metric_set", "expected"),
    [("openai", "a", "openai.a.csv"), ("..", "/etc/x", "_etc_x.csv"), ("a/b", "c d", "a_b.c_d.csv")],
)
def test_no_name_leads_out_of_the_folder(app: str, metric_set: str, expected: str) -> None:
    assert file_name(app, metric_set) == expected


@pytest.mark.parametrize(("kind", "key"), [("ndjson", "path"), ("csv", "folder"), ("influx", "path")])
def test_a_folder_that_can_never_be_one_is_told_at_the_start(tmp_path: Path, kind: str, key: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can't be made a folder"):
        asyncio.run(sink(kind, tmp_path, **{key: "file/x/y"}).start())


def test_a_disk_that_comes_back_is_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "mount"
    made = sink("ndjson", tmp_path, path="mount/a")

    async def main() -> None:
        await made.start()
        folder.rmdir()
        made.offer(event(CREDIT))
        await until(lambda: not made.health().ok)
        assert "No such file" in made.health().detail
        folder.mkdir()
        await made.close(5)

    asyncio.run(main())
    assert len((folder / "a").read_text().splitlines()) == 1
    assert made.health().ok


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_an_output_does_not_write_through_a_link_and_says_so(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("theirs without an end")
    target.chmod(0o644)
    given = {"path": "rows"} if kind == "ndjson" else {"folder": "."}
    link = tmp_path / ("rows" if kind == "ndjson" else "openai.model_cost.csv")
    link.symlink_to(target)
    made = sink(kind, tmp_path, **given)

    async def main() -> None:
        await made.start()
        made.offer(event(COST))
        await until(lambda: not made.health().ok)
        assert made.health().detail.startswith("it is a link, and links are not followed: give the path it leads to")
        await made.close(0.1)

    asyncio.run(main())
    assert target.read_text() == "theirs without an end"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert link.is_symlink()
