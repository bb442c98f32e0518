"""One metric set of a round: its request or requests, pages, and rows."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.fields import Warn
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.collect.plan import Plan, SetPlan
from openai_monitor.collect.program import LARGE, Program, compile_program
from openai_monitor.collect.request import Request, build_request
from openai_monitor.collect.verdict import check_status, is_accepted, listed_codes
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.definition.placeholder import substitute_row
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code, Row
from openai_monitor.threads import run_in_thread

if TYPE_CHECKING:
    from openai_monitor.collect.transport import Session

LARGEST_FAN_OUT = 50
"""HertzBeat's bound on the requests of one metric set that is asked row by row."""

_FAN_OUT_AT_ONCE = 8
_FAILURES_NAMED = 5

RowTexts = dict[str, str | None]
"""The cells of one row as texts, by field name."""


class Sender(Protocol):
    """What a round needs of a transport; see ``collect.transport.Transport``."""

    async def send(self, request: Request, session: "Session") -> Answer:
        """Ask and give the complete answer; raises CollectionError."""


@dataclass(slots=True)
class RoundState:
    """What the sets of a round share.

    ``lasting`` are cells of sets that gave one row, ``previous`` the rows of each set of the group before that gave
    several; both are what ``^o^`` takes its values from. ``cut`` names the set of that group of which rows are missing,
    by field. ``secrets`` are values of answers that may not be shown.
    """

    plan: Plan
    sender: Sender
    session: "Session"
    clock: Callable[[], datetime]
    lasting: RowTexts = field(default_factory=dict)
    previous: list[list[RowTexts]] = field(default_factory=list)
    cut: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def local_time(self) -> datetime:
        """The moment, in the zone of the definition's time expressions."""
        return self.clock().astimezone(self.plan.zone)


