"""What is almost right, in thousands of ways: definitions, monitors files, answers, frames and messages of a manager.

Whatever is wrong, its author gets a place, a message and a documented exit code, soon, and never a traceback.
"""

import asyncio
import json
import logging
import socket
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.collect.transport.web import Asked, Server, read_request
from tests.corpus import ROOT
from tests.hertzbeat_cluster import rig
from tests.mutations import COUNT, as_json, dice_of, mutated_bytes, mutated_text, mutated_value, soon
from tests.sinks.events import event

from openai_monitor.cli import main
from openai_monitor.collect.answer import Answer, AnswerLimits, Headers
from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.rehearsal import rehearse
from openai_monitor.collect.request import Request
from openai_monitor.collect.rounds import collect_round
from openai_monitor.collect.transport import Session, Transport, TransportSettings
from openai_monitor.definition.load import Definition, parse_definition
from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.arrow import payload
from openai_monitor.hertzbeat.assignments import Assignments
from openai_monitor.hertzbeat.errors import ProtocolError
from openai_monitor.hertzbeat.framing import FrameReader, FrameWriter, frame
from openai_monitor.hertzbeat.jobs import Job, parse_job
from openai_monitor.hertzbeat.messages import Direction, Message, Type
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.hertzbeat.runner import ScheduledJobs
from openai_monitor.hertzbeat.session import Session as Conversation
from openai_monitor.hertzbeat.tables import table_of
from openai_monitor.outputs import csv_table, render
from openai_monitor.rows import Round
from openai_monitor.schedule.scheduler import Scheduler, Turn
from openai_monitor.schedule.stats import Stats
from openai_monitor.sinks import Surroundings
from openai_monitor.sinks.line_protocol import lines_of
from openai_monitor.sinks.present import Page
from openai_monitor.sinks.settings import PrometheusSettings

SOURCES = [
    (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "examples/any_json_api.yml",
        "examples/github_rate_limit.yml",
        "tests/data/broken/extension-paging.yml",
    )
]


def mutant(number: int) -> bytes:
    dice = dice_of("definition", number)
    return mutated_text(dice, dice.choice(SOURCES), least="app: a\n")


# Definitions


