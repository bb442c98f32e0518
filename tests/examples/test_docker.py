"""Dockerfile and compose file: no image is built here, so what can be read off them is checked."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.corpus import ROOT
from tests.examples.programs import EXAMPLES, program, run

from openai_monitor.cli.parser import parse
from openai_monitor.service.config import Limits
from openai_monitor.service.reading import read_setup

FOLDER = EXAMPLES / "docker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: Any = yaml.safe_load((FOLDER / "compose.yml").read_text(encoding="utf-8"))


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last_stage() -> dict[str, str]:
    """The last of each instruction of the image that is kept."""
    lines = instructions()
    start = max(number for number, (word, _) in enumerate(lines) if word == "FROM")
    return dict(lines[start:])


def test_hadolint_finds_nothing() -> None:
    assert run(program("hadolint"), FOLDER / "Dockerfile") == (0, "")


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    tool = program("docker-compose")
    assert run(tool, "--file", FOLDER / "compose.yml", "config", "--quiet", cwd=tmp_path) == (0, "")


def test_it_holds_nothing_but_instructions() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} == known


def test_images_are_of_a_known_version() -> None:
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    images += [service["image"] for service in COMPOSE["services"].values() if "image" in service]
    assert all(re.fullmatch(r"[\w./-]+:v?\d[\w.-]+", image) for image in images), images


def test_everything_the_build_needs_is_copied_and_there() -> None:
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    names = {name for each in copied for name in each}
    assert all((ROOT / name).exists() for name in names)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert needed | {"src"} == names


def test_it_runs_as_nobody_in_particular_who_may_write_its_state() -> None:
    stage = last_stage()
    assert stage["USER"] == "10001"
    user = next(rest for word, rest in instructions() if word == "RUN" and "useradd" in rest)
    assert "--uid 10001 " in user
    assert f"-m 0700 {stage['VOLUME']}" in user
    assert f"STATE_DIRECTORY={stage['VOLUME']}" in stage["ENV"]


def test_what_it_starts_is_a_command() -> None:
    stage = last_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["openai-monitor"]
    parse(json.loads(stage["CMD"]))


def test_the_health_check_asks_the_listener() -> None:
    command = json.loads(last_stage()["HEALTHCHECK"].partition(" CMD ")[2])
    assert command[:2] == ["python", "-c"]
    from tests.collect.transport.web import Server, ok

    with Server(ok()) as server:
        here = command[2].replace("127.0.0.1:9464", server.place)
        done = subprocess.run([sys.executable, "-c", here], check=False, timeout=60)
        assert (done.returncode, server.targets) == (0, ["/healthz"])
    done = subprocess.run([sys.executable, "-c", here], check=False, timeout=60, stderr=subprocess.DEVNULL)
    assert done.returncode != 0


def test_compose_names_files_that_are_there() -> None:
    service = COMPOSE["services"]["openai-monitor"]
    context = (FOLDER / service["build"]["context"]).resolve()
    assert (context, (context / service["build"]["dockerfile"]).is_file()) == (ROOT, True)
    mounted = [volume.split(":")[0] for each in COMPOSE["services"].values() for volume in each["volumes"]]
    files = [name for name in mounted if name.startswith(".")]
    assert len(files) == 3
    assert all((FOLDER / name).is_file() for name in files)
    assert {name for name in mounted if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_compose_opens_nothing_but_to_this_machine() -> None:
    ports = [port for each in COMPOSE["services"].values() for port in each["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    service = COMPOSE["services"]["openai-monitor"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "environment" not in service
    assert float(service["stop_grace_period"].removesuffix("s")) > Limits().shutdown


def test_its_monitors_file_is_good_and_takes_the_secret() -> None:
    setup = read_setup(FOLDER / "monitors.yml")
    assert setup.warnings == ()
    (spec,) = setup.monitors
    (secret,) = spec.sources()
    assert str(secret) == "file /run/secrets/acme"
    assert list(COMPOSE["secrets"]) == COMPOSE["services"]["openai-monitor"]["secrets"] == ["acme"]
    (scraped,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert scraped["static_configs"][0]["targets"] == ["openai-monitor:9464"]


@pytest.mark.parametrize("place", ["docker/monitors.yml", "telegraf/openai-monitors.yml", "monitors.yml"])
def test_monitors_files_name_a_schema_that_is_there(place: str) -> None:
    (name,) = re.findall(r"\$schema=(\S+)", (EXAMPLES / place).read_text(encoding="utf-8"))
    assert ((EXAMPLES / place).parent / name).is_file()


def test_the_listener_knows_the_name_that_prometheus_asks_for() -> None:
    prometheus: Any = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (target,) = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
    setup = read_setup(FOLDER / "monitors.yml")
    assert setup.web is not None
    assert target.partition(":")[0] in setup.web.hosts
