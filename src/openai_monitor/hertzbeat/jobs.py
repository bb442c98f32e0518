"""A manager's job: a definition with the parameters of one monitor, as JSON.

``kinds`` reads the definition in it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from openai_monitor.hertzbeat.documents import writable
from openai_monitor.hertzbeat.errors import JobError
from openai_monitor.hertzbeat.kinds import Kind, kind_of
from openai_monitor.outputs.text import visible
from openai_monitor.schedule.intervals import Dues

ENCRYPTED = 2
"""The type of a configmap entry whose value is encrypted."""

SHORTEST_PERIOD, LONGEST_PERIOD = 1, 10**9
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Config:
    """One entry of a job's configmap. ``type``: 0 number, 1 text, 2 encrypted, 3 JSON."""

    key: str
    value: str | None = field(repr=False)
    type: int


@dataclass(frozen=True, slots=True)
class Job:
    """One task of the manager. ``id`` changes whenever it is issued, ``monitor_id`` stays.

    ``period`` is in seconds. ``metadata``, ``labels`` and ``annotations`` go back with every metric set; the latter two
    are missing in what is issued after a reconnect.
    """

    id: int
    monitor_id: int
    tenant_id: int
    kind: Kind
    period: int
    config: tuple[Config, ...]
    metadata: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    cron: str | None = None

    @property
    def name(self) -> str:
        """What its monitor is called in the manager; printable, as a name of a monitors file is."""
        return visible(dict(self.metadata).get("instancename") or str(self.monitor_id))

    @property
    def host(self) -> str | None:
        """The host that is asked, as far as the parameters tell."""
        return next((item.value for item in self.config if item.key == "host" and item.type != ENCRYPTED), None)

    def dues(self) -> Dues:
        """When which of its sets are due."""
        return Dues(((head.name, head.interval) for head in self.kind.heads), self.period)

    def collects_as(self, other: "Job") -> bool:
        """Whether both ask the same with the same parameters under the same name, however they were issued."""
        mine, theirs = (self.kind, self.name, self.period), (other.kind, other.name, other.period)
        return mine == theirs and self.given() == other.given()

    def given(self) -> dict[str, tuple[str | None, bool]]:
        """Value of each parameter and whether it is encrypted, defaults filled in: later issues bring those along."""
        specs = self.kind.definition.params if self.kind.definition else ()
        defaults = {
            spec.field or "": (spec.default_value, False) for spec in specs if (spec.default_value or "").strip()
        }
        return {**defaults, **{item.key: (item.value, item.type == ENCRYPTED) for item in self.config}}


def parse_job(payload: bytes) -> Job:
    """Read a job. Raises JobError for what is none; a definition that can't be used is in ``kind.refusal``."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        raise JobError("a job of the manager is no JSON") from None
    if not isinstance(data, dict):
        raise JobError("a job of the manager is no JSON object")
    annotations = _texts(data.get("annotations"))
    return Job(
        id=_integer(data, "id"),
        monitor_id=_integer(data, "monitorId"),
        tenant_id=_integer(data, "tenantId", 0),
        kind=kind_of(data, dict(annotations)),
        period=min(max(_integer(data, "defaultInterval", 600), SHORTEST_PERIOD), LONGEST_PERIOD),
        config=tuple(_configs(data.get("configmap"))),
        metadata=_texts(data.get("metadata")),
        labels=_texts(data.get("labels")),
        annotations=annotations,
        cron=_cron(data),
    )


def parse_ids(payload: bytes) -> list[int]:
    """Read the list of jobs to delete. Raises JobError for what is none."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, list):
        raise JobError("the jobs to delete are no JSON list")
    return [number for number in data if type(number) is int and -(2**63) <= number < 2**63]


def _integer(data: Mapping[str, object], name: str, default: int | None = None) -> int:
    value = data.get(name)
    if type(value) is int and -(2**63) <= value < 2**63:  # Java's long
        return value
    if value is None and default is not None:
        return default
    raise JobError(f"a job of the manager has no valid {name}: a whole number of 64 bits was expected")


def _texts(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple((writable(key), _text(item)) for key, item in value.items() if item is not None)


def _text(value: object) -> str:
    return writable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _configs(value: object) -> Iterator[Config]:
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict) and isinstance(key := entry.get("key"), str):
            kind, text = entry.get("type"), entry.get("value")
            yield Config(writable(key), None if text is None else _text(text), kind if type(kind) is int else 1)


def _cron(data: Mapping[str, object]) -> str | None:
    expression = data.get("cronExpression")
    return writable(expression) if data.get("scheduleType") == "cron" and isinstance(expression, str) else None
