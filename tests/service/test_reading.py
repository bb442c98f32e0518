"""The monitors file: what is read, and what every mistake is answered with."""

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from openai_monitor.errors import SettingsError
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.secrets import CommandSecret, EnvironmentSecret, FileSecret
from openai_monitor.service.entries import Definitions
from openai_monitor.service.reading import MonitorsFileError, Setup, read_setup

KEY = "sess-fake-key"

OWN_DEFINITION = """
    app: mine
    params:
      - {field: host, type: host, required: true, defaultValue: 127.0.0.1}
      - {field: debug, type: boolean}
    metrics:
      - name: one
        priority: 0
        fields: [{field: x, type: 0}]
        protocol: http
        http: {host: ^_^host^_^, port: '80', url: /, method: GET, parseType: default}
"""


def write(folder: Path, text: str, name: str = "monitors.yml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def setup_of(folder: Path, text: str) -> Setup:
    return read_setup(write(folder, text))


def problems_of(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(MonitorsFileError) as caught:
        read_setup(path)
    assert str(caught.value).startswith(f"the monitors file {path} can't be used\n{path}:")
    return [str(problem).replace(f"{path}:", "") for problem in caught.value.problems]


def warnings_of(folder: Path, text: str) -> list[str]:
    setup = setup_of(folder, text)
    return [str(problem).replace(f"{setup.file}:", "") for problem in setup.warnings]


def monitor(folder: Path, lines: str) -> MonitorSpec:
    text = f"monitors:\n  - name: m\n    params: {{token: {{env: X}}}}\n{lines}"
    (spec,) = setup_of(folder, text).monitors
    return spec


def test_a_whole_file(tmp_path: Path) -> None:
    write(tmp_path, OWN_DEFINITION, "mine.yml")
    setup = setup_of(
        tmp_path,
        """
        defaults:
          define: openai
          period: 600
          params: {organization: org-1}
          tags: {team: ml, place: eu}
        monitors:
          - name: acme
            params: {token: {file: keys/acme}, port: 0443}
            tags: {team: search}
            description: the first one
            collector: eu
            metrics: {include: [model_cost]}
          - name: mine
            define: mine.yml
            period: 0.5
            enabled: no
            params: {debug: no}
          - name: gone
            params: {token: {command: [pass, show, x]}, organization: null}
            metrics: {leave_out: [model_cost]}
        outputs:
          ndjson: {path: rows.ndjson}
        history: {path: h.sqlite, rows_days: 3}
        limits: {in_flight: 16, deadline: 60}
        network: {ca_file: ca.pem}
        log: {level: debug, format: json}
        """,
    )
    acme, mine, gone = setup.monitors
    assert (acme.name, acme.period, acme.collector, acme.description) == ("acme", 600, "eu", "the first one")
    assert dict(acme.params) == {
        "organization": "org-1",
        "token": FileSecret(tmp_path / "keys" / "acme"),
        "port": "0443",
    }
    assert acme.tags == (("team", "search"), ("place", "eu"))
    assert acme.metrics == ("model_cost",)
    assert acme.host == "api.openai.com"
    assert (mine.definition.app, mine.period, mine.enabled, mine.host) == ("mine", 0.5, False, "127.0.0.1")
    assert dict(mine.params) == {"debug": "false"}
    assert dict(gone.params) == {"organization": None, "token": CommandSecret(("pass", "show", "x"))}
    assert gone.metrics == ("credit_grants", "billing_subscription")
    assert gone.definition is acme.definition
    assert set(setup.outputs) == {"ndjson"}
    assert setup.history.path == tmp_path / "h.sqlite"
    assert setup.web is None
    assert (setup.limits.in_flight, setup.limits.per_host, setup.limits.deadline) == (16, 8, 60)
    assert setup.network.ca_file == str(tmp_path / "ca.pem")
    assert (setup.log.level, setup.log.format) == ("debug", "json")
    assert setup.files == {tmp_path / "monitors.yml", tmp_path / "mine.yml"}
    assert setup.warnings == ()


def test_the_shortest_file(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, "monitors:\n  - {name: m, params: {token: {env: X}}}\n")
    (spec,) = setup.monitors
    assert (spec.definition.app, spec.period, spec.enabled, spec.metrics) == ("openai", 300, True, None)
    assert dict(spec.params) == {"token": EnvironmentSecret("X")}
    assert setup.history.enabled


def test_a_page_brings_its_listener(tmp_path: Path) -> None:
    assert setup_of(tmp_path, "monitors: []\noutputs: {prometheus: }\n").web is not None
    assert setup_of(tmp_path, "monitors: []\noutputs: {prometheus: }\nweb: {listen: ':0'}\n").web is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1: error[empty] the file is empty; begin with `monitors:` and a list"]),
        ("- a\n", ["1:1: error[wrong-type] expected a mapping of keys, found a list; begin with `monitors:` and a list"]),
        ("monitors: [\n", ["2:1: error[yaml] a value or a closing bracket is missing before this; close the bracket, or remove a comma too many"]),
        ("a: 1\n---\nb: 2\n", ["2:1: error[second-document] a second document begins here, a monitors file is one; remove the `---`"]),
        ("period: 300\n", [
            "1:1: error[missing-key] the monitors file has no `monitors`; add `monitors:` and a list",
            "1:1: error[unknown-key] unknown key `period` (period); known are `monitors`, `defaults`, `outputs`, `history`, `web`, `hertzbeat`, `limits`, `network` and `log`",
        ]),
        ("monitors: {name: x}\n", ["1:1: error[wrong-type] expected a list, found a mapping (monitors); begin with `- `"]),
        ("monitors: []\nmonitors: []\n", ["2:1: error[repeated-key] `monitors` stands here again, it is at 1:1 already; remove one of the two"]),
        ("monitors:\n  - 5\n", ["2:5: error[wrong-value] expected a mapping, found `5` (monitors[0])"]),
        ("monitors:\n  -\n", ["2:4: error[wrong-value] expected a mapping, found nothing (monitors[0])"]),
        ("monitors: []\ndefaults: {perod: 300}\n", ["2:12: error[unknown-key] unknown key `perod` (defaults.perod); did you mean `period`?"]),
        ("monitors: []\noutputs: [ndjson]\n", ["2:1: error[wrong-type] expected a mapping, found a list (outputs)"]),
        ("monitors: []\noutputs: {promethus: }\n", ["2:11: error[unknown-key] unknown output `promethus` (outputs.promethus); did you mean `prometheus`?"]),
        ("monitors: []\noutputs: {ndjson: }\n", ["2:11: error[missing-key] `outputs.ndjson` has no `path` (outputs.ndjson.path); add `path:`"]),
        ("monitors: []\noutputs: {prometheus: {staleness: soon}}\n", ["2:35: error[wrong-value] expected a number, found `soon` (outputs.prometheus.staleness)"]),
        ("monitors: []\nlimits: {in_flight: 0}\n", ["2:21: error[wrong-value] expected 1 or more, found `0` (limits.in_flight)"]),
        ("monitors: []\nlimits: {in_flight: many}\n", ["2:21: error[wrong-value] expected a whole number, found `many` (limits.in_flight)"]),
        ("monitors: []\nlimits: {deadline: -1}\n", ["2:20: error[wrong-value] expected seconds, above 0 and at most 604800, found `-1` (limits.deadline)"]),
        ("monitors: []\nlog: {level: loud}\n", ["2:14: error[wrong-value] expected 'debug', 'info', 'warning' or 'error', found `loud` (log.level)"]),
        ("monitors: []\nhistory: {rows_days: 0}\n", ["2:22: error[wrong-value] expected 1 or more, found `0` (history.rows_days)"]),
        ("monitors: []\nweb: {listen: here}\n", ["2:15: error[wrong-value] expected HOST:PORT, such as `127.0.0.1:9464` or `[::1]:9464` (web.listen)"]),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(text: str, expected: list[str], tmp_path: Path) -> None:
    assert problems_of(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("define: opnai", ["3:13: error[no-definition] there is no definition `opnai` (monitors[0].define); did you mean `openai`?"]),
        ("perid: 300", ["3:5: error[unknown-key] unknown key `perid` (monitors[0].perid); did you mean `period`?"]),
        ("enabled: perhaps", ["3:14: error[wrong-value] expected true or false, found `perhaps` (monitors[0].enabled)"]),
        ("period: 5m", ["3:13: error[wrong-value] expected seconds, above 0 and at most 604800, found `5m` (monitors[0].period)"]),
        ("period: 29", ["3:13: error[period] a period of 29 s is too short for api.openai.com (monitors[0].period); give 30 s or more; less is for this machine"]),
        ("tags: {1a: b}", ["3:5: error[wrong-value] a tag's name is letters, digits and `_`; `1a` is not (monitors[0].tags)"]),
        ("tags: {a: [b]}", ["3:12: error[wrong-value] expected a text, found a list (monitors[0].tags.a)"]),
        ("metrics: {include: [model_cst]}", ["3:25: error[metrics] openai has no metric set `model_cst` (monitors[0].metrics.include[0]); did you mean `model_cost`?",
                                             "3:5: error[metrics] no metric set is left to collect (monitors[0].metrics); name other ones"]),
        ("metrics: {}", ["3:5: error[wrong-value] expected either `include` or `leave_out`, with names of metric sets (monitors[0].metrics)"]),
        ("collector: ' '", ["3:16: error[wrong-value] expected a name of at most 200 printable characters, found an empty text (monitors[0].collector)"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_monitor(lines: str, expected: list[str], tmp_path: Path) -> None:
    text = f"monitors:\n  - name: m\n    {lines}\n    params: {{token: {{env: X}}}}\n"
    assert sorted(problems_of(tmp_path, text)) == sorted(expected)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("{}", "2:5: error[parameter] parameter token is missing (monitors[0]); see `openai-monitor params`"),
        ("{token: {env: X}, hst: y}", "3:36: error[parameter] parameter hst is unknown; did you mean host? (monitors[0].params.hst); see `openai-monitor params`"),
        ("{token: {env: X}, hst: {env: Y}}", "3:31: error[parameter] parameter hst is unknown; did you mean host? (monitors[0].params.hst); see `openai-monitor params`"),
        ("{token: {env: X}, port: abc}", "3:37: error[parameter] parameter port is 'abc'; expected a number (monitors[0].params.port); see `openai-monitor params`"),
        ("{token: {env: X}, timezone: Mars}", "3:41: error[parameter] parameter timezone: 'Mars' is no time zone; expected a name such as UTC or Europe/Berlin (monitors[0].params.timezone); see `openai-monitor params`"),
        ("{token: {evn: X}}", "3:14: error[wrong-value] expected `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, …]}` (monitors[0].params.token)"),
        ("{token: {command: pass}}", "3:14: error[wrong-value] `command` takes a list: the program, then its arguments (monitors[0].params.token)"),
        ("{token: [a, {b: c}]}", "3:14: error[wrong-value] expected a text, a number, a list of texts, or `{env: …}`, `{file: …}`, `{command: […]}`, found a list (monitors[0].params.token)"),
    ],
)  # fmt: skip
def test_mistakes_in_parameters(params: str, expected: str, tmp_path: Path) -> None:
    assert problems_of(tmp_path, f"monitors:\n  - name: m\n    params: {params}\n") == [expected]


def test_two_monitors_of_one_name_are_refused_naming_both_lines(tmp_path: Path) -> None:
    text = (
        "monitors:\n  - name: acme\n    params: {token: {env: X}}\n  - name: ' acme'\n    params: {token: {env: X}}\n"
    )
    assert problems_of(tmp_path, text) == [
        "4:11: error[repeated-name] the name ` acme` is taken by the monitor at 2:11 (monitors[1].name); give each its own name"
    ]


def test_a_port_may_come_from_the_environment(tmp_path: Path) -> None:
    spec = monitor(tmp_path, "    tags: {}\n")
    text = "monitors:\n  - name: m\n    params: {token: {env: X}, host: {env: H}, port: {env: P}}\n    period: 30\n"
    (other,) = setup_of(tmp_path, text).monitors
    assert other.host is None
    assert spec.host == "api.openai.com"


def test_a_broken_definition_is_told_with_its_own_lines_once(tmp_path: Path) -> None:
    definition = write(tmp_path, "app: x\nmetrics: 5\n", "broken.yml")
    text = "defaults: {define: broken.yml}\nmonitors:\n  - name: a\n  - name: b\n"
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("1:20: error[definition:wrong-type] the definition can't be used: ")
    assert f"{definition}:2:10: error[wrong-type]" in problem


def test_no_message_shows_a_key(tmp_path: Path) -> None:
    text = f"monitors:\n  - name: m\n    params: {{token: {{env: {KEY}, file: {KEY}}}, port: {{{KEY}: 1}}}}\nx: {KEY}\n"
    assert KEY not in "".join(problems_of(tmp_path, text))
    spec = replace(monitor(tmp_path, ""), params=(("token", KEY),))
    assert KEY not in repr(spec)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("monitors: []\nhertzbeat: {manager: h, identity: me}\n", []),
        ("monitors: []\n", ["1:1: warning[no-monitors] no monitor is enabled: nothing will be collected (monitors)"]),
        ("monitors:\n  - {name: m, enabled: false, params: {token: {env: X}}}\n",
         ["1:1: warning[no-monitors] no monitor is enabled: nothing will be collected (monitors)"]),
        ("monitors:\n  - {name: m, period: 60, params: {token: {env: X}}}\n",
         ["2:23: warning[period] with a period of 60 s OpenAI answers 429 (asked too often) (monitors[0].period); give 120 s or more"]),
        ("defaults: {period: 60}\nmonitors:\n  - {name: m, params: {token: {env: X}}}\n  - {name: n, params: {token: {env: X}}}\n",
         ["1:20: warning[period] with a period of 60 s OpenAI answers 429 (asked too often) (defaults.period); give 120 s or more"]),
        ("monitors:\n  - {name: m, define: deepseek, period: 60, params: {token: {env: X}}}\n", []),
        ("monitors:\n  - {name: m, period: 1, params: {host: localhost, token: sess-fake}}\n", []),
        ("monitors:\n  - {name: m, params: {token: sess-fake}}\n",
         ["2:31: warning[open-key] the key token stands in the file itself (monitors[0].params.token); write `token: {file: PATH}` or `{env: NAME}`: it is read again each round, so it can be renewed"]),
        ("defaults: {params: {organisation: x}}\nmonitors:\n  - {name: m, params: {token: {env: X}}}\n",
         ["1:35: warning[unused] no monitor's definition has a parameter `organisation` (defaults.params.organisation); correct or remove it"]),
    ],
)  # fmt: skip
def test_what_runs_and_is_probably_not_meant(text: str, expected: list[str], tmp_path: Path) -> None:
    assert warnings_of(tmp_path, text) == expected


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "'::1'", "'[::1]'", "http://localhost", "x.localhost"]
)
def test_this_machine_may_be_asked_as_often_as_one_likes(host: str, tmp_path: Path) -> None:
    text = f"monitors:\n  - {{name: m, period: 0.2, params: {{host: {host}, token: sess-fake}}}}\n"
    assert setup_of(tmp_path, text).monitors[0].period == 0.2


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.com", "128.0.0.1", "0.0.0.0"])
def test_another_machine_may_not(host: str, tmp_path: Path) -> None:
    text = f"monitors:\n  - {{name: m, period: 0.2, params: {{host: {host}, token: {{env: X}}}}}}\n"
    (problem,) = problems_of(tmp_path, text)
    assert f"a period of 0.2 s is too short for {host}" in problem


