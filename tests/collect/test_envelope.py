"""Failures that are told inside a status of success, and what only looks like one."""

from collections.abc import Sequence

import pytest
from tests.collect.test_rehearsal import definition_text, try_answer

from openai_monitor.collect.envelope import words_of
from openai_monitor.rows import MetricSetResult

USED = "{field: used, type: 0}"
ROOT = "parseType: jsonPath, parseScript: $"
ITEMS = "parseType: jsonPath, parseScript: '$.data[*]'"


def collected(
    body: object, *, fields: str = USED, aliases: str = "[used]", parse: str = ROOT, top: str = ""
) -> MetricSetResult:
    return try_answer(definition_text(fields, aliases, parse=parse, top=top), body).result


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"success": False, "message": "token expired"}, "`success` is false: the server said: token expired"),
        ({"ok": False, "error_code": 7, "description": "not found"}, "the server said: not found"),
        ({"status": "error", "message": "database is down"}, "`status` is error: the server said: database is down"),
        ({"status": "FAILED", "reason": "quota"}, "the server said: quota"),
        ({"code": 401, "msg": "no login"}, "`code` is 401: the server said: no login; the key is wrong"),
        ({"code": "403", "message": "forbidden", "data": None}, "`code` is 403: the server said: forbidden"),
        ({"errcode": 40013, "errmsg": "invalid appid"}, "`errcode` is 40013: the server said: invalid appid"),
        ({"code": "InvalidApiKey", "message": "Invalid API-key"}, "the server said: Invalid API-key"),
        ({"errors": [{"message": "Not authorised", "code": 1}], "data": None}, "the server said: Not authorised"),
        ({"errors": [{"status": "422", "detail": "too long"}]}, "the server said: too long"),
        ({"errors": ["no such project"]}, "the server said: no such project"),
        ({"errors": {"name": ["can't be blank"]}}, "the server said: name: can't be blank"),
        ({"detail": "Not authenticated"}, "the server said: Not authenticated"),
        ({"detail": [{"loc": ["query", "day"], "msg": "Field required"}]}, "the server said: Field required"),
        ({"error": "invalid_grant", "error_description": "The token expired"}, "the server said: The token expired"),
        ({"error_description": "The token expired"}, "the server said: The token expired"),
        ({"error": True, "message": "maintenance"}, "the server said: maintenance"),
        ({"type": "about:blank", "title": "Forbidden", "status": 403}, "the server said: Forbidden"),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "the server said: login fail"),
        ({"meta": {"code": 429, "message": "slow down"}}, "the server said: slow down"),
        ({"success": False, "message": "x", "data": []}, "`success` is false"),
        ({"code": -1, "message": "boom", "data": []}, "`code` is -1: the server said: boom"),
        ({"retCode": 10001, "retMsg": "bad sign", "result": {}}, "`retCode` is 10001: the server said: bad sign"),
        ({"result": "error", "message": "no such user"}, "the server said: no such user"),
        ({"Error": {"Code": "AccessDenied", "Message": "no"}}, "there is `Error`: the server said: no"),
        ({"fault": {"faultstring": "Invalid ApiKey"}}, "there is `fault`: the server said: Invalid ApiKey"),
    ],
)
@pytest.mark.parametrize("parse", [ROOT, ITEMS, "parseType: jsonPath, parseScript: '$.data.items[*]'"])
def test_a_failure_inside_a_200_fails_the_set_with_the_servers_words(body: object, told: str, parse: str) -> None:
    result = collected(body, parse=parse, aliases="['$.used']")
    assert not result.ok
    assert told in result.message


@pytest.mark.parametrize(
    ("body", "aliases", "parse"),
    [
        ({"code": 0, "data": [{"used": 1}]}, "[used]", ITEMS),
        ({"code": 200, "msg": "success", "data": [{"used": 1}]}, "[used]", ITEMS),
        ({"code": 1, "msg": "ok", "data": [{"used": 1}]}, "[used]", ITEMS),
        ({"code": 0, "message": "success", "data": []}, "[used]", ITEMS),
        ({"code": 200, "message": "OK", "data": None}, "[used]", ITEMS),
        ({"status": "error", "message": "disk full"}, "[status]", ROOT),
        ({"status": "error", "used": 3}, "[used]", ROOT),
        ({"success": False}, "[success]", ROOT),
        ({"success": False, "used": None}, "['$.success', used]", ROOT),
        ({"code": 404, "message": "gone", "used": 3}, "[used]", ROOT),
        ({"detail": [{"used": 4, "msg": "x"}]}, "[used]", "parseType: jsonPath, parseScript: '$.detail[*]'"),
        ({"detail": []}, "[used]", "parseType: jsonPath, parseScript: '$.detail[*]'"),
        ({"errors": [{"used": 4}]}, "[used]", "parseType: jsonPath, parseScript: '$.errors[*]'"),
        ({"errors": 3, "used": None}, "[used]", ROOT),
        ({"errors": {"total": 3, "fatal": 0}, "used": 1}, "[used]", ROOT),
        ({"errors": [], "data": []}, "[used]", ITEMS),
        ({"success": True, "message": "nothing there", "data": []}, "[used]", ITEMS),
        ({"status": "ok", "data": []}, "[used]", ITEMS),
        ({"detail": {"used": 3}, "used": None}, "[used]", ROOT),
        ({"used": None}, "[used]", ROOT),
        ([{"success": False, "message": "x"}], "[used]", "parseType: jsonPath, parseScript: '$[*]'"),
    ],
)
def test_what_only_looks_like_a_failure_collects_as_in_hertzbeat(body: object, aliases: str, parse: str) -> None:
    result = collected(body, fields="{field: a, type: 1}, {field: b, type: 1}", aliases=aliases, parse=parse)
    assert result.ok
    assert not any("may tell a failure" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("body", "aliases", "parse"),
    [
        ({"success": False, "used": 3, "message": "cached"}, "[used]", ROOT),
        ({"errors": [{"message": "one shard failed"}], "data": [{"used": 1}]}, "[used]", ITEMS),
        ({"success": False, "alerts": [], "checks": [{"id": 1}]}, "[used]", ITEMS.replace("data", "alerts")),
        ({"message": "please wait"}, "[used]", ROOT),
        ({"code": 7, "msg": "no entries yet", "data": []}, "[used]", ITEMS),
        ({"success": False, "message": "x"}, "[responseTime]", ROOT),
    ],
)
def test_what_may_be_a_failure_is_said(body: object, aliases: str, parse: str) -> None:
    result = collected(body, aliases=aliases, parse=parse)
    assert result.ok
    assert any("the answer may tell a failure" in warning for warning in result.warnings)


