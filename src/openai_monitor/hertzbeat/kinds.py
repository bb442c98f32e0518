"""The definition inside a job: read by the loader's rules, and shared by all monitors of one kind."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from weakref import WeakValueDictionary

from openai_monitor.definition.definition import Definition
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.paging import WORDS, paging_complaints
from openai_monitor.definition.rules.failures import FAILURES
from openai_monitor.definition.shipped import load_definition, shipped_names
from openai_monitor.definition.success import WORD, success_complaints
from openai_monitor.errors import DefinitionError, Problem
from openai_monitor.hertzbeat import exposition
from openai_monitor.hertzbeat.documents import as_yaml, known_parts, writable
from openai_monitor.outputs.text import visible
from openai_monitor.rows import Field, FieldType

_LATEST_PRIORITY = 127
_MOST_REASONS = 3
_WORDS = tuple(f".{word}" for word in (*WORDS, WORD))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SetHead:
    """What the manager has to be told about a metric set, whether it can be collected or not."""

    name: str
    priority: int
    interval: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Kind:
    """A definition as jobs bring it. ``refusal`` is why it can't be collected; then ``definition`` is None.

    ``is_page`` is for an exporter's page, whose metric sets are known when it has come.
    """

    app: str
    heads: tuple[SetHead, ...]
    definition: Definition | None = field(repr=False)
    refusal: str = ""
    is_page: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names of its metric sets."""
        return frozenset(head.name for head in self.heads)


_kinds: WeakValueDictionary[str, Kind] = WeakValueDictionary()


def kind_of(job: Mapping[str, object], annotations: Mapping[str, str]) -> Kind:
    """The kind of a job, the same object for all jobs whose definitions say the same."""
    app = text_of(job, "app")
    heads = tuple(_heads(job.get("metrics")))
    if is_page := _is_page(job.get("metrics")):
        job = {**job, "metrics": [exposition.as_http(entry) for entry in job["metrics"]]}  # type: ignore[attr-defined]
    document = known_parts(job)
    if ours := _ours({**_shipped_annotations(app), **annotations}, _parse_types(job.get("metrics"))):
        document["annotations"] = ours
    text = as_yaml(document)
    kind = _kinds.get(text)
    if kind is None:
        kind = _kinds[text] = replace(_load(app, text, heads), is_page=is_page)
    return kind


def _is_page(metrics: object) -> bool:
    """Whether all is an exporter's page. Beside sets of other protocols it would be no whole monitor."""
    entries = metrics if isinstance(metrics, list) else []
    return len(entries) == 1 and isinstance(entries[0], dict) and entries[0].get("protocol") == exposition.PROTOCOL


def text_of(entry: Mapping[str, object], key: str) -> str:
    """A text of a JSON object, fit for UTF-8; empty when there is none."""
    value = entry.get(key)
    return writable(value) if isinstance(value, str) else ""


def _load(app: str, text: str, heads: tuple[SetHead, ...]) -> Kind:
    try:
        definition = parse_definition(text, f"{app} of the manager")
    except DefinitionError as error:
        refusal = f"the definition {app} can't be used: {'; '.join(map(_reason, error.problems[:_MOST_REASONS]))}"
        _log.warning("a job of the manager: %s", visible(refusal))
        return Kind(app, heads, None, refusal)
    for problem, _ in islice(FAILURES.problems(definition), _MOST_REASONS):
        _log.warning(
            "the definition %s of the manager has a set that fails: %s", visible(app), visible(_reason(problem))
        )
    return Kind(app, heads, definition)


def _reason(problem: Problem) -> str:
    """A problem without its line: nobody has the text it was found in."""
    return f"{problem.key}: {problem.message}" if problem.key else problem.message


def _heads(metrics: object) -> Iterator[SetHead]:
    for entry in metrics if isinstance(metrics, list) else ():
        if not isinstance(entry, dict):
            continue
        priority, interval = entry.get("priority"), entry.get("interval")
        yield SetHead(
            text_of(entry, "name"),
            priority if type(priority) is int else _LATEST_PRIORITY,
            interval if type(interval) is int and interval > 0 else 0,
            tuple(_fields(entry.get("fields"))),
        )


def _fields(fields: object) -> Iterator[Field]:
    known = {kind.value: kind for kind in FieldType}
    for entry in fields if isinstance(fields, list) else ():
        if isinstance(entry, dict):
            kind = known.get(number) if type(number := entry.get("type")) is int else None
            unit, label = text_of(entry, "unit") or None, entry.get("label") is True
            yield Field(text_of(entry, "field"), kind or FieldType.STRING, unit, label)


# Our extensions: HertzBeat puts a monitor's own annotations in the place of the definition's


def _ours(annotations: Mapping[str, str], sets: Mapping[str, str | None]) -> dict[str, str]:
    """What annotations say about pages and success of these sets. Odd ones do not count: a monitor's are for people.

    ``sets`` has the parseType of each, by name.
    """
    found = {key: value for key, value in annotations.items() if _set_of(key) in sets and key.endswith(_WORDS)}
    odd = {_set_of(key) for key, _ in paging_complaints(found, list(sets))}
    odd |= {_set_of(key) for key, _, _ in success_complaints(found, sets)}
    return {key: value for key, value in found.items() if _set_of(key) not in odd}


def _parse_types(metrics: object) -> dict[str, str | None]:
    types: dict[str, str | None] = {}
    for entry in metrics if isinstance(metrics, list) else ():
        if isinstance(entry, dict):
            http = entry.get("http")
            types[text_of(entry, "name")] = text_of(http, "parseType") or None if isinstance(http, dict) else None
    return types


def _set_of(key: str) -> str:
    return key.rpartition(".")[0]


@cache
def _shipped_annotations(app: str) -> Mapping[str, str]:
    """Those of the shipped definition of this name: without them only first pages would be read, in silence."""
    if app not in shipped_names():
        return {}
    annotations = load_definition(app).document.annotations or {}
    return {key: value for key, value in annotations.items() if value}
