"""From JSON objects to raw rows: one value for each alias."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, AllOf, RawRow
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
    whatever their case, and everything else is None. An ``AllOf`` is the list of all that its path finds. Raises
    SyntaxFault when a path, or the keyword that an alias counts, does not compile.
    """

    def __init__(self, http: Http, aliases: Aliases, *, paths: bool) -> None:
        self._aliases = aliases
        self._summaries = [_summary(http, alias) for alias in aliases]
        lists = {str(alias): at for at, alias in enumerate(aliases) if isinstance(alias, AllOf)}
        self._firsts = [(at, lists[alias]) for at, alias in enumerate(aliases) if lists.get(alias, at) != at]
        read_from_lists = dict(self._firsts)
        defaults = (
            None if at in read_from_lists else _default(alias, summary, paths=paths)
            for at, (alias, summary) in enumerate(zip(aliases, self._summaries, strict=True))
        )
        self._defaults = [(at, default) for at, default in enumerate(defaults) if default is not None]
        self._at_once = itemgetter(*aliases) if len(aliases) > 1 and not self._defaults else None

    def read(self, objects: Sequence[Object], answer: Answer) -> list[RawRow]:
        """Make a row of each object; raises CollectionError where these are more than a metric set may have."""
        answer.limits.check(len(objects), len(self._aliases))
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
        for at, list_at in self._firsts:
            for row in rows:
                if row[at] is None and row[list_at]:
                    row[at] = row[list_at][0]  # type: ignore[index]
        return list(rows)

    def scalar(self, value: object, answer: Answer) -> RawRow:
        """Make the row of a text or a number: itself for every alias but the figures of the answer."""
        return [summary(answer) if summary else value for summary in self._summaries]


def _default(alias: str, summary: Summary | None, *, paths: bool) -> Default | None:
    """What an alias is where the object has no such key."""
    if paths and alias.startswith("$."):
        if isinstance(alias, AllOf):
            found = compile_path(alias).all
            return lambda item, _: found(item)
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
