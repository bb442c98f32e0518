import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.outputs.rounds import COST, CREDIT, FAILED, NUMBER, SECRET, STRING, result, round_of

from openai_monitor.cli.commands.collect import FORMATS as ON_COMMAND_LINE
from openai_monitor.outputs import FORMATS, Style, render
from openai_monitor.outputs.csv_table import files
from openai_monitor.outputs.text import COMMANDS
from openai_monitor.rows import Field, Skipped

SECRETS = result("keys", (Field("key", SECRET), Field("other", SECRET)), ("sess-fake", None))


def test_the_command_line_knows_every_format() -> None:
    assert tuple(FORMATS) == ON_COMMAND_LINE


def test_json_has_the_documented_shape() -> None:
    collected = round_of(CREDIT, FAILED, skipped=(Skipped("later", "why"),), name="prod", tags=(("team", "a"),))
    assert json.loads(render("json", collected)) == {
        "app": "openai",
        "name": "prod",
        "tags": {"team": "a"},
        "host": "api.openai.com",
        "time": "2026-11-22T19:50:00.120Z",
        "metrics": [
            {
                "name": "credit_grants",
                "code": "SUCCESS",
                "message": "",
                "duration_ms": 31,
                "fields": [
                    {"name": "total_granted", "type": "number", "unit": "USD", "label": False},
                    {"name": "total_available", "type": "number", "unit": "USD", "label": False},
                ],
                "rows": [{"total_granted": 18, "total_available": 12.75}],
            },
            {
                "name": "model_cost",
                "code": "FAIL",
                "message": "HTTP 401: get a new key",
                "duration_ms": 31,
                "fields": [
                    {"name": "model_name", "type": "string", "unit": None, "label": True},
                    {"name": "cost", "type": "number", "unit": "USD", "label": False},
                ],
                "rows": [],
            },
        ],
        "skipped": [{"name": "later", "reason": "why"}],
    }


def test_json_of_an_empty_round_is_an_object_too() -> None:
    assert json.loads(render("json", round_of(host=None))) == {
        "app": "openai",
        "name": None,
        "tags": {},
        "host": None,
        "time": "2026-11-22T19:50:00.120Z",
        "metrics": [],
        "skipped": [],
    }


def test_json_can_be_read_by_people_one_row_a_line() -> None:
    assert '\n        {"model_name": "gpt-4o", "cost": 1.0661900000000002},\n' in render("json", round_of(COST))


def test_ndjson_is_one_complete_row_a_line_with_its_fields_apart() -> None:
    fields = (Field("name", STRING), Field("time", NUMBER))
    collected = round_of(result("s", fields, ("a", 1), (None, 2)), FAILED, name="prod", tags=(("k", "v"),))
    head = '{"app": "openai", "name": "prod", "tags": {"k": "v"}, "metrics": "s", "time": "2026-11-22T19:50:00.120Z", "row": '
    assert render("ndjson", collected) == (f'{head}{{"name": "a", "time": 1}}}}\n{head}{{"name": null, "time": 2}}}}\n')


def test_csv_is_as_rfc_4180_has_it() -> None:
    fields = (Field("text", STRING, label=True), Field("n", NUMBER), Field("empty", STRING))
    rows = ('say "hi", you\r\nall', 0.1 + 0.2, None), ("=1+1", 2**60, "")
    collected = round_of(result("s", fields, *rows), name="prod", tags=(("env", "eu"),))
    assert render("csv", collected) == (
        "monitor name,monitor time,tag env,text,n,empty\r\n"
        'prod,2026-11-22T19:50:00.120Z,eu,"say ""hi"", you\r\nall",0.30000000000000004,\r\n'
        "prod,2026-11-22T19:50:00.120Z,eu,=1+1,1152921504606846976,\r\n"
    )


def test_csv_of_several_sets_needs_files() -> None:
    with pytest.raises(ValueError, match="one metric set"):
        render("csv", round_of(CREDIT, COST))
    texts = files(round_of(CREDIT, FAILED))
    assert list(texts) == ["credit_grants.csv", "model_cost.csv"]
    assert texts["model_cost.csv"] == "monitor name,monitor time,model_name,cost\r\n"


def test_csv_file_names_stay_in_their_folder_and_apart() -> None:
    names = ("../../etc/x", "a/b", "A_B", "..", "模型", "a\x00b")
    found = list(files(round_of(*(result(name, ()) for name in names))))
    assert found == ["_.._etc_x.csv", "a_b.csv", "A_B-2.csv", "_.csv", "模型.csv", "a_b-3.csv"]
    assert all(re.fullmatch(r"[\w.-]+", name) for name in found)


@pytest.mark.parametrize("name", ["json", "ndjson"])
def test_numbers_keep_full_precision_and_type(name: str) -> None:
    values = (2**70, 1.0661900000000002, 5e-324, -0.0, 12.0)
    collected = round_of(result("s", tuple(Field(f"n{n}", NUMBER) for n in range(5)), values))
    document = json.loads(render(name, collected))
    row = document["row"] if name == "ndjson" else document["metrics"][0]["rows"][0]
    assert [repr(cell) for cell in row.values()] == [repr(value) for value in values]


@pytest.mark.parametrize("name", FORMATS)
def test_a_secret_is_masked_and_its_absence_shows(name: str) -> None:
    text = render(name, round_of(SECRETS))
    assert "sess-fake" not in text
    assert text.count("***") == 1


@pytest.mark.parametrize("name", ["json", "ndjson", "csv"])
def test_no_format_writes_nan(name: str) -> None:
    fields = tuple(Field(f"n{n}", NUMBER) for n in range(4))
    text = render(name, round_of(result("s", fields, (float("nan"), float("inf"), -float("inf"), 1.5))))
    assert not re.search("nan|inf", text.lower().replace("infra", ""))
    assert "1.5" in text


def test_machine_formats_have_no_colours_and_no_width() -> None:
    for name in ("json", "ndjson"):
        assert render(name, round_of(CREDIT, COST), Style(10, color=True)) == render(name, round_of(CREDIT, COST))


def test_texts_of_every_script_come_back_as_they_were() -> None:
    text = 'é模\u2028"\\\n\x1b😀'
    collected = round_of(result("s", (Field("t", STRING),), (text,)))
    assert json.loads(render("json", collected))["metrics"][0]["rows"][0]["t"] == text
    assert json.loads(render("ndjson", collected))["row"]["t"] == text
    assert list(csv.reader(io.StringIO(render("csv", collected), newline="")))[1][2] == text


@given(st.text())
@example("\x1b[31m\x07\x9b2J\u202e\u2066\u2028\x7f\u200b\U000e0041\x85\ufeff")
def test_json_holds_nothing_that_commands_a_terminal_and_is_read_back_as_it_was(text: str) -> None:
    collected = round_of(
        result("s", (Field(text, STRING), Field("n", NUMBER)), (text, 1)), name=text, tags=((text, text),)
    )
    for written in (render("json", collected), render("ndjson", collected)):
        assert not re.search(f"[^ -~\n\xa0-\U0010ffff]|{COMMANDS.pattern}", written.replace("\n", ""))
    read = json.loads(render("ndjson", collected))
    assert (read["name"], read["tags"], read["row"]) == (
        text,
        {text: text},
        {text: text, "n": 1} if text != "n" else {"n": 1},
    )


def test_json_writes_text_of_people_as_it_is() -> None:
    assert '"Größe 日本 🎉 né"' in render("json", round_of(result("Größe 日本 🎉 né", (), ())))
