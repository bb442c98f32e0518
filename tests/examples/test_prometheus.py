"""The alerts do what their tests say, by Prometheus's own tool, and ask for series that there are."""

import re
from typing import Any

import pytest
import yaml
from tests.corpus import ROOT
from tests.examples.programs import EXAMPLES, program, run

FOLDER = EXAMPLES / "prometheus"
SERIES = re.compile(r"\bopenai_\w+")


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def alerts() -> list[Any]:
    return [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("folder", ["prometheus", "docker"])
def test_promtool_takes_the_configuration(folder: str, tmp_path: Any) -> None:
    tool = program("promtool")
    (tmp_path / "alerts.yml").write_text((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    (tmp_path / "prometheus.yml").write_text((EXAMPLES / folder / "prometheus.yml").read_text(encoding="utf-8"))
    code, said = run(tool, "check", "config", "--lint-fatal", tmp_path / "prometheus.yml")
    assert (code, "1 rule files found" in said) == (0, True), said


def test_promtool_takes_the_rules() -> None:
    code, said = run(program("promtool"), "check", "rules", "--lint-fatal", "alerts.yml", cwd=FOLDER)
    assert (code, f"SUCCESS: {len(alerts())} rules found" in said) == (0, True), said


def test_the_rules_fire_when_they_should_and_not_otherwise() -> None:
    code, said = run(program("promtool"), "test", "rules", "alerts-test.yml", cwd=FOLDER)
    assert (code, "SUCCESS" in said) == (0, True), said


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    tests = [each for test in read("alerts-test.yml")["tests"] for each in test["alert_rule_test"]]
    fired = {each["alertname"] for each in tests if each["exp_alerts"]}
    assert fired == {rule["alert"] for rule in alerts()}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert all({"summary", "description"} == rule["annotations"].keys() for rule in alerts())
    assert all(rule["labels"]["severity"] in ("warning", "critical") for rule in alerts())


def test_the_series_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8").replace("`APP_", "`openai_spend_")
    documented = set(SERIES.findall(page))
    asked = {name for rule in alerts() for name in SERIES.findall(rule["expr"])}
    assert asked - documented == set()
    assert len(asked) > 8


def test_the_address_is_where_the_service_listens_by_itself() -> None:
    from openai_monitor.service.web.settings import WebSettings

    (job,) = read("prometheus.yml")["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [WebSettings().listen]
    assert any(f'job="{job["job_name"]}"' in rule["expr"] for rule in alerts())