def test_an_answer_of_another_shape_fails_with_the_servers_words_too() -> None:
    result = collected({"message": "Not Found"}, parse=ITEMS)
    assert not result.ok
    assert "the shape that parseScript" in result.message
    assert result.message.endswith("; the server said: Not Found")


def test_a_measured_time_is_no_value_of_the_answer() -> None:
    fields = "{field: used, type: 0}, {field: responseTime, type: 0}"
    result = collected({"success": False, "message": "no"}, fields=fields, aliases="[used, responseTime]")
    assert "the server said: no" in result.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"code": 1, "errors": [{"message": "deep"}]}}, "deep"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"title": "Bad Request", "detail": "the day is missing"}, "the day is missing"),
        ({"Message": "User is not authorized"}, "User is not authorized"),
        ({"status": "active"}, ""),
        ({"items": [1]}, ""),
        ({"message": 5}, ""),
    ],
)
def test_the_servers_words_are_found_wherever_they_stand(body: object, said: str) -> None:
    assert words_of(body) == said


def _annotated(condition: str, body: object, aliases: Sequence[str] = ("used",)) -> MetricSetResult:
    top = f"annotations: {{usage.success: '{condition}'}}"
    return collected(body, aliases=f"[{', '.join(aliases)}]", top=top)


@pytest.mark.parametrize(
    ("condition", "body"),
    [
        ("$.success == true", {"success": True, "used": 1}),
        ("$.success", {"success": True, "used": 1}),
        ("$.code == 0", {"code": "0", "used": 1}),
        ("code == 0 && $.used != null", {"code": 0, "used": 1}),
        ("$.error == null", {"used": 1}),
        ("size($.errors) == 0", {"errors": [], "used": 1}),
        ("empty($.errors)", {"used": 1}),
        ('$.results[0].state == "done"', {"results": [{"state": "done"}], "used": 1}),
        ('$["my-flag"] == true', {"my-flag": True, "used": 1}),
        ("$.success == false", {"success": False, "message": "as it should be", "used": None}),
        ('$.status =~ "ok|degraded"', {"status": "degraded", "used": 1}),
    ],
)
def test_a_success_condition_decides_whatever_else_stands_there(condition: str, body: object) -> None:
    assert _annotated(condition, body).ok


@pytest.mark.parametrize(
    ("condition", "body", "told"),
    [
        ("$.success == true", {"success": False, "message": "token expired"}, "the server said: token expired"),
        ("$.success == true", {"success": False, "used": 5}, "`$.success` is false"),
        ("$.success == true", {"used": 5}, "`$.success` is null"),
        ("$.code == 0", {"code": 17, "used": 5}, "`$.code` is 17"),
        ("size($.errors) == 0", {"errors": [{"message": "a shard is away"}], "used": 5}, "a shard is away"),
        ("$.left > 1", {"left": "many", "used": 5}, "`$.left` is many"),
        ("$.success", {"success": "yes", "used": 5}, "`$.success` is yes"),
    ],
)
def test_an_answer_that_misses_its_success_condition_fails_with_the_servers_words(
    condition: str, body: object, told: str
) -> None:
    result = _annotated(condition, body)
    assert result.message.startswith(f"HTTP 200, but `{condition}` is not true: ")
    assert told in result.message
    assert result.rows == ()


def test_an_answer_that_is_no_json_misses_every_success_condition() -> None:
    assert "JSON" in _annotated("$.success == true", b"<html></html>").message


def test_the_way_of_a_value_begins_with_the_success_condition() -> None:
    text = definition_text(USED, "[used]", parse=ROOT, top="annotations: {usage.success: $.code == 0}")
    [way] = try_answer(text, {"code": 0, "used": 1}).ways()
    assert way.steps[0][1].endswith("it is a success, since `$.code == 0` is true")
