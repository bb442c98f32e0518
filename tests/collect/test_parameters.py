"""What a monitor's parameters may be, and how a person is told."""

import pytest

from openai_monitor.collect.parameters import check_parameters, resolve_parameters
from openai_monitor.collect.plan import make_plan
from openai_monitor.definition.model import ParamSpec
from openai_monitor.definition.parts import read_part
from openai_monitor.definition.shipped import load_definition
from openai_monitor.errors import ParameterError


def spec(**keys: object) -> ParamSpec:
    return read_part(ParamSpec, keys)


SPECS = [
    spec(field="host", type="host", required=True, name={"en-US": "Target host"}),
    spec(field="port", type="number", range="[0,65535]", required=True, defaultValue="443"),
    spec(field="ssl", type="boolean", defaultValue="true"),
    spec(field="mode", type="radio", options=[{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]),
    spec(field="token", type="password", required=True),
]
GOOD: dict[str, str | None] = {"host": "h", "token": "sess-fake"}


def complaint(**values: str | None) -> str:
    with pytest.raises(ParameterError) as caught:
        check_parameters(SPECS, {**GOOD, **values})
    return str(caught.value)


def test_good_parameters_pass() -> None:
    check_parameters(SPECS, {**GOOD, "port": "8443", "ssl": "False", "mode": "b"})


def test_everything_missing_and_unknown_is_named_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        check_parameters(SPECS, {"prot": "1"})
    assert str(caught.value).splitlines() == [
        "parameter host is missing",
        "parameter token is missing",
        "parameter prot is unknown; did you mean port?",
        "this definition takes:",
        "  host (host, required): Target host",
        "  port (number, required): default 443",
        "  ssl (boolean): default true",
        "  mode (radio)",
        "  token (password, required)",
    ]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"port": "abc"}, "parameter port is 'abc'; expected a number"),
        ({"port": "70000"}, "expected a number from 0 to 65535"),
        ({"ssl": "maybe"}, "parameter ssl is 'maybe'; expected true or false"),
        ({"mode": "c"}, "expected one of a, b"),
        ({"host": ""}, "parameter host is empty"),
        ({"token": None}, "parameter token is empty"),
    ],
)
def test_what_does_not_suit(values: dict[str, str | None], says: str) -> None:
    assert says in complaint(**values)


def test_a_default_fills_what_was_not_given_with_its_type() -> None:
    resolved = resolve_parameters(SPECS, {"host": "h"})
    assert (resolved["port"].value, resolved["port"].type) == ("443", "number")
    assert "mode" not in resolved


def test_a_given_null_or_empty_text_beats_the_default() -> None:
    resolved = resolve_parameters(SPECS, {"port": None, "ssl": ""})
    assert resolved["port"].value is None
    assert resolved["ssl"].value == ""


def test_an_undeclared_name_is_not_used() -> None:
    assert "other" not in resolve_parameters(SPECS, {"other": "x"})


@pytest.mark.parametrize("key", ["sess-fake", "Bearer sess-fake", '"sess-fake"\n'])
def test_a_session_key_needs_no_remark(key: str) -> None:
    assert make_plan(load_definition("openai"), {"token": key}).notes == ()


def test_another_kind_of_key_is_remarked_and_used() -> None:
    plan = make_plan(load_definition("openai"), {"token": "sk-fake"})
    assert len(plan.notes) == 1
    assert "does not begin with sess-" in plan.notes[0]
    assert "sk-fake" not in plan.notes[0]


def test_a_range_of_any_length_is_compared() -> None:
    long = spec(field="n", type="number", range=f"[0,{'9' * 10_000}]")
    check_parameters([long], {"n": "5"})
    with pytest.raises(ParameterError, match="expected a number from"):
        check_parameters([long], {"n": "-1"})
