"""The conversation, message by message, without a connection."""

import json
import logging
from typing import Any

import pytest
from tests.hertzbeat_cluster import rig, samples
from tests.hertzbeat_cluster.manager import like
from tests.hertzbeat_cluster.test_messages import message_of

from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.assignments import Assignments
from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.messages import Direction, Message, Type
from openai_monitor.hertzbeat.session import Session, State

JOB = rig.job()
REPLY = Message(Type.GO_ONLINE, "py-wire", Direction.RESPONSE, messages.compact_json({"aesSecret": rig.KEY}))


class Recorder:
    """A JobRunner that notes what it is told."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.once_jobs: list[Job] = []
        self.keys: list[str | None] = []
        self.runs = False

    def put(self, job: Job) -> None:
        self.jobs[job.monitor_id] = job

    def remove(self, monitor_id: int) -> None:
        del self.jobs[monitor_id]

    def once(self, job: Job) -> None:
        self.once_jobs.append(job)

    def suspend(self) -> None:
        self.runs = False

    def resume(self, key: str | None) -> None:
        self.runs = True
        self.keys.append(key)


class Talk:
    """One collector; ``connect`` begins the next connection."""

    def __init__(self) -> None:
        self.runner = Recorder()
        self.assignments = Assignments(self.runner)
        self.connect()

    def connect(self) -> None:
        self.session = Session("py-wire", "private", "1", self.assignments)
        self.opening = self.session.opening()

    def hear(self, *said: Message) -> list[Message | None]:
        return [self.session.receive(message) for message in said]

    @property
    def running(self) -> dict[int, int]:
        """Job ids by monitor, as far as they run."""
        jobs = self.runner.jobs if self.runner.runs else {}
        assert self.runner.jobs == self.assignments.jobs
        return {monitor_id: job.id for monitor_id, job in jobs.items()}


@pytest.fixture
def talk() -> Talk:
    return Talk()


def issue(job_id: int, monitor_id: int, kind: Type = Type.ISSUE_CYCLIC_TASK, **changes: Any) -> Message:
    return Message(kind, msg=messages.compact_json(like({**JOB, "id": job_id}, monitor_id, **changes)))


def delete(*ids: int) -> Message:
    return Message(Type.DELETE_CYCLIC_TASK, msg=messages.compact_json(ids))


def test_leaving_comes_right_before_coming(talk: Talk) -> None:
    assert [message.type for message in talk.opening] == [Type.GO_OFFLINE, Type.GO_ONLINE]
    assert {message.identity for message in talk.opening} == {"py-wire"}
    assert json.loads(talk.opening[1].msg)["mode"] == "private"


def test_jobs_come_before_the_key_and_run_after_it(talk: Talk) -> None:
    talk.hear(issue(1, 11), issue(2, 12))
    assert talk.running == {}
    states = [talk.session.state]
    talk.hear(REPLY)
    assert talk.running == {11: 1, 12: 2}
    assert talk.runner.keys == [rig.KEY]
    assert [*states, talk.session.state] == [State.GREETING, State.ONLINE]


@samples.recorded
def test_the_recorded_start_of_a_java_collector(talk: Talk) -> None:
    kinds = {"ISSUE_CYCLIC_TASK": message_of(7), "GO_ONLINE": message_of(2), "HEARTBEAT": message_of(5)}
    said = [each for each in samples.sample(24)["messages"] if each["direction"] == "manager->collector"]
    assert talk.hear(*(kinds[each["type"]] for each in said)) == [None] * len(said)
    assert talk.running == {708080388614912: 708082347498240}


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"aesSecret":null}', b"nonsense", b"[" * 5000])
def test_older_managers_send_no_key(talk: Talk, payload: bytes) -> None:
    talk.hear(issue(1, 11), Message(Type.GO_ONLINE, "py-wire", Direction.RESPONSE, payload))
    assert talk.running == {11: 1}
    assert talk.runner.keys == [None]


def test_a_job_of_the_same_monitor_replaces_the_one_before(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), issue(2, 11, config={"host": "other"}))
    assert talk.running == {11: 2}
    talk.hear(delete(1))
    assert talk.running == {11: 2}


def test_an_edit_is_a_new_job_then_the_end_of_the_old_one_then_a_look(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11))
    talk.hear(issue(2, 11), delete(1), issue(0, 11, Type.ISSUE_ONE_TIME_TASK))
    assert talk.running == {11: 2}
    assert [job.monitor_id for job in talk.runner.once_jobs] == [11]


def test_pause_and_resume(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), issue(2, 12), delete(1))
    assert talk.running == {12: 2}
    talk.hear(issue(3, 11))
    assert talk.running == {12: 2, 11: 3}


def test_ids_that_are_not_ours_are_passed_over(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), delete(99, 0, -5))
    assert talk.running == {11: 1}


def test_after_a_reconnect_only_what_is_issued_again_runs(talk: Talk) -> None:
    talk.hear(issue(1, 11), issue(2, 12), REPLY)
    talk.connect()
    assert talk.running == {}
    talk.hear(issue(3, 12), issue(4, 13))
    assert talk.running == {}
    talk.hear(REPLY)
    assert talk.running == {12: 3, 13: 4}


def test_ordered_offline_it_stops_everything_and_says_so(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11))
    [answer] = talk.hear(Message(Type.GO_OFFLINE, "py-wire"))
    assert answer == Message(Type.GO_OFFLINE, "py-wire", Direction.RESPONSE, b"0")
    assert talk.running == {}
    assert talk.session.state is State.RESTING


def test_ordered_online_it_begins_anew_with_the_jobs_that_follow(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), Message(Type.GO_OFFLINE, "py-wire"))
    order = Message(Type.GO_ONLINE, "py-wire", msg=messages.compact_json({"aesSecret": "another-key-here"}))
    [answer] = talk.hear(order)
    assert answer == Message(Type.GO_ONLINE, "py-wire", Direction.RESPONSE, b"0")
    assert talk.runner.keys[-1] == "another-key-here"
    talk.hear(issue(5, 12))
    assert talk.running == {12: 5}
    assert talk.session.state is State.ONLINE


def test_an_order_to_go_online_drops_what_is_not_issued_after_it(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), issue(2, 12))
    talk.hear(Message(Type.GO_ONLINE, "py-wire", msg=REPLY.msg))
    assert talk.running == {}
    talk.hear(issue(3, 12))
    assert talk.running == {12: 3}


@samples.recorded
def test_the_recorded_orders_are_understood(talk: Talk) -> None:
    answers = talk.hear(REPLY, message_of(14), message_of(15), message_of(17))
    assert [answer and answer.direction for answer in answers] == [None, None, Direction.RESPONSE, Direction.RESPONSE]
    assert messages.encode(answers[2] or Message()) == messages.encode(message_of(16))
    talk.hear(message_of(18))
    assert talk.session.state is State.DISMISSED


def test_deleted_in_the_manager_it_stops_everything(talk: Talk) -> None:
    talk.hear(REPLY, issue(1, 11), Message(Type.GO_CLOSE))
    assert talk.running == {}
    assert talk.session.state is State.DISMISSED


@pytest.mark.parametrize(
    "message",
    [
        Message(77, msg=b"?"),
        Message(Type.HEARTBEAT),
        Message(Type.GO_OFFLINE, "py-wire", Direction.RESPONSE),
        Message(Type.ISSUE_CYCLIC_TASK, msg=b"{"),
        Message(Type.ISSUE_CYCLIC_TASK, msg=b"[" * 100_000),
        Message(Type.DELETE_CYCLIC_TASK, msg=b"5"),
        Message(Type.ISSUE_ONE_TIME_TASK),
    ],
)
def test_odd_messages_change_nothing(talk: Talk, message: Message) -> None:
    talk.hear(REPLY, issue(1, 11))
    assert talk.hear(message) == [None]
    assert talk.running == {11: 1}


def test_an_error_of_ours_does_not_end_the_conversation(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_job: Job) -> None:
        raise RuntimeError("sess-fake")

    monkeypatch.setattr(talk.runner, "put", fail)
    with caplog.at_level(logging.DEBUG):
        assert talk.hear(REPLY, issue(1, 11)) == [None, None]
    assert "internal error (RuntimeError in hertzbeat/assignments.py, put, line " in caplog.text
    assert "sess-fake" not in caplog.text
