import pytest
from tests.outputs.rounds import COST, CREDIT, FAILED, NUMBER, SECRET, STRING, result, round_of

from openai_monitor.cli.conditions import Verdict, compile_conditions
from openai_monitor.errors import ParameterError
from openai_monitor.rows import Code, Field, MetricSetResult, Round, Skipped

KNOWN = {
    "credit_grants": ["total_granted", "total_available"],
    "model_cost": ["model_name", "cost"],
    "flags": ["name", "on", "limit"],
}
FLAGS = (Field("name", STRING), Field("on", STRING), Field("limit", NUMBER))


def judge(text: str, *results: MetricSetResult, collected: Round | None = None) -> Verdict:
    [condition] = compile_conditions([text], KNOWN)
    return condition.judge(collected or round_of(*results))


def test_it_holds_for_the_row_that_the_sentence_names() -> None:
    assert judge("credit_grants.total_available < 20", CREDIT) == Verdict(
        True, "credit_grants.total_available < 20 holds: total_available is $12.75"
    )
    assert judge("model_cost.cost > 0.5", COST, CREDIT) == Verdict(
        True, "model_cost.cost > 0.5 holds for model_name gpt-4o: cost is $1.06619"
    )


def test_the_sentence_counts_the_other_rows() -> None:
    sentence = "model_cost.cost < 1 holds for model_name o1, input: cost is $0.02, and so for 1 more"
    assert judge("model_cost.cost < 1", COST) == Verdict(True, sentence)


def test_it_does_not_hold_without_a_word() -> None:
    assert judge("credit_grants.total_available < 10", CREDIT) == Verdict(False)


def test_a_set_without_rows_gives_no_reason_to_fail() -> None:
    assert judge("model_cost.cost > 5", result("model_cost", COST.fields)) == Verdict(False)


def test_rows_without_labels_are_named_by_number() -> None:
    flags = result("flags", FLAGS, ("a", "true", 1), ("b", "false", 2))
    assert judge("flags.on == 'false'", flags).sentence == ("flags.on == 'false' holds for row 2 of flags: on is false")


def test_several_fields_and_sets_are_judged_together() -> None:
    assert judge("model_cost.cost / credit_grants.total_available > 0.05", CREDIT, COST).sentence == (
        "model_cost.cost / credit_grants.total_available > 0.05 holds for model_name gpt-4o: "
        "cost is $1.06619, total_available is $12.75"
    )


@pytest.mark.parametrize(
    ("collected", "problem"),
    [
        (round_of(FAILED), "model_cost failed (FAIL)"),
        (
            round_of(skipped=(Skipped("model_cost", "credit_grants failed"),)),
            "was skipped (credit_grants failed)",
        ),
        (round_of(), "model_cost was not collected"),
        (
            round_of(result("model_cost", COST.fields, ("x", None))),
            "model_cost.cost has no value for model_name x",
        ),
        (
            round_of(result("model_cost", COST.fields, ("x", None), ("y", None), ("z", 1))),
            "model_cost.cost has no value for model_name x, and 1 more such rows",
        ),
    ],
)
def test_what_can_not_be_judged_is_never_taken_for_no(collected: Round, problem: str) -> None:
    verdict = judge("model_cost.cost > 5", collected=collected)
    assert verdict.holds is None
    assert verdict.sentence.startswith("--fail-if 'model_cost.cost > 5' could not be judged: ")
    assert verdict.sentence.endswith(problem)


def test_it_holds_even_where_other_rows_can_not_be_judged() -> None:
    assert judge("model_cost.cost > 5", result("model_cost", COST.fields, ("x", None), ("y", 6))).holds is True


def test_a_null_can_be_asked_for() -> None:
    nothing = result("model_cost", COST.fields, ("x", None))
    assert judge("model_cost.cost == null", nothing).sentence.endswith("for model_name x: cost is -")


def test_a_value_is_no_condition() -> None:
    assert "neither true nor false" in judge("credit_grants.total_available", CREDIT).sentence


def test_a_secret_can_be_judged_and_is_not_shown() -> None:
    secret = result("flags", (Field("name", SECRET), *FLAGS[1:]), ("sess-fake", "x", 1))
    sentence = judge("flags.name =^ 'sess' && flags.limit == 1", secret).sentence
    assert sentence.endswith("holds: name is ***, limit is 1")


def test_texts_of_an_api_do_not_command_the_terminal() -> None:
    flags = result("flags", FLAGS, ("\x1b[2J", "x", 1))
    assert "\x1b" not in judge("flags.limit == 1 && flags.name != ''", flags).sentence


def test_too_many_combinations_are_not_tried_for_ever() -> None:
    many = result("flags", FLAGS, *((str(n), "", n) for n in range(2000)))
    costs = result("model_cost", COST.fields, *((str(n), n) for n in range(2000)))
    verdict = judge("flags.limit + model_cost.cost < 0", many, costs)
    assert verdict.holds is None
    assert "4000000 combinations" in verdict.sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("credit_grants.total_available <", "(at character"),
        ("credit_grants.avail < 3", "credit_grants has no such field; it has total_granted, total_available"),
        (
            "credit.x < 3",
            "credit.x is no SET.FIELD here; the metric sets are credit_grants, model_cost, flags",
        ),
        ("total_available < 3", "total_available is no SET.FIELD here"),
        ("1 < 2", "reads no field; write SET.FIELD, such as credit_grants.total_granted < 20"),
    ],
)
def test_a_wrong_condition_is_refused_before_anything_is_asked(text: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        compile_conditions([text], KNOWN)
    assert message in str(caught.value)


def test_a_condition_knows_which_sets_it_needs() -> None:
    [condition] = compile_conditions(["model_cost.cost > credit_grants.total_available && model_cost.cost > 1"], KNOWN)
    assert condition.metric_sets == ("model_cost", "credit_grants")


def test_a_failed_code_is_named() -> None:
    timeout = result("model_cost", COST.fields, code=Code.TIMEOUT)
    assert judge("model_cost.cost > 5", timeout).sentence.endswith("model_cost failed (TIMEOUT)")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("model_cost.cost != null && model_cost.cost < 5", False),
        ("model_cost.cost <= 0", None),
        ("model_cost.model_name == 'model_cost.cost' || model_cost.cost < 1", None),
        ("(model_cost.cost ?? 0) > 5", False),
        ("get('model_cost.cost') == null", True),
    ],
)
def test_a_comparison_with_null_is_not_false(text: str, holds: bool | None) -> None:
    assert judge(text, result("model_cost", COST.fields, ("x", None))).holds is holds
