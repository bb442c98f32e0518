"""One metric set on a saved answer: what a collection would make of it, without a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.explain import Explainer, Gap, Way
from openai_monitor.collect.parameters import Given, resolve_parameters
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.collect.plan import Plan, SetPlan, bind
from openai_monitor.collect.program import Program, compile_program
from openai_monitor.collect.verdict import Holds, check_status, listed_codes
from openai_monitor.definition.definition import Definition
from openai_monitor.definition.model import MetricSet, ParamSpec
from openai_monitor.definition.placeholder import Parameter, substitute_row
from openai_monitor.definition.wording import nearest
from openai_monitor.errors import CollectionError, ParameterError
from openai_monitor.rows import Code, FieldType, MetricSetResult, Row


def utc_now() -> datetime:
    """The clock of a rehearsal."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came out: the result as a collection would give it, and what explains it.

    ``gaps`` say why cells are empty; rows count in them from 1 as they were read, before the filters. ``secrets`` are
    the values of password parameters and secret cells, which nobody may see.
    """

    result: MetricSetResult
    gaps: tuple[Gap, ...] = ()
    explainer: Explainer | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def ways(self, name: str | None = None) -> list[Way]:
        """How the first row came to its value of a field, or of each; empty when there was nothing to read.

        Raises ParameterError when the set has no such field.
        """
        fields = [column for column in self.result.fields if name in (None, column.name)]
        if not fields:
            names = [column.name for column in self.result.fields]
            raise ParameterError(f"{self.result.name} has no field {name!r}: {nearest(name or '', names)}")
        return [self.explainer.way(column) for column in fields] if self.explainer else []


async def rehearse(
    definition: Definition,
    set_name: str,
    answer: Answer,
    values: Given | None = None,
    *,
    row: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Rehearsal:
    """Read a saved answer as a metric set would, with these parameters; none has to be given.

    ``row`` holds values for ``^o^name^o^``; markers without one stay as written. Pages are not followed and the URLs
    of a sitemap not asked. Raises ParameterError for an unknown set or parameter.
    """
    plan, planned = _plan(definition, set_name, values or {}, clock)
    warnings: dict[str, None] = {}
    rows: list[Row] = []
    code, message = Code.SUCCESS, ""
    explainer = None
    started = clock()
    try:
        metric_set, program = _compiled(plan, planned, row or {})
        rows, explainer = await _read(metric_set, program, plan, answer, warnings.setdefault, clock, planned.success)
        _note_further_pages(planned, program, answer, warnings)
    except CollectionError as error:
        code, message = error.code, str(error)
    clean = plan.redactor.clean
    result = MetricSetResult(
        name=planned.name,
        code=code,
        message=clean(message),
        fields=planned.fields,
        rows=tuple(plan.cells.clean(rows)),
        time=started,
        duration=0.0,
        warnings=tuple(map(clean, warnings)),
    )
    gaps = tuple(explainer.gaps()) if explainer else ()
    return Rehearsal(result, gaps, explainer, (*plan.secrets, *_secret_cells(result, explainer)))


def _plan(definition: Definition, set_name: str, values: Given, clock: Callable[[], datetime]) -> tuple[Plan, SetPlan]:
    names = [metric_set.name or "" for metric_set in definition.sets]
    if set_name not in names:
        raise ParameterError(f"{definition.app} has no metric set {set_name!r}: {nearest(set_name, names)}")
    _check_names(definition.params, values)
    unset = {spec.field or "": Parameter(None, spec.type or "text") for spec in definition.params}
    parameters = {**unset, **resolve_parameters(definition.params, values)}
    plan = bind(definition, parameters, metrics=[set_name], now_ms=lambda: int(clock().timestamp() * 1000))
    return plan, next(planned for planned in plan.sets if planned.wanted)


def _check_names(specs: Sequence[ParamSpec], values: Given) -> None:
    names = [spec.field or "" for spec in specs]
    for name in values:
        if name not in names:
            raise ParameterError(f"parameter {name} is unknown; {nearest(name, names)}")


def _compiled(plan: Plan, planned: SetPlan, row: Mapping[str, str]) -> tuple[MetricSet, Program]:
    if planned.failure is not None:
        raise planned.failure
    metric_set = substitute_row(planned.metric_set, row) if planned.row_fields else planned.metric_set
    return metric_set, planned.program or compile_program(metric_set, plan.now_ms)


async def _read(
    metric_set: MetricSet,
    program: Program,
    plan: Plan,
    answer: Answer,
    warn: Callable[[str], object],
    clock: Callable[[], datetime],
    success: Holds | None,
) -> tuple[list[Row], Explainer]:
    listed = listed_codes(metric_set.http)
    check_status(answer, listed, clock())
    rows = await program.rows(answer, _refuse, listed, warn, success)
    extracted = await program.parse(answer, _refuse)
    explainer = Explainer(metric_set, program, answer, extracted.rows, plan.now_ms, success)
    if dropped := explainer.dropped():
        warn(dropped)
    return rows, explainer


async def _refuse(url: str) -> Answer:
    raise CollectionError(Code.UN_CONNECTABLE, f"{url} was not asked: there is no network in a rehearsal")


def _note_further_pages(planned: SetPlan, program: Program, answer: Answer, warnings: dict[str, None]) -> None:
    if planned.paging is None:
        if planned.wants_all and program.more is not None and (sign := program.more.sign(answer)):
            warnings.setdefault(sign)
    elif (cursor := planned.paging.cursor(read_json(answer), answer.headers)) is not None:
        warnings.setdefault(f"a collection would go on with the page at {planned.paging.parameter}={cursor}")


def _secret_cells(result: MetricSetResult, explainer: Explainer | None) -> list[str]:
    places = [place for place, column in enumerate(result.fields) if column.type is FieldType.SECRET]
    rows = explainer.rows if explainer else []
    return [str(row[place]) for row in rows for place in places if row[place] is not None]
