"""From JSON objects to raw rows: one value for each alias, the columns of many rows at a time."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, RawRow
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.pattern import Pattern, compile_pattern

Objects: TypeAlias = Sequence[dict[str, Any]]
Column: TypeAlias = Callable[[Objects, Answer], list[object]]
Summary: TypeAlias = Callable[[Answer], object]


class RowReader:
    """The aliases of a metric set, compiled for rows of JSON.

    An alias is the literal key of a row's object. Where that is missing or null, an alias that starts with
    ``$.`` is a path inside the row (with ``paths``), ``responseTime`` and ``keyword`` are figures of the answer,
    whatever their case, and everything else is None. Raises SyntaxFault when a path, or the keyword that an
    alias counts, does not compile.
    """

    def __init__(self, http: Http, aliases: Aliases, *, paths: bool) -> None:
        self._summaries = [_summary(http, alias) for alias in aliases]
        self._columns = [
            _column(alias, summary, paths=paths) for alias, summary in zip(aliases, self._summaries, strict=True)
        ]
        plain = not any(self._summaries) and not any(_is_path(alias, paths=paths) for alias in aliases)
        self._at_once = itemgetter(*aliases) if plain and len(aliases) > 1 else None

    def read(self, objects: Objects, answer: Answer) -> list[RawRow]:
        """Make a row of each object."""
        if self._at_once:
            try:
                return list(map(self._at_once, objects))
            except KeyError:  # some object lacks some key: column by column, then
                pass
        if not self._columns:
            return [()] * len(objects)
        return list(zip(*self.columns(objects, answer), strict=True))

    def columns(self, objects: Objects, answer: Answer) -> list[list[object]]:
        """The values of each alias in all objects."""
        return [column(objects, answer) for column in self._columns]

    def scalar(self, value: object, answer: Answer) -> RawRow:
        """Make the row of a text or a number: itself for every alias but the figures of the answer."""
        return [summary(answer) if summary else value for summary in self._summaries]


def _is_path(alias: str, *, paths: bool) -> bool:
    return paths and alias.startswith("$.")


def _column(alias: str, summary: Summary | None, *, paths: bool) -> Column:
    if _is_path(alias, paths=paths):
        first = compile_path(alias).first
        return lambda objects, _: [first(item) if (value := item.get(alias)) is None else value for item in objects]
    if summary:
        return lambda objects, answer: _with_default([item.get(alias) for item in objects], summary(answer))
    return lambda objects, _: [item.get(alias) for item in objects]


def _with_default(values: list[object], default: object) -> list[object]:
    return [default if value is None else value for value in values]


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
