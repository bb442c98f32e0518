"""What one metric set does with an answer, compiled: parse, then fields, then filters."""

import re
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, NoReturn

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.envelope import holds_a_key, keys_read
from openai_monitor.collect.fields import (
    Cell,
    Clock,
    Warn,
    alias_names,
    compile_cells,
    compile_filters,
    declared_fields,
    lists_to_read,
)
from openai_monitor.collect.more import MoreSigns, compile_more
from openai_monitor.collect.parse import Aliases, Ask, Parse, RawRow, compile_parse
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.collect.verdict import Holds, check_envelope, check_error_object, check_success, server_message
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.errors import CollectionError, SyntaxFault
from openai_monitor.rows import MEASURED, Code, Field, Row, has_values
from openai_monitor.threads import run_in_thread

OK = 200
LARGE = 2**17
"""Bytes of an answer that is read in a thread: a smaller one takes less than some 20 ms."""

_ONE_AT_A_TIME = threading.Lock()
"""The objects of a large answer take many times its size."""

_JSON_TYPES = ("jsonPath", "default")
_WORD = re.compile(r"[^\s.`'\"\[\]$*?()@]+")


@dataclass(frozen=True, slots=True)
class Program:
    """The language part of a metric set as closures; the same for all monitors that share it.

    ``columns`` are what a raw row holds: the aliases, and behind them the lists of what some paths find.
    """

    fields: tuple[Field, ...]
    aliases: Aliases
    columns: Aliases
    parse: Parse
    cells: tuple[Cell, ...]
    keep: Callable[[Row], bool] | None
    looks_for_error: bool
    asks_more: bool
    root_keys: frozenset[str] | None
    more: MoreSigns | None

    async def rows(
        self, answer: Answer, ask: Ask, listed: frozenset[int], warn: Warn, success: Holds | None = None
    ) -> list[Row]:
        """The typed rows of one answer; raises CollectionError when it can't be read, or tells a failure.

        ``success`` is the set's own condition for a success; where there is none, common signs of failure count. A
        large answer is read in a thread, one at a time, so that it keeps nobody waiting.
        """
        work = self._rows(answer, ask, listed, warn, success)
        return await (work if len(answer.body) < LARGE or self.asks_more else run_in_thread(_complete, work))

    async def _rows(
        self, answer: Answer, ask: Ask, listed: frozenset[int], warn: Warn, success: Holds | None
    ) -> list[Row]:
        if success is not None:
            check_success(answer, success)
        elif self.looks_for_error:
            check_error_object(answer, self.aliases, listed)
        judges = success is None and self.looks_for_error and bool(answer.body) and (answer.status == 200 or not listed)
        try:
            extracted = await self.parse(answer, ask)
        except CollectionError as fault:
            if not judges:
                raise
            # The server's own words say more than that its answer has another shape.
            check_envelope(answer, self.root_keys, has_values=False)
            said = server_message(answer)
            raise CollectionError(fault.code, f"{fault}; the server said: {said}" if said else str(fault)) from None
        answer.limits.check(len(extracted.rows), len(self.fields))
        if judges and (remark := check_envelope(answer, self.root_keys, has_values=self._found_any(extracted.rows))):
            warn(remark)
        for warning in extracted.warnings:
            warn(warning)
        # Column by column: a tuple for each row is then made by zip, and most of a cell's cost is its own.
        columns = [map(cell, extracted.rows, repeat(warn)) for cell in self.cells]
        rows: list[Row] = list(zip(*columns, strict=True)) if columns else [()] * len(extracted.rows)
        # Another status than 200 is listed by the author, who knows that its answer has no values.
        if rows and answer.status == OK and not has_values(self.fields, rows):
            warn("no field found a value in this answer: is it the right url, and does the API still answer like this?")
        return rows if self.keep is None else list(filter(self.keep, rows))

    def is_strange(self, answer: Answer, rows: Sequence[Row]) -> bool:
        """Whether rows without any value were made of an answer in which no key stands that the set reads."""
        if answer.status != OK or not self.looks_for_error or not rows or has_values(self.fields, rows):
            return False
        read = (alias for alias in self.aliases if alias.lower() not in MEASURED)
        return not holds_a_key(read_json(answer), {word for alias in read for word in _WORD.findall(alias)})

    def _found_any(self, rows: Sequence[RawRow]) -> bool:
        """Whether an alias found something in the answer; where all are measured, nothing can be missed."""
        read = [at for at, alias in enumerate(self.columns) if alias.lower() not in MEASURED]
        return not read or any(row[at] is not None and row[at] != [] for row in rows for at in read)


def _complete(work: Coroutine[Any, Any, list[Row]]) -> list[Row]:
    """Run what waits for nothing to its end."""
    with _ONE_AT_A_TIME:
        try:
            work.send(None)
        except StopIteration as done:
            rows: list[Row] = done.value
            return rows
    raise AssertionError("reading an answer waited for something")


def compile_program(metric_set: MetricSet, now: Clock) -> Program:
    """Compile a set whose placeholders are all replaced; sets with the same text share one Program.

    Raises CollectionError (FAIL) when a path or pattern does not compile: the set then fails without a request.
    """
    return _compile(_Source(metric_set), now)


class _Source:
    """A metric set that is equal to another when all that a Program is made of is equal."""

    def __init__(self, metric_set: MetricSet) -> None:
        self.metric_set = metric_set
        http = metric_set.http or Http()
        self.key = (
            metric_set.name,
            tuple((spec.field, spec.type, spec.unit, spec.label) for spec in metric_set.fields),
            *(
                tuple(texts or ())
                for texts in (
                    metric_set.alias_fields,
                    metric_set.calculates,
                    metric_set.filters,
                    metric_set.units,
                )
            ),
            http.parse_type,
            http.parse_script,
            http.keyword,
        )

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self.key == other.key


def _lacks_a_name(metric_set: MetricSet) -> bool:
    """Whether an alias, or without aliases a field, is null: an undeclared placeholder leaves one."""
    return None in (metric_set.alias_fields or [spec.field for spec in metric_set.fields])


async def _fail_for_want_of_a_name(_answer: Answer, _ask: Ask) -> NoReturn:
    raise CollectionError(Code.FAIL, "an entry of aliasFields or the name of a field is null: give it a text")


@lru_cache(maxsize=4096)
def _compile(source: _Source, now: Clock) -> Program:
    metric_set = source.metric_set
    http = metric_set.http or Http()
    aliases = alias_names(metric_set)
    fields = declared_fields(metric_set)
    columns = (*aliases, *lists_to_read(metric_set))
    try:
        parse = compile_parse(http, columns, metric_set.name or "")
        more = compile_more(http, aliases, metric_set.name or "")
    except SyntaxFault as fault:
        raise CollectionError(
            Code.FAIL, f"the definition has a path or pattern that does not compile: {fault}"
        ) from None
    except KeyError:
        raise CollectionError(Code.FAIL, f"unknown parseType {http.parse_type!r}") from None
    return Program(
        fields=fields,
        aliases=aliases,
        columns=columns,
        parse=_fail_for_want_of_a_name if _lacks_a_name(metric_set) else parse,
        cells=compile_cells(metric_set, columns, now),
        keep=compile_filters(metric_set, fields, now),
        looks_for_error=(http.parse_type or "default") in _JSON_TYPES,
        asks_more=http.parse_type == "sitemap",
        root_keys=keys_read(http, aliases),
        more=more,
    )