@pytest.mark.parametrize("options", [(), ("--hertzbeat",)], ids=["ours", "hertzbeat"])
def test_no_mutant_gets_a_traceback_and_every_problem_a_place(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(COUNT):
        (tmp_path / f"{number:05}.yml").write_bytes(mutant(number))
    assert main(["validate", "--format", "json", *options, str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "internal error" not in shown.err
    files = json.loads(shown.out)["files"]
    assert len(files) == COUNT
    misplaced = [
        (each["file"], problem)
        for each in files
        for problem in each["problems"]
        if not 1 <= problem["line"] <= _lines(tmp_path, each["file"]) or problem["column"] < 1
    ]
    assert misplaced == []
    refused = [each for each in files if each["errors"]]
    assert len(refused) > COUNT // 3
    assert all(problem["message"] for each in files for problem in each["problems"])


def _lines(folder: Path, name: str) -> int:
    """How many lines a file can have for YAML, which breaks them at more characters than \\n."""
    text = (folder / name).read_bytes().decode("utf-8", "replace")
    return sum(text.count(end) for end in "\n\r\x85\u2028\u2029") + 2


ROW = {"id": 1, "name": "a", "used": 3, "limit": 5000, "reset": 1700000000, "items": [{"x": 1}], "error": None}


def test_a_mutant_definition_reads_an_answer_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, file = tmp_path / "answer", tmp_path / "x.yml"
    answer.write_bytes(as_json({"data": [ROW, ROW], "resources": {"core": ROW, "search": ROW}, **ROW}))
    codes = set()
    for number in range(COUNT):
        file.write_bytes(mutant(number))
        with soon(f"definition {number}"):
            code = main(["test", str(file), "--response", str(answer), "--explain"])
        codes.add(code)
        _assert_told(number, code, (0, 1, 2), capsys)
    assert {0, 2} <= codes


def _assert_told(number: int, code: int, documented: tuple[int, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Whether a command ended with a code that its help lists, and said why where that is not 0."""
    shown = capsys.readouterr()
    assert code in documented, number
    assert "Traceback" not in shown.err, number
    assert "internal error" not in shown.err, (number, shown.err)
    assert code == 0 or shown.err or shown.out, number


# Monitors files

MONITORS = """\
defaults:
  define: openai
  period: 300
  tags: {owner: finance}
monitors:
  - name: acme
    description: The account of the search team
    params:
      token: {file: keys/acme}
      organization: org-acme
    tags: {team: search}
  - name: research
    params: {token: {env: RESEARCH_KEY}, host: 127.0.0.1}
    metrics: {leave_out: [billing_subscription]}
  - name: own
    define: own.yml
    period: 60
    params: {host: 127.0.0.1, port: 8080}
    enabled: false
    collector: eu
outputs:
  prometheus: {info_labels: [plan], staleness: 900}
  ndjson: {path: rows.ndjson, rotate_bytes: 100000, keep: 3}
  csv: {folder: rows, leave_out: [billing_email]}
  influx: {url: 'http://127.0.0.1:8086/api/v2/write?org=o&bucket=b', token: {env: INFLUX_TOKEN}, buffer_rows: 100}
  webhook: {url: 'https://127.0.0.1/hook', headers: {X-Team: search}, timeout: 5}
  otlp: {url: 'http://127.0.0.1:4318', resource: {host.name: us}}
  textfile: {path: metrics.prom, interval: 15}
history: {path: history.sqlite, rows_days: 7, hourly_days: 400}
web:
  listen: 127.0.0.1:9464
  hosts: [monitor.example.com]
  authentication: {bearer: {env: PAGE_TOKEN}, basic: {username: ann, password: {file: keys/ann}}}
hertzbeat: {manager: '127.0.0.1:1158', identity: us, mode: private, manager_version: 1.8.0}
network: {allow_plaintext_token: true}
limits: {in_flight: 32, per_host: 8, deadline: 240, shutdown: 8, answer: 4, rows: 20000, cells: 400000}
log: {level: info, format: text}
"""


def test_a_mutant_monitors_file_is_checked_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.yml").write_text(SOURCES[0], encoding="utf-8")
    file, codes = tmp_path / "monitors.yml", set()
    for number in range(COUNT):
        file.write_bytes(mutated_text(dice_of("monitors", number), MONITORS, least="monitors: []\n"))
        with soon(f"monitors file {number}"):
            code = main(["run", "--config", str(file), "--check"])
        codes.add(code)
        _assert_told(number, code, (0, 2), capsys)
    assert codes <= {0, 2}


# Answers

FIELDS = "{field: name, type: 1, label: true}, {field: value, type: 0, unit: '%'}, {field: at, type: 3}, {field: key, type: 2}"


def definition(parse: str, aliases: str, more: str = "") -> Definition:
    return parse_definition(
        f"app: a\nparams: [{{field: host, type: host}}, {{field: port, type: number}}]\nmetrics:\n"
        f"- {{name: s, priority: 0, protocol: http, fields: [{FIELDS}], aliasFields: [{aliases}], {more}"
        f" http: {{host: ^_^host^_^, port: ^_^port^_^, url: /, method: GET, timeout: 5000, {parse}}}}}\n",
        "x.yml",
    )


JSON = as_json({"data": [{"n": "a", "v": 1.5, "t": 1700000000, "k": "x"}, {"n": "b", "v": "7", "t": None, "k": ["y"]}]})
EXPOSITION = b'# HELP s of it\n# TYPE s gauge\ns{name="a",key="x"} 1.5 1700000000\ns{name="b"} NaN\nother 1e3\n'
INFLUX = {"resultType": "matrix", "result": [{"metric": {"name": "a", "key": "x"}, "values": [[1700000000, "1.5"]]}]}
JOB = parse_job(messages.compact_json(rig.job()))
ANSWERS: dict[str, tuple[Definition, bytes]] = {
    "json path": (
        definition(
            "parseType: jsonPath, parseScript: '$.data[*]'",
            "n, v, t, $.k",
            "calculates: ['name=n', 'value=v * 100 / 7 + size(n)', 'at=t', 'key=k'], units: ['value=B->KB'],",
        ),
        JSON,
    ),
    "json": (
        definition("parseType: default", "name, value, at, key"),
        JSON.replace(b'"data"', b'"name": "q", "value"'),
    ),
    "prometheus": (definition("parseType: prometheus", "name, value, at, key"), EXPOSITION),
    "promql": (
        definition("parseType: PromQL", "name, value, timestamp, key"),
        as_json({"status": "success", "data": INFLUX}),
    ),
    "xml": (
        definition("parseType: xmlPath, parseScript: //row", "name, value, '@at', key/text()"),
        b'<?xml version="1.0"?>\n<r xmlns:p="urn:p"><row at="3"><name>a</name><value>1</value><key>x</key></row><row/></r>',
    ),
    "sitemap": (
        definition("parseType: sitemap", "url, statusCode, responseTime, errorMsg"),
        b"<urlset><url><loc>http://127.0.0.1:9/</loc></url></urlset>",
    ),
    "website": (
        definition("parseType: website, keyword: a", "keyword, responseTime, statusCode, key"),
        b"<html>a b a</html>",
    ),
    "config": (
        definition("parseType: config", "name, value, at, key"),
        b"name = a\nvalue: 1.5\n# at=2\nkey=\\u0041\\\n b\n",
    ),
    "header": (definition("parseType: header", "Content-Type, Content-Length, Date, X-Key"), b"{}"),
}
HEADERS = (
    ("Content-Type", "application/json; charset=utf-8"),
    ("Date", "Sun, 22 Nov 2026 12:00:00 GMT"),
    ("X-Key", "é"),
)


def body_of(dice: Any, sound: bytes) -> bytes:
    if sound[:1] in b"{[" and dice.random() < 0.6:
        return as_json(mutated_value(dice, json.loads(sound)))
    return mutated_bytes(dice, sound)


def test_a_mutant_answer_becomes_rows_or_a_failed_set_in_every_output() -> None:
    async def tried() -> None:
        for number in range(COUNT):
            dice = dice_of("answer", number)
            name = dice.choice(list(ANSWERS))
            of, sound = ANSWERS[name]
            headers = [[mutated_bytes(dice, text.encode()).decode("latin-1") for text in pair] for pair in HEADERS]
            kept = HEADERS if dice.random() < 0.7 else tuple((key, value) for key, value in headers)
            answer = Answer(200, Headers(kept), body_of(dice, sound), 7, "http://a/", AnswerLimits(4 * 2**20))
            with soon(f"answer {number}, {name}"):
                rehearsal = await rehearse(of, "s", answer)
                rehearsal.ways()
                collected = await collect_round(make_plan(of, {"host": "127.0.0.1"}), Replaying(answer))
                _write_everywhere(collected)

    asyncio.run(tried())


class Replaying:
    """A sender that has one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def send(self, request: Request, session: Session) -> Answer:
        return replace(self._answer, memo={})


def _write_everywhere(collected: Round) -> None:
    told = event(*collected.results)
    for name in ("table", "json", "ndjson"):
        render(name, collected).encode()
    "".join(csv_table.files(collected).values()).encode()
    "".join(lines_of(told)).encode()
    payload([table_of(result, JOB) for result in collected.results], lengths=True)
    Page(PrometheusSettings(), Surroundings()).probe(told)


# The bytes of HTTP


def test_a_mutant_http_answer_is_collected_or_a_failed_set() -> None:
    sound = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(JSON)
    )
    packed = zlib.compress(JSON, wbits=31)
    variants = [
        sound + JSON,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed,
        b"HTTP/1.1 302 Found\r\nLocation: /other\r\nSet-Cookie: a=b; Path=/\r\n\r\n",
        b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n\r\n",
    ]
    next_one = iter(range(10 * COUNT))

    def say(_asked: Asked) -> bytes:
        dice = dice_of("http", next(next_one))
        return mutated_bytes(dice, dice.choice(variants))

    async def collected(server: Server) -> None:
        of = ANSWERS["json path"][0]
        plan = make_plan(of, {"host": "127.0.0.1", "port": str(server.port)})
        async with Transport(TransportSettings(trust_env=False)) as transport:
            for number in range(COUNT):
                with soon(f"answer {number}"):
                    _write_everywhere(await collect_round(plan, transport, deadline=5))

    with Once(say) as server:
        asyncio.run(collected(server))


class Once(Server):
    """Closes each connection after its answer: whoever waits for the rest need not wait long."""

    def talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            if (asked := read_request(reader)) is not None and callable(self.say):
                connection.sendall(cast("bytes", self.say(asked)))


# Frames

TALK = (
    Message(Type.HEARTBEAT),
    Message(Type.GO_ONLINE, "us", Direction.RESPONSE, messages.compact_json({"aesSecret": rig.KEY})),
    Message(Type.ISSUE_CYCLIC_TASK, msg=messages.compact_json(rig.job())),
    Message(Type.DELETE_CYCLIC_TASK, msg=messages.compact_json([1, 2, 3])),
)


def test_a_mutant_frame_is_read_or_refused_as_not_the_protocol() -> None:
    refused = 0
    for number in range(COUNT):
        dice = dice_of("frame", number)
        said = dice.sample(TALK, len(TALK))
        if dice.random() < 0.5:
            data = mutated_bytes(dice, zlib.compress(b"".join(frame(messages.encode(each)) for each in said), wbits=31))
        else:
            writer = FrameWriter()
            inside = mutated_bytes(dice, b"".join(frame(messages.encode(each)) for each in said))
            data = writer.write(inside)[:-1] if dice.random() < 0.1 else zlib.compress(inside, wbits=31)
        with soon(f"frames {number}"):
            try:
                reader = FrameReader()
                for piece in _pieces(dice, data):
                    for each in reader.feed(piece):
                        messages.decode(each)
            except ProtocolError:
                refused += 1
    assert refused


def _pieces(dice: Any, data: bytes) -> Iterator[bytes]:
    size = dice.choice((1, 7, 100, 65_536))
    return (data[at : at + size] for at in range(0, len(data), size))


# Messages of a manager


def test_a_mutant_message_of_a_manager_costs_no_more_than_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    async def talk() -> tuple[list[str], int]:
        jobs: list[ScheduledJobs] = []

        async def run(turn: Turn) -> bool:
            return await jobs[0].run(turn)

        scheduler = Scheduler(run)
        collector = JobCollector(Replaying(Answer(200, Headers(HEADERS), JSON, 1, "http://a/")), Stats())
        told: list[str] = []
        ended = asyncio.Event()

        def take(job: Job, collected: Round) -> None:
            told.append(job.name)
            if job.name == "the last":
                ended.set()
            payload([table_of(result, job) for result in collected.results], lengths=True)
            _write_everywhere(collected)

        jobs.append(ScheduledJobs(scheduler, collector, take, take))
        conversation = Conversation("us", "private", "1", Assignments(jobs[0]), scheduler.supervisor)
        conversation.receive(TALK[1])
        for number in range(COUNT):
            with soon(f"message {number}"):
                conversation.receive(_of_manager(dice_of("message", number)))
                await asyncio.sleep(0.002)
        conversation.receive(Message(Type.GO_ONLINE, "us", Direction.REQUEST, TALK[1].msg))
        conversation.receive(Message(Type.ISSUE_CYCLIC_TASK, msg=messages.compact_json(sound)))
        async with asyncio.timeout(10):
            await ended.wait()
        await jobs[0].close()
        await scheduler.close(0)
        return told, sum(scheduler.supervisor.failures.values())

    sound = {**rig.job(), "metadata": {"instancename": "the last"}}
    told, failures = asyncio.run(talk())
    assert failures == 0, caplog.text
    assert "internal error" not in caplog.text
    assert len(told) > COUNT // 10


def _of_manager(dice: Any) -> Message:
    kind = dice.choice((*(Type.ISSUE_CYCLIC_TASK,) * 4, *(Type.ISSUE_ONE_TIME_TASK,) * 2, *Type, dice.randrange(2**64)))
    sound: Any = rig.job()
    if kind == Type.DELETE_CYCLIC_TASK:
        sound = [sound["id"], 1]
    elif kind == Type.GO_ONLINE:
        sound = {"aesSecret": rig.KEY}
    said = as_json(mutated_value(dice, sound))
    if dice.random() < 0.2:
        said = mutated_bytes(dice, said)
    return Message(kind, "us", dice.choice((0, 1, 1, 1, 7)), said)
