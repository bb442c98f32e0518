import json
from typing import Any

import pytest
from tests.hertzbeat_cluster import rig, samples
from tests.hertzbeat_cluster.manager import like

from openai_monitor.definition.shipped import load_definition
from openai_monitor.hertzbeat.errors import JobError
from openai_monitor.hertzbeat.jobs import Job, parse_ids, parse_job
from openai_monitor.hertzbeat.parameters import parameters_of
from openai_monitor.rows import FieldType

JOBS = [6, 7, 8, 26, 27]


def parsed(job: dict[str, Any]) -> Job:
    return parse_job(json.dumps(job).encode())


def values(job: Job, key: str | None = rig.KEY) -> dict[str, tuple[str | None, str]]:
    assert job.kind.definition is not None
    return {name: (each.value, each.type) for name, each in parameters_of(job, job.kind.definition, key).items()}


def with_set(**changes: Any) -> dict[str, Any]:
    """The recorded job with its first set changed."""
    job = like(rig.job(), 1)
    job["metrics"][0] |= changes
    return job


@samples.recorded
@pytest.mark.parametrize("number", JOBS)
def test_a_recorded_job_becomes_a_definition(number: int) -> None:
    told = samples.job(number)
    job = parsed(told)
    assert (job.id, job.monitor_id, job.tenant_id, job.period) == (
        told["id"], told["monitorId"], 0, told["defaultInterval"]
    )  # fmt: skip
    assert (dict(job.metadata), dict(job.labels), dict(job.annotations)) == (
        told["metadata"], told["labels"] or {}, told["annotations"] or {}
    )  # fmt: skip
    assert job.kind.refusal == ""
    assert job.kind.definition is not None
    sets = job.kind.definition.sets
    assert [each.name for each in sets] == [each["name"] for each in told["metrics"]]
    assert sets[0].http is not None
    assert (sets[0].http.url, sets[0].http.method, sets[0].http.ssl) == ("/basic", "GET", "false")


def test_metric_sets_keep_what_the_manager_has_to_be_told() -> None:
    basic, detail = parsed(rig.job()).kind.heads
    assert (basic.name, basic.priority, basic.interval) == ("basic", 0, 0)
    assert (detail.name, detail.priority, detail.interval) == ("detail", 1, 30)
    assert [(field.name, field.type, field.unit, field.label) for field in basic.fields] == [
        ("name", FieldType.STRING, None, True),
        ("load", FieldType.NUMBER, "%", False),
        ("temp", FieldType.STRING, None, False),
        ("responseTime", FieldType.NUMBER, "ms", False),
    ]


@samples.recorded
def test_the_recorded_job_collects_as_before_when_it_is_issued_again() -> None:
    first, again = parsed(samples.job(6)), parsed(samples.job(7))
    assert first.kind is again.kind
    assert first.collects_as(again)
    assert values(first, samples.key()) == values(again, samples.key())


def test_monitors_of_one_kind_share_their_definition() -> None:
    first, second = parsed(like(rig.job(), 1)), parsed(like(rig.issued_again(), 2))
    assert first.kind is second.kind
    assert first.kind is not parsed(with_set(name="another")).kind


@samples.recorded
def test_the_cron_expression_of_newer_managers_is_seen() -> None:
    assert parsed(samples.job(27)).cron == "*/5 * * * * *"


def test_a_set_without_priority_comes_last() -> None:
    job = parsed(with_set(priority=None, interval=None))
    assert (job.kind.heads[0].priority, job.kind.heads[0].interval) == (127, 0)
    assert job.kind.definition is not None
    assert job.kind.definition.sets[0].priority == 127


def test_what_newer_managers_bring_is_passed_over() -> None:
    job = with_set(brandNew={"a": 1}, i18n={"xx": "y"})
    job["metrics"][0]["http"]["quic"] = True
    job |= {"novelty": [1, 2], "params": [{**entry, "unheardOf": 1} for entry in job["params"]]}
    assert parsed(job).kind is parsed(like(rig.job(), 2)).kind


