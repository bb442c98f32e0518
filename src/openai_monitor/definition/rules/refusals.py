"""What loads in HertzBeat and is refused here, because it would run and be wrong: one function a rule."""

import re
from collections.abc import Iterable, Iterator, Sequence

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import AUTHORIZATION_TYPES, PARSE_TYPES, MetricSet, ParamSpec, Text
from openai_monitor.definition.paging import paging_complaints
from openai_monitor.definition.placeholder import parameter_names
from openai_monitor.definition.rules import Finding, Rules, each_set
from openai_monitor.definition.success import success_complaints
from openai_monitor.definition.units import parse_unit_entry
from openai_monitor.definition.wording import nearest, quote

REFUSALS = Rules("error")

_STATUS = re.compile(r"[-+]?\d{1,9}", re.ASCII)
_LONGEST_UNIT_ENTRY = 200


@REFUSALS
def priority(definition: Definition) -> Iterator[Finding]:
    """HertzBeat holds a priority in a signed byte, where 200 runs before 0."""
    for path, metric_set in each_set(definition):
        if not 0 <= metric_set.priority <= 127:
            message = f"the priority is {metric_set.priority}, expected 0 to 127"
            yield Finding((*path, "priority"), message, "0 runs first, 127 last")


@REFUSALS
def authorization_type(definition: Definition) -> Iterator[Finding]:
    """An unknown type sends no authorization there."""
    for path, metric_set in each_set(definition):
        section = metric_set.http and metric_set.http.authorization
        if not section or section.type is None or has_placeholder(section.type):
            continue
        if section.type.lower() != "bearer token" and section.type not in AUTHORIZATION_TYPES:
            message = f"unknown authorization type {quote(section.type)}"
            where = (*path, "http", "authorization", "type")
            yield Finding(where, message, nearest(section.type, AUTHORIZATION_TYPES))


@REFUSALS
def parse_type(definition: Definition) -> Iterator[Finding]:
    """An unknown type is read as ``default`` there."""
    for path, metric_set in each_set(definition):
        found = metric_set.http and metric_set.http.parse_type
        if found and found not in PARSE_TYPES and not has_placeholder(found):
            yield Finding(
                (*path, "http", "parseType"),
                f"unknown parse type {quote(found)}",
                nearest(found, PARSE_TYPES),
            )


@REFUSALS
def success_codes(definition: Definition) -> Iterator[Finding]:
    """Without a number in it, the list stands for 200, 201, 202, 300, 301 and 302 there."""
    for path, metric_set in each_set(definition):
        codes = metric_set.http.success_codes if metric_set.http else None
        if codes is None or any(code and (_STATUS.fullmatch(code) or has_placeholder(code)) for code in codes):
            continue
        hint = "list statuses such as 200 and 404, or remove the key: then 200 is success"
        yield Finding((*path, "http", "successCodes"), "no number among the success codes", hint)


@REFUSALS
def undeclared_placeholder(definition: Definition) -> Iterator[Finding]:
    """A calculate or unit with an unknown parameter becomes null there, and the set hangs."""
    declared = declared_names(definition)
    for path, metric_set in each_set(definition):
        for where, entry in (*_entries(path, metric_set, "calculates"), *_entries(path, metric_set, "units")):
            for name in parameter_names(entry or ""):
                if name not in declared:
                    yield Finding(where, f"no parameter {quote(name)} is declared", nearest(name, declared))


@REFUSALS
def null_entry(definition: Definition) -> Iterator[Finding]:
    """A null among calculates or units hangs the set there."""
    for path, metric_set in each_set(definition):
        for where, entry in (*_entries(path, metric_set, "calculates"), *_entries(path, metric_set, "units")):
            if entry is None:
                yield Finding(where, "an empty entry", "remove it, or quote the word null")


@REFUSALS
def units(definition: Definition) -> Iterator[Finding]:
    """A pair that can't be read converts nothing there, or hangs the set."""
    for path, metric_set in each_set(definition):
        for where, entry in _entries(path, metric_set, "units"):
            if entry is not None and not has_placeholder(entry) and not _is_unit_entry(entry):
                yield Finding(where, f"{quote(entry)} is no conversion", "write `field=B->MB`")


@REFUSALS
def no_protocol(definition: Definition) -> Iterator[Finding]:
    """A set without protocol hangs the round there."""
    for path, metric_set in each_set(definition):
        if metric_set.protocol is None:
            yield Finding((*path, "protocol"), f"{name_of(metric_set)} has no protocol", "add `protocol: http`")


@REFUSALS
def no_fields(definition: Definition) -> Iterator[Finding]:
    """A set without fields succeeds with nothing there."""
    for path, metric_set in each_set(definition):
        if not metric_set.fields:
            hint = "add `fields:` with a `field` and a `type` each"
            yield Finding((*path, "fields"), f"{name_of(metric_set)} has no fields", hint)


@REFUSALS
def paging(definition: Definition) -> Iterator[Finding]:
    """An extension of ours: what HertzBeat ignores must at least be right here."""
    names = [metric_set.name or "" for metric_set in definition.sets]
    for key, complaint in paging_complaints(definition.document.annotations, names):
        yield Finding(("annotations", key), complaint, "see paging in docs/definitions.md")


@REFUSALS
def success(definition: Definition) -> Iterator[Finding]:
    """Another extension: a condition that can't be judged would fail its set for ever."""
    types = {each.name or "": each.http.parse_type if each.http else None for each in definition.sets}
    for key, complaint, hint in success_complaints(definition.document.annotations, types):
        yield Finding(("annotations", key), complaint, hint)


def declared_names(definition: Definition) -> dict[str, ParamSpec]:
    """The declared parameters by name."""
    return {spec.field: spec for spec in definition.params if spec.field}


def has_placeholder(text: str) -> bool:
    """Whether the text is known only once parameters or rows are."""
    return "^_^" in text or "^o^" in text


def name_of(metric_set: MetricSet) -> str:
    """How messages call a metric set."""
    return f"metric set {quote(metric_set.name)}" if metric_set.name else "a metric set without a name"


def _is_unit_entry(entry: str) -> bool:
    return len(entry) <= _LONGEST_UNIT_ENTRY and parse_unit_entry(entry) is not None


def _entries(path: KeyPath, metric_set: MetricSet, key: str) -> Iterable[tuple[KeyPath, Text]]:
    entries: Sequence[Text] = getattr(metric_set, key) or ()
    return (((*path, key, index), entry) for index, entry in enumerate(entries))
