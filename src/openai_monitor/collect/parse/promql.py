"""``parseType: PromQL``: the answer of a Prometheus query, one row a sample of an instant or a range vector.

An alias is the name of a label (``__name__`` too); ``value`` is the sample's value as Prometheus writes it, a
text, and ``timestamp`` its time in epoch milliseconds, where no label has that name. Value and time are told
apart by their places, not by their types as HertzBeat does, which loses whole-second timestamps. Scalars and
texts give no rows.
"""

from collections.abc import Iterator, Mapping

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.body import failure
from openai_monitor.collect.parse.json_body import has_no_content, read_json
from openai_monitor.definition.model import Http

Labels = Mapping[str, object]
Sample = tuple[Labels, object]
"""The labels of a series, and what stands for one sample: normally [seconds, text]."""

_BARE_FROM = 10_000_000


def compile(_http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Read the samples of a vector or a matrix."""

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        document = read_json(answer)
        if not isinstance(document, dict):
            return Extracted([], ["the answer is no Prometheus answer: it is not a JSON object"])
        _refuse_error(document)
        rows, warnings = _read(document.get("data"), aliases)
        return Extracted(rows, warnings + _server_warnings(document))

    return parse


def _refuse_error(document: Mapping[str, object]) -> None:
    if document.get("status") == "error" or document.get("error"):
        kind, text = document.get("errorType", "error"), document.get("error", "no further word")
        raise failure(f"Prometheus answered with an error: {_short(kind)}: {_short(text)}; check the query")


def _server_warnings(document: Mapping[str, object]) -> list[str]:
    warnings = document.get("warnings")
    if not isinstance(warnings, list):
        return []
    return [f"Prometheus warns: {_short(text)}" for text in warnings[:5]]


def _short(value: object) -> str:
    return str(value)[:300]


def _read(data: object, aliases: Aliases) -> tuple[list[RawRow], list[str]]:
    if not isinstance(data, dict):
        return [], ["the answer is no Prometheus answer: it has no data"]
    kind, result = data.get("resultType"), data.get("result")
    if kind not in ("vector", "matrix"):
        return [], [f"the result is of type {_short(kind)}, rows come out of a vector or a matrix"]
    if not isinstance(result, list):
        raise failure(f"the {kind} in the answer is no list; check that the url is a Prometheus query")
    rows = [_row(labels, sample, aliases) for labels, sample in _samples(result)]
    odd = sum(not isinstance(series, dict) for series in result)
    return rows, [f"{odd} entries of the {kind} are no series and were left out"] if odd else []


def _samples(result: list[object]) -> Iterator[Sample]:
    for series in result:
        if not isinstance(series, dict):
            continue
        labels = series.get("metric")
        samples = series.get("values", []) if "values" in series else [series.get("value")]
        for sample in samples if isinstance(samples, list) else []:
            yield labels if isinstance(labels, dict) else {}, sample


def _row(labels: Labels, sample: object, aliases: Aliases) -> RawRow:
    seconds, value = sample if isinstance(sample, list) and len(sample) == 2 else (None, None)
    extra = {"value": value, "timestamp": _milliseconds(seconds)}
    return tuple(labels[alias] if alias in labels else extra.get(alias) for alias in aliases)


def _milliseconds(seconds: object) -> int | float | None:
    """Epoch milliseconds: whole ones an int, below 10^7 a float, as HertzBeat prints ``.0`` there."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if isinstance(seconds, int):
        return seconds * 1000
    milliseconds = round(seconds * 1000, 3)  # a double holds microseconds of today's epoch at best
    bare = milliseconds.is_integer() and abs(milliseconds) >= _BARE_FROM
    return int(milliseconds) if bare else milliseconds