def test_a_metric_set_with_an_interval_of_its_own_may_not_either(tmp_path: Path) -> None:
    write(tmp_path, OWN_DEFINITION.replace("priority: 0", "interval: 5", 1), "mine.yml")
    text = "monitors:\n  - {name: m, define: mine.yml, period: 300, params: {host: 10.0.0.1}}\n"
    (problem,) = problems_of(tmp_path, text)
    assert "the interval of " in problem
    assert "of 5 s is too short for 10.0.0.1" in problem


def test_a_definition_that_did_not_change_is_the_same_object(tmp_path: Path) -> None:
    path = write(tmp_path, "monitors:\n  - {name: m, define: mine.yml}\n")
    write(tmp_path, OWN_DEFINITION, "mine.yml")
    definitions = Definitions()
    first = read_setup(path, definitions)
    assert read_setup(path, definitions) == first
    write(tmp_path, OWN_DEFINITION.replace("name: one", "name: two"), "mine.yml")
    second = read_setup(path, definitions)
    assert second != first
    assert not second.monitors[0].asks_like(first.monitors[0])


def test_a_file_beside_it_wins_over_a_shipped_name(tmp_path: Path) -> None:
    write(tmp_path, OWN_DEFINITION, "openai")
    assert setup_of(tmp_path, "monitors:\n  - {name: m}\n").monitors[0].definition.app == "mine"


