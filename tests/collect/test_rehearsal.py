"""A metric set on a saved answer, and why cells are empty."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.rehearsal import Rehearsal, rehearse
from openai_monitor.definition.load import parse_definition
from openai_monitor.errors import ParameterError
from openai_monitor.rows import Code

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def definition_text(
    fields: str,
    aliases: str = "~",
    calculates: str = "[]",
    parse: str = "parseType: jsonPath, parseScript: '$.rows[*]'",
    more: str = "",
    top: str = "",
) -> str:
    return (
        f"app: acme\n{top}\n"
        "params: [{field: host, type: host, required: true}, {field: token, type: password, required: true}]\n"
        f"metrics: [{{name: usage, priority: 0, protocol: http, fields: [{fields}], aliasFields: {aliases}, "
        f"calculates: {calculates}, {more} http: {{host: ^_^host^_^, url: /, method: GET, "
        f"authorization: {{type: Bearer Token, bearerTokenToken: ^_^token^_^}}, {parse}}}}}]\n"
    )


def try_answer(
    text: str,
    body: object,
    values: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    row: Mapping[str, str] | None = None,
) -> Rehearsal:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, Headers(headers), data, 0, "")
    definition = parse_definition(text, "acme.yml")
    return asyncio.run(rehearse(definition, "usage", answer, values, row=row, clock=lambda: NOON))


def reasons(rehearsal: Rehearsal) -> list[str]:
    return [gap.reason for gap in rehearsal.gaps]


NUMBER = "{field: used, type: 0}"


def test_rows_come_out_as_a_collection_would_give_them() -> None:
    text = definition_text("{field: name, type: 1}, {field: used, type: 0}", "[name, cents]", '["used=cents / 100"]')
    done = try_answer(text, {"rows": [{"name": "a", "cents": 250}, {"name": "b", "cents": "7"}]})
    assert done.result.code is Code.SUCCESS
    assert done.result.rows == (("a", 2.5), ("b", 0.07))
    assert done.gaps == ()
    assert done.result.time == NOON


def test_no_parameter_has_to_be_given_and_unknown_ones_are_refused() -> None:
    text = definition_text(NUMBER)
    assert try_answer(text, {"rows": []}).result.ok
    with pytest.raises(ParameterError, match="parameter tokn is unknown; did you mean `token`"):
        try_answer(text, {"rows": []}, {"tokn": "x"})


def test_an_unknown_set_is_refused_with_the_nearest() -> None:
    definition = parse_definition(definition_text(NUMBER), "acme.yml")
    with pytest.raises(ParameterError, match="no metric set 'usag': did you mean `usage`"):
        asyncio.run(rehearse(definition, "usag", Answer(200, Headers(()), b"{}", 0, "")))


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"<html>", 200, "HTML page"),
        (b"", 200, "the answer is empty"),
        ({"error": {"message": "no such key"}}, 200, "no such key"),
        ({}, 401, "HTTP 401: the key is wrong"),
        ({"row": []}, 200, "`rows` does not; did you mean `row`?"),
    ],
)
def test_a_failure_says_what_a_collection_would_say(body: object, status: int, message: str) -> None:
    done = try_answer(definition_text(NUMBER), body, status=status)
    assert done.result.code is Code.FAIL
    assert message in done.result.message


def test_a_path_that_does_not_compile_fails_before_the_answer_is_read() -> None:
    done = try_answer(definition_text(NUMBER, parse="parseType: jsonPath, parseScript: '$.a[b]'"), b"")
    assert "does not compile" in done.result.message


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"usde": 1}, "the row has no `used`; did you mean `usde`?"),
        ({"a": 1, "b": 2}, "the row has no `used`; it has `a`, `b`"),
        ({}, "the row has no `used`"),
        ({"used": None}, "`used` is null in the answer"),
        ({"used": "many"}, '"many", which is no number'),
        ({"used": [1]}, "[1], which is no number"),
        ({"used": True}, "true, which is no number"),
        ({"total": {"used": 1}}, "the row has no `used`; one level deeper it has: write `$.total.used`"),
    ],
)
def test_why_a_number_is_empty(row: object, reason: str) -> None:
    done = try_answer(definition_text(NUMBER), {"rows": [row]})
    assert done.result.rows == ((None,),)
    assert reasons(done) == [reason]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"plan": {"titel": "x"}}, "`$.plan` exists, `title` does not; did you mean `titel`?, where `$` is the row"),
        ({"plan": None}, "`$.plan` is null, not an object with `title`, where `$` is the row"),
        ({"paln": {}}, "`$` exists, `plan` does not; did you mean `paln`?, where `$` is the row"),
        ({"plan": {"title": None}}, "`$.plan.title` finds nothing, or null, in the row"),
    ],
)
def test_where_a_path_breaks_inside_a_row(row: object, reason: str) -> None:
    text = definition_text("{field: title, type: 1}", "[$.plan.title]", "[title=$.plan.title]")
    assert reasons(try_answer(text, {"rows": [row]})) == [reason]


@pytest.mark.parametrize(
    ("calculates", "row", "reason"),
    [
        ("used=a / b", {"a": 1, "b": 0}, "`a / b` fails: division by zero"),
        ("used=a / b", {"a": 1, "c": 0}, "`a / b` fails: the row has no `b`; it has `a`, `c`"),
        ("used=a", {"A": 1}, "the row has no `a`; did you mean `A`?"),
        ("used=get('a')", {"b": 1}, "`get('a')` gives null; the row has no `a`; it has `b`"),
        ("used=a == 1", {"a": 1}, "`a == 1` gives true, which is no number"),
        ("used=cost", {"a": 1}, "`cost` gives nothing: no alias is called `cost`; known are `a` and `b`"),
        ("used=cost per day", {"a": 1}, "nothing fills it: no alias is called `cost per day`; known are `a`"),
    ],
)
def test_why_a_calculation_gives_nothing(calculates: str, row: object, reason: str) -> None:
    done = try_answer(definition_text(NUMBER, "[a, b]", f'["{calculates}"]'), {"rows": [row]})
    assert done.result.rows == ((None,),)
    assert len(done.gaps) == 1
    assert done.gaps[0].reason.startswith(reason)


def test_a_time_needs_the_form_of_one() -> None:
    done = try_answer(definition_text("{field: used, type: 3}"), {"rows": [{"used": "8 o'clock"}]})
    assert reasons(done) == ['"8 o\'clock", which is no time of day such as 08:30']


@pytest.mark.parametrize(
    ("parse", "fields", "body", "reason"),
    [
        ("parseType: default", "{field: usd}", {"used": 1}, "the row has no `usd`; did you mean `used`?"),
        ("parseType: default", "{field: $.used}", {"used": 1}, "parseType default reads keys, not paths"),
        ("parseType: prometheus", "{field: zz}", b'usage{job="a"} 1\n', "no `zz` for this row; it has `job`, `value`"),
        ("parseType: header", "{field: x-limt}", b"", "no `x-limt` for this row; did you mean `X-Limit`?"),
        ("parseType: config", "{field: usd},{field: used}", b"used=1\n", "for this row; did you mean `used`?"),
        (
            "parseType: config, parseScript: users",
            "{field: usd},{field: used}",
            b"users[0].used=1\n",
            "for this row; did you mean `used`?",
        ),
        ("parseType: website", "{field: statusCod}", b"", "for this row; did you mean `statusCode`?"),
        ("parseType: xmlPath, parseScript: /a/b", "{field: c}", b"<a><b/></a>", "the answer has no `c` for this row"),
        (
            "parseType: PromQL",
            "{field: instanc}",
            {"data": {"resultType": "vector", "result": [{"metric": {"instance": "a"}, "value": [1, "2"]}, "odd"]}},
            "for this row; did you mean `instance`?",
        ),
    ],
)
def test_other_parse_types_name_what_the_answer_has(parse: str, fields: str, body: object, reason: str) -> None:
    done = try_answer(definition_text(fields, parse=parse), body, headers=(("X-Limit", "5"),))
    assert reason in done.gaps[0].reason


def test_the_pages_of_a_sitemap_are_not_asked() -> None:
    text = definition_text("{field: url}, {field: errorMsg}", parse="parseType: sitemap")
    done = try_answer(text, b"https://a.example/\n")
    assert "was not asked" in str(done.result.rows[0][1])


def test_aliases_around_the_row_are_read_and_explained() -> None:
    text = definition_text(
        "{field: day}, {field: key}, {field: no}",
        "['`parent`.day', '`key`', '`parent`.nothing']",
        "['day=`parent`.day', 'key=`key`', 'no=`parent`.nothing']",
        parse="parseType: jsonPath, parseScript: '$.rows[*].by.*'",
    )
    body = {"rows": [{"day": 1, "by": {"x": {"v": 1}}}]}
    done = try_answer(text.replace("`parent`.day", "`parent`.`parent`.day"), body)
    assert done.result.rows == (("1", "x", None),)
    assert reasons(done) == ["nothing around the row answers to `parent`.nothing"]


def test_gaps_of_one_reason_are_told_together() -> None:
    done = try_answer(definition_text(NUMBER), {"rows": [{}, {"used": 1}, {}, {"used": None}]})
    assert [(gap.rows, gap.reason) for gap in done.gaps] == [
        ((1, 3), "the row has no `used`"),
        ((4,), "`used` is null in the answer"),
    ]


def test_what_the_filters_dropped_is_said() -> None:
    text = definition_text(NUMBER, more="filters: [used > 1, 'used +'],")
    done = try_answer(text, {"rows": [{"used": 1}, {"used": 2}, {}]})
    assert done.result.rows == ((2,),)
    (warning,) = done.result.warnings
    assert warning.startswith(
        "the filters dropped 2 of 3 rows; of row 1, `used > 1` is false; `used +` is no expression"
    )


def test_row_values_fill_the_markers_and_others_stay() -> None:
    text = definition_text("{field: id}, {field: used}", "[used]", "[\"id='^o^id^o^'\"]")
    assert try_answer(text, {"rows": [{"used": 1}]}, row={"id": "7"}).result.rows == (("7", "1"),)
    assert try_answer(text, {"rows": [{"used": 1}]}).result.rows == (("^o^id^o^", "1"),)


def test_now_is_the_moment_that_is_given() -> None:
    done = try_answer(definition_text(NUMBER, "[a]", '["used=now() - a"]'), {"rows": [{"a": 0}]})
    assert done.result.rows == ((int(NOON.timestamp()) * 1000,),)


def test_a_next_page_is_told() -> None:
    text = definition_text(NUMBER, top="annotations: {usage.next_page: $.next, usage.page_parameter: page}")
    done = try_answer(text, {"rows": [], "next": "abc"})
    assert done.result.warnings == ("a collection would go on with the page at page=abc",)


def test_an_echoed_key_is_masked_in_messages_and_known_as_secret() -> None:
    done = try_answer(definition_text(NUMBER), {"error": {"message": "bad sess-fake"}}, {"token": "sess-fake"})
    assert "sess-fake" not in done.result.message
    assert "sess-fake" in done.secrets


def test_secret_cells_are_masked_in_ways_and_known_as_secrets() -> None:
    done = try_answer(definition_text("{field: used, type: 2}"), {"rows": [{"used": "hunter22"}]})
    assert "hunter22" in done.secrets
    assert "hunter22" not in str(done.ways())
    assert "hunter22" not in repr(done)


# The way of one value


def test_the_way_of_a_value() -> None:
    text = definition_text(
        "{field: used, type: 0, unit: MB}", "[bytes]", '["used=bytes * 2"]', more="units: [used=B->MB],"
    )
    (way,) = try_answer(text, {"rows": [{"bytes": 1048576}]}).ways("used")
    assert way.steps == (
        ("body", "HTTP 200, 30 bytes: an object with `rows`"),
        ("rows", "parseType jsonPath with `$.rows[*]` gives 1 row; the first is an object with `bytes`"),
        ("alias", "`bytes` is 1048576"),
        ("expression", "`bytes * 2` gives 2097152"),
        ("unit", "B to MB"),
        ("field", "`used` (number, MB) is 2"),
    )


def test_the_way_of_a_value_that_got_lost() -> None:
    (way,) = try_answer(definition_text(NUMBER, "[a]", '["used=a + 1"]'), {"rows": [{}]}).ways("used")
    assert way.steps[2:] == (
        ("alias", "`a` has no value: the row has no `a`"),
        ("expression", "`a + 1` fails: `a` is null"),
        ("field", "`used` (number) has no value: `a + 1` fails: the row has no `a`"),
    )


def test_a_mapping_and_a_unit_of_the_data_are_on_the_way() -> None:
    text = definition_text("{field: used, type: 0, unit: KB}", "[memory]", "[used=memory]")
    (way,) = try_answer(text, {"rows": [{"memory": "3MB"}]}).ways("used")
    assert way.steps[2:] == (
        ("alias", '`memory` is "3MB"'),
        ("expression", "`used=memory` takes that alias"),
        ("unit", "MB to KB"),
        ("field", "`used` (number, KB) is 3072"),
    )


def test_the_alias_of_an_expression_without_a_value_is_on_the_way() -> None:
    text = definition_text(NUMBER, "[used, kb, used-kb]", "['used=used-kb']")
    (way,) = try_answer(text, {"rows": [{"used-kb": 3, "kb": 1}]}).ways("used")
    told = dict(way.steps)
    assert "`used` is null" in told["expression"]
    assert told["expression"].endswith(", so the alias of this name is taken")
    assert told["field"] == "`used` (number) is 3"


def test_lists_are_counted_and_added_up() -> None:
    fields = "{field: jobs, type: 0}, {field: done, type: 0}, {field: cost, type: 0}, {field: names, type: 1}"
    aliases = "[job, '$.job[?(@.state == \"done\")]', '$.job[*].usd', '$.job[*].state']"
    calculates = """['jobs=size(job)', 'done=count(get("$.job[?(@.state == \\"done\\")]"))',
        'cost=sum($.job[*].usd)', 'names=size($.job[*].state)']"""
    row = {"job": [{"state": "done", "usd": 0.1}, {"state": "new", "usd": 0.2}, {"state": "done"}]}
    done = try_answer(definition_text(fields, aliases, calculates), {"rows": [row, {}]})
    assert list(done.result.rows) == [(3, 2, 0.3, "3"), (0, None, None, "0")]
    assert not done.result.warnings
    assert dict(done.ways("cost")[0].steps)["expression"] == "`sum($.job[*].usd)` gives 0.3"


def test_the_first_of_several_values_as_a_number_is_warned_about() -> None:
    text = definition_text(NUMBER, "['$.items[*].usd']", "['used=$.items[*].usd']")
    several, one = {"items": [{"usd": 1.5}, {"usd": 2.5}]}, {"items": [{"usd": 1.5}]}
    done = try_answer(text, {"rows": [one, several]})
    assert list(done.result.rows) == [(1.5,), (1.5,)]
    assert list(done.result.warnings) == [
        (
            "`$.items[*].usd` finds several values in a row and used takes the first: write `sum($.items[*].usd)`, "
            "or avg, min, max or count of it"
        )
    ]
    assert not try_answer(text, {"rows": [one]}).result.warnings


@pytest.mark.parametrize("calculate", ["used=costs", "used=costs * 2", "used=costs + 1"])
def test_a_list_as_a_number_is_warned_about(calculate: str) -> None:
    done = try_answer(definition_text(NUMBER, "[costs]", f"['{calculate}']"), {"rows": [{"costs": [1, 2]}]})
    assert list(done.result.rows) == [(None,)]
    assert any("`costs` is a list and used a number: write `sum(costs)`" in warning for warning in done.result.warnings)


def test_an_alias_that_looks_like_a_number_is_the_alias() -> None:
    fields = "{field: day, type: 0}, {field: year, type: 0}, {field: share, type: 0}"
    text = definition_text(fields, "['24h', '2024', '`parent`.total']",
        "['day=24h', 'year=2024', 'share=24h / `parent`.total * 100']")  # fmt: skip
    done = try_answer(text, {"total": 84, "rows": [{"24h": 0.42, "2024": 77}, {"2024": 1}]})
    assert list(done.result.rows) == [(0.42, 77, 0.5), (None, 1, None)]


def test_a_fallback_behind_a_path_alias_is_for_rows_without_it() -> None:
    text = definition_text(NUMBER, "['$.tags[0].n']", "['used=$.tags[0].n ?? 0']")
    assert try_answer(text, {"rows": [{"tags": [{"n": 1200}]}, {"tags": []}]}).result.rows == ((1200,), (0,))


def test_without_rows_the_way_ends_there() -> None:
    (way,) = try_answer(definition_text(NUMBER), {"rows": []}).ways()
    assert [stage for stage, _ in way.steps] == ["body", "rows"]


def test_a_failure_has_no_way_and_an_unknown_field_is_refused() -> None:
    done = try_answer(definition_text(NUMBER), b"")
    assert done.ways() == []
    with pytest.raises(ParameterError, match="usage has no field 'usde': did you mean `used`"):
        done.ways("usde")
