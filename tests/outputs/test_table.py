from dataclasses import replace
from textwrap import dedent

from tests.outputs.rounds import COST, CREDIT, FAILED, NUMBER, SECRET, STRING, TIME, result, round_of

from openai_monitor.outputs import Style, render
from openai_monitor.outputs.text import width
from openai_monitor.rows import Code, Field, Skipped


def test_a_round_for_people() -> None:
    collected = round_of(CREDIT, COST, name="prod", tags=(("team", "search"),))
    assert render("table", collected) == dedent("""\
        openai, api.openai.com, prod, team=search, 2026-11-22T19:50:00Z

        credit_grants
          total_granted (USD)    $18.00
          total_available (USD)  $12.75

        model_cost
          model_name  cost (USD)
          ----------  ----------
          gpt-4o        $1.06619
          o1, input     $0.02000
          GPT-4         $0.00000
        """)


def test_failures_and_skipped_sets_say_why() -> None:
    collected = round_of(FAILED, skipped=(Skipped("subscription", "model_cost failed"),), host=None)
    assert render("table", collected) == dedent("""\
        openai, 2026-11-22T19:50:00Z

        model_cost: FAIL
          HTTP 401: get a new key

        subscription: skipped
          model_cost failed
        """)


def test_every_type_and_no_value() -> None:
    fields = (
        Field("requests", NUMBER, "Times"),
        Field("plan", STRING),
        Field("key", SECRET),
        Field("since", TIME),
        Field("nothing", NUMBER, "USD"),
        Field("ratio", NUMBER),
    )
    collected = round_of(result("one", fields, (83334, "Pay-as-you-go", "sess-fake", 5400, None, 0.1 + 0.2)))
    text = render("table", collected)
    assert text.partition("\n\n")[2] == dedent("""\
        one
          requests (Times)     83334
          plan              Pay-as-you-go
          key               ***
          since             01:30:00
          nothing (USD)            -
          ratio                  0.3
        """)


def test_no_rows_and_notes() -> None:
    empty = result("costs", (Field("cost", NUMBER),), message="50 of 60 were asked", warnings=("a NaN\nis null",) * 6)
    assert render("table", round_of(empty)).partition("\n\n")[2] == (
        "costs: no rows\n  note: 50 of 60 were asked\n" + "  note: a NaN\\nis null\n" * 4 + "  note: and 2 more\n"
    )


def test_colours_only_when_asked_for() -> None:
    assert "\x1b" not in render("table", round_of(FAILED))
    assert "\x1b[31mmodel_cost: FAIL\x1b[0m" in render("table", round_of(FAILED), Style(color=True))
    plain, colored = (render("table", round_of(COST), style) for style in (Style(), Style(color=True)))
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_no_text_of_an_api_commands_the_terminal() -> None:
    evil = "\x1b]0;owned\x07"
    fields = (Field(evil, STRING, evil), Field("b", NUMBER))
    collected = round_of(
        result(evil, fields, (evil, 1), (evil, 2)),
        replace(FAILED, message=evil),
        skipped=(Skipped(evil, evil),),
        name=evil,
        tags=((evil, evil),),
        host=evil,
    )
    assert "\x1b" not in render("table", collected)
    assert "\x07" not in render("table", collected)


def test_wide_characters_keep_the_columns() -> None:
    collected = round_of(result("c", COST.fields, ("模型", 1), ("gpt", 2)))
    assert render("table", collected).splitlines()[3:] == [
        "  model_name  cost (USD)",
        "  ----------  ----------",
        "  模型             $1.00",
        "  gpt              $2.00",
    ]


def test_a_long_text_is_wrapped_at_the_width_of_the_terminal() -> None:
    collected = round_of(result("c", COST.fields, ("a very long name of a model", 1.5), ("gpt", 2)), host=None)
    lines = render("table", collected, Style(30)).splitlines()[3:]
    assert lines == [
        "  model_name        cost (USD)",
        "  ----------------  ----------",
        "  a very long name       $1.50",
        "  of a model",
        "  gpt                    $2.00",
    ]


def test_a_table_too_wide_for_the_terminal_is_shown_row_by_row() -> None:
    fields = tuple(Field(f"some_figure_{n}", NUMBER) for n in range(9))
    text = render("table", round_of(result("c", fields, tuple(range(9)), tuple(range(9)))), Style(40))
    assert "  row 2 of 2\n  some_figure_0  0\n" in text
    assert all(width(line) <= 40 for line in text.splitlines())


def test_a_list_wraps_its_texts_too() -> None:
    fields = (Field("address", STRING), Field("n", NUMBER))
    collected = round_of(result("c", fields, ("1 Example Street, Pune, MH", 5)), host=None)
    text = render("table", collected, Style(30))
    assert text.splitlines()[3:] == ["  address  1 Example Street,", "           Pune, MH", "  n        5"]


def test_twenty_six_fields_are_a_list_of_twenty_six_lines() -> None:
    fields = tuple(Field(f"field_{n}", STRING) for n in range(26))
    text = render("table", round_of(result("c", fields, ("x",) * 26)), Style(80))
    assert len(text.splitlines()) == 3 + 26


def test_an_unknown_failure_keeps_its_code() -> None:
    timeout = result("c", (), code=Code.TIMEOUT, message="")
    assert "c: TIMEOUT" in render("table", round_of(timeout))