# What can't be used


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"{}", b'{"id":1}', b'{"id":"1","monitorId":2}', b"[" * 5000]
)
def test_what_is_no_job_is_refused(payload: bytes) -> None:
    with pytest.raises(JobError):
        parse_job(payload)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"priority": 200}, "metrics[0].priority"),
        ({"fields": []}, "metrics[0]"),
        ({"protocol": None}, "metrics[0]"),
        ({"http": {"host": "h", "authorization": {"type": "Magic"}}}, "metrics[0].http.authorization.type"),
        ({"fields": [{"field": "a\ud800", "type": 1}]}, "can't be used"),
    ],
)
def test_the_rules_of_the_loader_hold(changes: dict[str, Any], reason: str) -> None:
    kind = parsed(with_set(**changes)).kind
    assert kind.definition is None
    assert kind.refusal.startswith("the definition rig can't be used: ")
    assert reason in kind.refusal


def test_a_set_that_will_fail_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    http = {"host": "h", "port": "80", "url": "/", "method": "GET", "parseType": "jsonPath", "parseScript": "$.["}
    first, second = parsed(with_set(http=http)), parsed(with_set(http=http))
    assert first.kind is second.kind
    assert first.kind.refusal == ""
    assert caplog.text.count("the definition rig of the manager has a set that fails: metrics[0]") == 1


@pytest.mark.parametrize("metrics", [None, [], "x", [1], [{}]])
def test_a_job_without_sets_is_refused_not_dropped(metrics: Any) -> None:
    kind = parsed({**rig.job(), "metrics": metrics}).kind
    assert kind.definition is None or kind.definition.sets == ()
    assert len(kind.heads) == (1 if metrics == [{}] else 0)


@pytest.mark.parametrize(
    "text", ["tab\there", "line\nend", "\x85\u2028\ufeff", "ünï 鍵 🔑", 'quote " and \\', "null", "~", "a: b # c", ""]
)
def test_texts_reach_the_definition_as_they_are(text: str) -> None:
    job = with_set(http={"host": "h", "url": text, "method": "GET", "parseType": "default", "payload": text})
    definition = parsed(job).kind.definition
    assert definition is not None
    assert definition.sets[0].http is not None
    assert (definition.sets[0].http.url, definition.sets[0].http.payload) == (text, text)


@pytest.mark.parametrize("key", ["id", "monitorId", "tenantId", "defaultInterval"])
def test_a_number_of_more_than_64_bits_is_no_job(key: str) -> None:
    with pytest.raises(JobError, match=f"no valid {key}: a whole number of 64 bits"):
        parse_job(json.dumps({**rig.job(), key: 10**400}).encode())


def test_an_interval_beyond_all_time_is_a_long_one() -> None:
    job = parsed({**with_set(interval=10**400), "defaultInterval": 2**62})
    assert job.period == 10**9
    assert job.dues().tick <= 10**9


def test_ids_to_delete() -> None:
    assert parse_ids(b"[708083415059200]") == [708083415059200]
    assert parse_ids(b'[1,"x",null,true]') == [1]
    for payload in (b"", b"{}", b"1", b"[" * 5000):
        with pytest.raises(JobError):
            parse_ids(payload)


# Parameters


def test_values_are_the_configmaps_and_defaults_the_jobs_own() -> None:
    assert values(parsed(rig.job())) == {
        "host": ("127.0.0.1", "host"),
        "port": ("11599", "number"),
        "username": ("bob", "text"),
        "password": ("s3cret-pw", "password"),
        "extra": ("dflt", "text"),
    }


def test_a_job_issued_again_has_the_same_parameters() -> None:
    first, again = parsed(rig.job()), parsed(rig.issued_again())
    assert values(first) == values(again)
    assert first.collects_as(again)


def test_a_given_null_beats_the_default() -> None:
    job = like(rig.issued_again(), 1, config={"extra": None})
    assert values(parsed(job))["extra"] == (None, "text")


