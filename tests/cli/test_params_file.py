from pathlib import Path

import pytest

from openai_monitor.cli.params_file import LARGEST, read_params
from openai_monitor.errors import SettingsError


def read(tmp_path: Path, text: str | bytes) -> dict[str, str | None]:
    path = tmp_path / "p"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_params(str(path))


@pytest.mark.parametrize("null", ["", "~", "null", "NULL"])
def test_null_is_a_given_null(null: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"a: {null}\n") == {"a": None}
    assert read(tmp_path, "a: 'null'\n") == {"a": "null"}


def test_yaml_values_stay_as_they_are_written(tmp_path: Path) -> None:
    text = "a: 010\nb: yes\nc: 1.0\nd: 0x10\ne: 2026-11-22\nf: 1e3\n443: x\n"
    assert read(tmp_path, text) == {
        "a": "010", "b": "yes", "c": "1.0", "d": "0x10", "e": "2026-11-22", "f": "1e3", "443": "x",
    }  # fmt: skip


def test_json_values_stay_as_they_are_written(tmp_path: Path) -> None:
    text = '\ufeff{"a": 1.0, "b": true, "c": null, "d": 1e3, "e": 123456789012345678901234567890,\t"f": "\\/"}'
    assert read(tmp_path, text) == {
        "a": "1.0", "b": "true", "c": None, "d": "1e3", "e": "123456789012345678901234567890", "f": "/",
    }  # fmt: skip


def test_lists_and_maps_become_what_parameters_take(tmp_path: Path) -> None:
    assert read(tmp_path, "a: [x, 1, ~]\nb: {X-Api: 1}\n") == {"a": "x,1,", "b": '{"X-Api": "1"}'}
    assert read(tmp_path, '{"a": ["x", 1, true], "b": {"X-Api": "1"}}') == {
        "a": "x,1,true",
        "b": '{"X-Api": "1"}',
    }


def test_a_flow_map_that_is_no_json_is_yaml(tmp_path: Path) -> None:
    assert read(tmp_path, "{a: 1, b: x}") == {"a": "1", "b": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a map"),
        ("sess-fake", "expected a map"),
        ("- sess-fake", "expected a map"),
        ("[1]", "expected a map"),
        ("a: b\n---\nc: d\n", "expected a map"),
        ("a: 'sess-fake\n", "p:2:1: not readable as YAML"),
        ("token: sess-fake\n token2: x", "p:2:8: not readable as YAML"),
        ("a: 1\na: sess-fake\n", "p:2:1: a is there twice"),
        ("a: 1\nb: {a: 2, c: 3, a: sess-fake}\n", "p:2:17: a is there twice"),
        ('{"a": 1,\n "a": "sess-fake"}', "p:2:2: a is there twice"),
        ("a: &x sess-fake\nb: *x\n", "p:2:4: anchors and aliases"),
        ("? [sess-fake]\n: 1\n", "a name must be text"),
        ("[" * 50_000, "nested too deeply"),
        ('{"a":' * 50_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        ("a: \x01", "not readable as YAML"),
        ("#" * (LARGEST + 1), "more than 1 MiB"),
    ],
)
def test_what_is_no_map_is_refused_without_repeating_it(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        read(tmp_path, text)
    assert "sess-fake" not in str(caught.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="--params nowhere: No such file"):
        read_params("nowhere")