@dataclass(slots=True)
class SetRun:
    """Asks for one metric set. ``rows`` raises CollectionError when the set fails."""

    planned: SetPlan
    state: RoundState
    warn: Warn
    found: bool = False
    """Whether any answer so far was one that the set can read something of."""
    _rows_read: int = 0

    async def rows(self) -> tuple[list[Row], str]:
        """The rows, and a message when some are known to be missing."""
        planned = self.planned
        if planned.failure is not None:
            raise planned.failure
        if planned.row_fields:
            return await self._rows_by_row()
        if planned.program is None:
            planned.program = compile_program(planned.metric_set, self.state.plan.now_ms)
        request = planned.request_at(self.state.local_time)
        return await self._pages(request, planned.program, planned.listed, planned.bind)

    async def _exchange(self, request: Request, program: Program, listed: frozenset[int]) -> tuple[list[Row], Answer]:
        state = self.state
        answer = await state.sender.send(request, state.session)
        if not is_accepted(answer, listed):  # nearly all are, and need neither clock nor origin
            check_status(answer, listed, state.clock(), asked=request.origin)

        async def ask(url: str) -> Answer:
            return await state.sender.send(_page_request(url, request.timeout), state.session)

        rows = await program.rows(answer, ask, listed, self.warn, self.planned.success)
        self.found = self.found or not program.is_strange(answer, rows)
        self._rows_read += len(rows)  # of all its answers, pages and those for earlier rows
        answer.limits.check(self._rows_read, len(self.planned.fields))
        clean = state.plan.cells.clean
        return (clean(rows) if len(answer.body) < LARGE else await run_in_thread(clean, rows)), answer

    # Pages

    async def _pages(
        self, request: Request, program: Program, listed: frozenset[int], metric_set: Callable[[], MetricSet]
    ) -> tuple[list[Row], str]:
        """The rows of an answer and of the pages after it, and a message when some are known to be missing."""
        rows, answer = await self._exchange(request, program, listed)
        paging, more = self.planned.paging, program.more if self.planned.wants_all else None
        if paging is None:
            return rows, more.sign(answer) if more else ""
        first = before = _content(program, answer)
        seen: set[str] = set()
        for number in range(1, paging.most_pages + 1):
            document = read_json(answer)
            cursor = paging.cursor(document, answer.headers)
            if cursor is None and paging.announces_more(document):
                return rows, f"page {number} says there are more and gives no cursor: rows may be missing"
            if cursor is None:
                is_last = more is None or paging.more_pages is not None
                return rows, "" if is_last or more is None else more.sign(answer, is_first=number == 1)
            if cursor in seen:
                return rows, f"page {number} points back to a page already read: stopped there, rows may be missing"
            if number == paging.most_pages:
                break
            seen.add(cursor)
            request = self._next_request(metric_set(), paging.parameter, cursor)
            found, answer = await self._exchange(request, program, listed)
            content = _content(program, answer)
            if content and content in (first, before):
                return rows, (
                    f"page {number + 1} is the same as one before it and was dropped: the API does not take the cursor "
                    f"in `{paging.parameter}`, so rows may be missing: check {self.planned.name}.page_parameter"
                )
            rows += found
            before = content
        return rows, f"stopped after {paging.most_pages} pages, there are more: raise {self.planned.name}.most_pages"

    def _next_request(self, metric_set: MetricSet, parameter: str, cursor: str) -> Request:
        """The same request for the page of a cursor, which is taken as it is: nothing in it is replaced."""
        http = metric_set.http or Http()
        others = {name: value for name, value in (http.params or {}).items() if name != parameter}
        bare = replace(metric_set, http=replace(http, params=others))
        request = build_request(bare, now=self.state.local_time(), sensitive=self.planned.sensitive)
        joint = "&" if "?" in request.target else "?"
        request.target += f"{joint}{quote(parameter, safe='')}={quote(cursor, safe='')}"
        return request

    # Sets that are asked row by row of an earlier set (^o^)

    async def _rows_by_row(self) -> tuple[list[Row], str]:
        planned = self.planned
        substitutions, bound = self._substitutions(), planned.metric_set
        asked = substitutions[:LARGEST_FAN_OUT]
        limit = asyncio.Semaphore(_FAN_OUT_AT_ONCE)

        async def one(values: RowTexts) -> tuple[list[Row], str]:
            async with limit:
                return await self._rows_of(bound, values)

        # All of them, whatever becomes of one: none may go on when the set is over.
        outcomes = await asyncio.gather(*map(one, asked), return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        fatal = [error for error in errors if not isinstance(error, CollectionError)]
        if fatal or len(errors) == len(asked):
            raise (fatal or errors)[0]
        rows = [row for outcome in outcomes if not isinstance(outcome, BaseException) for row in outcome[0]]
        cut = dict.fromkeys(self.state.cut[name] for name in sorted(planned.row_fields & self.state.cut.keys()))
        missing = [f"it is asked for the rows of {name}, which is not complete" for name in cut]
        return rows, ". ".join(filter(None, (_fan_out_message(outcomes, len(substitutions)), *missing)))

    async def _rows_of(self, bound: MetricSet, values: RowTexts) -> tuple[list[Row], str]:
        empty = sorted(name for name, value in values.items() if value is None)
        if empty:
            raise CollectionError(
                Code.FAIL, f"^o^{empty[0]}^o^ has no value: the earlier set with the field {empty[0]} told none"
            )
        filled = {name: value for name, value in values.items() if value is not None}
        state, planned = self.state, self.planned
        state.secrets.extend(_authorizing_values(bound, filled))
        metric_set = substitute_row(bound, filled)
        program = compile_program(metric_set, state.plan.now_ms)
        sensitive = planned.sensitive or bool(state.secrets)
        request = build_request(metric_set, now=state.local_time(), sensitive=sensitive)
        return await self._pages(request, program, listed_codes(metric_set.http), lambda: metric_set)

    def _substitutions(self) -> list[RowTexts]:
        """The values of this set's ``^o^`` fields, one dict a request. Raises CollectionError when a field has none."""
        wanted, lasting = self.planned.row_fields, self.state.lasting
        rows = max(self.state.previous, key=lambda rows: len(wanted & rows[0].keys()), default=[])
        varying = wanted & rows[0].keys() if rows else frozenset()
        missing = sorted(wanted - varying - lasting.keys())
        if missing:
            names = ", ".join(f"^o^{name}^o^" for name in missing)
            raise CollectionError(
                Code.FAIL, f"{names} has no value: no set of the priority before gave a row with such a field"
            )
        fixed = {name: lasting[name] for name in wanted - varying}
        if not varying:
            return [fixed]
        return [{**fixed, **{name: row[name] for name in varying}} for row in rows]


def _content(program: Program, answer: Answer) -> object:
    """What tells a page from another: the list its rows come from, as it was sent, or all of it."""
    items = program.more.items(answer) if program.more else None
    return answer.body if items is None else items


def _fan_out_message(outcomes: Sequence[tuple[list[Row], str] | BaseException], total: int) -> str:
    parts = []
    if total > len(outcomes):
        parts.append(f"{len(outcomes)} of {total} rows were asked for, which is the most")
    failed = [
        f"row {number}: {outcome}"
        for number, outcome in enumerate(outcomes, start=1)
        if isinstance(outcome, BaseException)
    ]
    if failed:
        more = "; …" if len(failed) > _FAILURES_NAMED else ""
        named = "; ".join(failed[:_FAILURES_NAMED])
        parts.append(f"{len(failed)} of {len(outcomes)} requests failed ({named}{more})")
    cut = [outcome[1] for outcome in outcomes if not isinstance(outcome, BaseException) and outcome[1]]
    parts += dict.fromkeys(cut[:_FAILURES_NAMED])
    return ". ".join(parts)


def _authorizing_values(bound: MetricSet, values: Mapping[str, str]) -> list[str]:
    """Values that stand in the authorization: secrets, whatever the type of the field they come from."""
    http = bound.http
    if http is None or http.authorization is None:
        return []
    texts = (*http.authorization.secrets(), *http.authorization.users())
    return [value for name, value in values.items() if any(f"^o^{name}^o^" in text for text in texts)]


def _page_request(url: str, timeout: float | None) -> Request:
    """A request for one more address, which carries nothing of the definition's."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise CollectionError(Code.UN_CONNECTABLE, f"{url!r} is no web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CollectionError(Code.UN_CONNECTABLE, f"{url!r} is no web address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Request("GET", parts.scheme, parts.hostname, port, target, (), None, timeout, None, sensitive=False)
