"""What an answer has to offer to the aliases of a metric set, for messages about those that find nothing."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.path.lineage import compile_lineage, is_lineage_alias

_MOST_LINES = 1_000
_LABEL = re.compile(r'([a-zA-Z_]\w*)\s*="')


@dataclass(frozen=True, slots=True)
class Offer:
    """The rows as they stand in the answer, where it is JSON with rows in it, and else the names it knows.

    ``paths`` tells whether an alias may be a path inside its row.
    """

    rows: tuple[object, ...] = ()
    names: tuple[str, ...] = ()
    paths: bool = False


def offer_of(http: Http, aliases: Aliases, set_name: str, answer: Answer) -> Offer:
    """What there is in an answer from which rows were read."""
    kind = http.parse_type or "default"
    if kind == "jsonPath":
        return Offer(tuple(_selected(http.parse_script or "$", aliases, answer)), paths=True)
    if kind == "default":
        document = read_json(answer)
        return Offer(tuple(document) if isinstance(document, list) else (document,))
    names = _NAMES.get(kind)
    return Offer(names=tuple(dict.fromkeys(names(http, set_name, answer))) if names else ())


def _selected(script: str, aliases: Aliases, answer: Answer) -> Iterable[object]:
    document = read_json(answer)
    if any(map(is_lineage_alias, aliases)):
        found: Iterable[object] = (node.value for node in compile_lineage(script)(document))
    else:
        found = compile_path(script).select(document)
    return (item for item in found if type(item) in (dict, str, int, float))


def _sample_labels(_http: Http, set_name: str, answer: Answer) -> Iterable[str]:
    samples = (line for line in answer.text.splitlines() if line.lstrip().startswith(set_name))
    labels = (label for line in islice(samples, _MOST_LINES) for label in _LABEL.findall(line))
    return (*labels, "value", "metric_value")


def _series_labels(_http: Http, _set_name: str, answer: Answer) -> Iterable[str]:
    document = read_json(answer)
    data = document.get("data") if isinstance(document, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    series = islice(result, _MOST_LINES) if isinstance(result, list) else ()
    metrics = (one.get("metric") for one in series if isinstance(one, dict))
    return (*(label for labels in metrics if isinstance(labels, dict) for label in labels), "value", "timestamp")


def _property_keys(http: Http, _set_name: str, answer: Answer) -> Iterable[str]:
    from openai_monitor.collect.parse.config import parse_properties  # noqa: PLC0415 - only for config

    keys = parse_properties(answer.text)
    base = (http.parse_script or "").strip()
    return keys if not base else (key.rpartition("].")[2] for key in keys if key.startswith(f"{base}["))


_NAMES: dict[str, Callable[[Http, str, Answer], Iterable[str]]] = {
    "prometheus": _sample_labels,
    "PromQL": _series_labels,
    "config": _property_keys,
    "header": lambda _http, _name, answer: (name for name, _ in answer.headers),
    "website": lambda _http, _name, _answer: ("statusCode", "responseTime", "keyword"),
    "sitemap": lambda _http, _name, _answer: ("url", "statusCode", "responseTime", "errorMsg"),
}
"""parseType to the names that aliases can have; for the others nobody knows."""