def test_a_file_that_can_not_be_read_is_a_problem_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the file can't be read: No such file or directory"):
        read_setup(tmp_path / "none.yml")


def test_many_monitors_fit(tmp_path: Path) -> None:
    lines = "".join(f"  - {{name: m{n}, params: {{token: {{file: keys/{n}}}}}}}\n" for n in range(6000))
    setup = setup_of(tmp_path, f"monitors:\n{lines}")
    assert len(setup.monitors) == 6000
    assert len({id(spec.definition) for spec in setup.monitors}) == 1


@pytest.mark.parametrize(
    ("define", "message"),
    [
        ("~nobody-of-this-name/x.yml", "there is no definition `~nobody-of-this-name/x.yml`"),
        ('"x\\0.yml"', "there is no definition "),
        ("x" * 5_000, "the file can't be read: File name too long"),
    ],
    ids=["unknown user", "NUL", "long"],
)
def test_a_path_that_can_not_be_looked_up_is_a_problem_with_its_place(
    tmp_path: Path, define: str, message: str
) -> None:
    (problem,) = problems_of(tmp_path, f"monitors:\n  - {{name: m, params: {{token: {{env: X}}}}, define: {define}}}\n")
    assert problem.startswith("2:")
    assert message in problem


def test_a_path_with_a_nul_is_refused_with_its_place(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, 'monitors: []\noutputs: {ndjson: {path: "a\\0b"}}\n')
    assert problem.startswith("2:26: error")
    assert "NUL" in problem


def test_a_home_folder_of_nobody_is_a_folder_of_that_name(tmp_path: Path) -> None:
    text = "monitors: []\nnetwork: {ca_file: ~nobody-of-this-name/ca.pem}\noutputs: {ndjson: {path: ~nobody-of-this-name/x}}\n"
    setup = setup_of(tmp_path, text)
    assert setup.network.ca_file == str(tmp_path / "~nobody-of-this-name" / "ca.pem")
    assert setup.outputs["ndjson"].model_dump()["path"] == tmp_path / "~nobody-of-this-name" / "x"
