"""From JSON objects to raw rows: one value for each alias."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, RawRow
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.pattern import Pattern, compile_pattern

Object: TypeAlias = dict[str, Any]
Default: TypeAlias = Callable[[Object, Answer], object]
Summary: TypeAlias = Callable[[Answer], object]


class RowReader:
    """The aliases of a metric set, compiled for rows of JSON.

    An alias is the literal key of a row's object. Where that is missing or null, an alias that starts with
    ``$.`` is a path inside the row (with ``paths``), ``responseTime`` and ``keyword`` are figures of the answer,
    whatever their case, and everything else is None. Raises SyntaxFault when a path, or the keyword that an
    alias counts, does not compile.
    """

    def __init__(self, http: Http, aliases: Aliases, *, paths: bool) -> None:
        self._aliases = aliases
        self._summaries = [_summary(http, alias) for alias in aliases]
        defaults = (
            _default(alias, summary, paths=paths) for alias, summary in zip(aliases, self._summaries, strict=True)
        )
        self._defaults = [(at, default) for at, default in enumerate(defaults) if default is not None]
        self._at_once = itemgetter(*aliases) if len(aliases) > 1 and not self._defaults else None

    def read(self, objects: Sequence[Object], answer: Answer) -> list[RawRow]:
        """Make a row of each object."""
        if self._at_once:
            try:
                return list(map(self._at_once, objects))
            except KeyError:  # some object lacks some key
                pass
        rows = [list(map(item.get, self._aliases)) for item in objects]
        for at, default in self._defaults:
            for row, item in zip(rows, objects, strict=True):
                if row[at] is None:
                    row[at] = default(item, answer)
        return list(rows)

    def scalar(self, value: object, answer: Answer) -> RawRow:
        """Make the row of a text or a number: itself for every alias but the figures of the answer."""
        return [summary(answer) if summary else value for summary in self._summaries]


def _default(alias: str, summary: Summary | None, *, paths: bool) -> Default | None:
    """What an alias is where the object has no such key."""
    if paths and alias.startswith("$."):
        first = compile_path(alias).first
        return lambda item, _: first(item)
    if summary is not None:
        return lambda _, answer: summary(answer)
    return None


def _summary(http: Http, alias: str) -> Summary | None:
    match alias.lower():
        case "responsetime":
            return lambda answer: answer.elapsed_ms
        case "keyword":
            return _keyword_count(compile_pattern(http.keyword) if http.keyword else None)
    return None


def _keyword_count(pattern: Pattern | None) -> Summary:
    """How often the keyword matches the body, counted once an answer; a missing keyword never does."""
    if pattern is None:
        return lambda _: 0
    name = f"keyword {pattern.text}"

    def count(answer: Answer) -> object:
        if name not in answer.memo:
            answer.memo[name] = pattern.count(answer.text)
        return answer.memo[name]

    return count