@pytest.mark.parametrize("change", [{"config": {"host": "127.0.0.2"}}, {"defaultInterval": 11}, {"app": "another"}])
def test_an_edited_job_does_not_collect_as_before(change: dict[str, Any]) -> None:
    assert not parsed(like(rig.job(), 1)).collects_as(parsed(like(rig.job(), 1, **change)))


def test_a_renamed_monitor_is_another_one_to_those_who_watch() -> None:
    renamed = {**rig.job(), "metadata": {"instance": "127.0.0.1:11599", "instancename": "another"}}
    assert not parsed(rig.job()).collects_as(parsed(renamed))


def test_what_the_manager_encrypts_is_a_password_whatever_the_definition_says() -> None:
    job = rig.job()
    declared = [{**entry, "type": "text"} if entry["field"] == "password" else entry for entry in job["params"]]
    assert values(parsed({**job, "params": declared}))["password"] == ("s3cret-pw", "password")


def test_undeclared_values_fill_placeholders_too() -> None:
    job = like(rig.job(), 1)
    job["configmap"] += [{"key": "more", "value": "m", "type": 1}, {"key": "map", "value": '{"a":"b"}', "type": 3}]
    found = values(parsed(job))
    assert (found["more"], found["map"]) == (("m", "text"), ('{"a":"b"}', "key-value"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"port": "eighty"}, "parameter port is 'eighty'; expected a number"),
        ({"host": None}, "parameter host is empty"),
        ({"password": "AAAAAAAAAAAAAAAAAAAAAA=="}, "parameter password: it does not open with the key"),
    ],
)
def test_parameters_that_do_not_suit_are_named(config: dict[str, str | None], message: str) -> None:
    job = parsed(like(rig.job(), 1, config=config))
    with pytest.raises(JobError) as caught:
        values(job)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_no_secret_shows() -> None:
    job = parsed(rig.job())
    assert rig.encrypt(rig.PASSWORD, rig.KEY) not in repr(job)
    assert "s3cret" not in repr(values.__globals__["parameters_of"](job, job.kind.definition, rig.KEY))


def test_pages_are_read_although_the_manager_replaces_annotations() -> None:
    annotations = load_definition("openai_organization").document.annotations or {}
    about_costs = {key: value for key, value in annotations.items() if key.startswith("daily_costs.")}
    assert about_costs
    job = parsed({**with_set(name="daily_costs"), "app": "openai_organization"})
    assert job.kind.definition is not None
    assert job.kind.definition.document.annotations == about_costs
    assert dict(job.annotations) == {"note": "hi"}


def test_pages_can_be_told_of_in_the_monitors_own_annotations() -> None:
    paging = {"basic.next_page": "$.next", "basic.page_parameter": "page"}
    odd = {"detail.next_page": "$.next", "other.next_page": "$.n", "basic.most_pages": "many", "note": "hi"}
    definition = parsed({**rig.job(), "annotations": {**paging, "note": "x"}}).kind.definition
    assert definition is not None
    assert definition.document.annotations == paging
    definition = parsed({**rig.job(), "annotations": odd}).kind.definition
    assert definition is not None
    assert definition.document.annotations is None


def test_a_name_of_the_manager_is_one_clean_line_and_goes_back_as_it_came() -> None:
    odd = "ac\nme\u202e\x9b\x1b[31m"
    told = like(rig.job(), 1)
    told["metadata"]["instancename"] = odd
    job = parsed(told)
    assert job.name == "ac\\nme\\u202e\\x9b\\x1b[31m"
    assert dict(job.metadata)["instancename"] == odd


def test_half_a_character_in_a_job_becomes_a_question_mark() -> None:
    told = {**rig.job(), "app": "rig\ud800", "labels": {"te\udfffam": "\ud83d"}, "annotations": {"smile": "\U0001f600"}}
    for payload in (json.dumps(told).encode(), json.dumps(told, ensure_ascii=False).encode(errors="surrogatepass")):
        job = parse_job(payload)
        assert json.dumps([job.kind.app, job.labels, job.annotations], ensure_ascii=False).encode()
        assert dict(job.annotations) == {"smile": "\U0001f600"}
    assert dict(parsed(told).labels) == {"te?am": "?"}
