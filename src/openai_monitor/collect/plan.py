"""A definition with its parameters: everything a round needs that does not change from round to round."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from itertools import groupby

from openai_monitor.collect.fields import declared_fields
from openai_monitor.collect.parameters import Given, check_parameters, resolve_parameters, zone_of
from openai_monitor.collect.program import Program, compile_program
from openai_monitor.collect.request import Request, build_request, clean_token, texts_with_times
from openai_monitor.collect.target import timed
from openai_monitor.collect.verdict import Holds, listed_codes
from openai_monitor.definition.keys import definitions_for, kind_of, refuse_other_vendors
from openai_monitor.definition.load import Definition
from openai_monitor.definition.model import MetricSet, ParamSpec
from openai_monitor.definition.paging import Paging, means_first_page, read_paging
from openai_monitor.definition.placeholder import (
    Parameter,
    Parameters,
    parameter_names,
    parameters_used,
    row_fields,
    substitute_parameters,
)
from openai_monitor.definition.shipped import expected_prefix
from openai_monitor.definition.success import read_success
from openai_monitor.errors import CollectionError, ParameterError, PathSyntaxError, SyntaxFault
from openai_monitor.redact import CellMask, Redactor
from openai_monitor.rows import Code, Field, FieldType


def epoch_ms() -> int:
    """The clock of ``now()`` in expressions."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class SetPlan:
    """One metric set. ``failure`` is why it fails before anything is asked, if it does.

    ``listed`` are its success codes, ``secret_columns`` the positions of its secret fields. ``wants_all`` is whether
    rows on further pages would be missed, ``success`` its own condition for a success. What the parameters make of
    the set is made anew when it is needed: kept by thousands of monitors it would be most of their memory.
    """

    bind: Callable[[], MetricSet] = field(repr=False)
    name: str
    priority: int
    fields: tuple[Field, ...]
    row_fields: frozenset[str]
    sensitive: bool
    listed: frozenset[int] = frozenset()
    secret_columns: tuple[int, ...] = ()
    times: tuple[str, ...] = field(default=(), repr=False)
    program: Program | None = None
    paging: Paging | None = None
    wants_all: bool = True
    success: Holds | None = None
    failure: CollectionError | None = None
    wanted: bool = True
    _request: Request | None = None
    _times: list[str] = field(default_factory=list, repr=False)

    @property
    def metric_set(self) -> MetricSet:
        """The set with its ``^_^`` replaced."""
        return self.bind()

    def request_at(self, clock: Callable[[], datetime]) -> Request:
        """The request of this moment: built again only when a time expression in it has another value.

        ``clock`` gives the moment, in the zone of time expressions. Raises CollectionError when no request can be
        made of the set.
        """
        if self._request is not None and not self.times:
            return self._request
        now = clock()
        times = [timed(text, now) for text in self.times]
        if self._request is None or times != self._times:
            self._request = build_request(self.metric_set, now=now, sensitive=self.sensitive)
            self._times = times
        return self._request


@dataclass(frozen=True, slots=True)
class Plan:
    """What to collect for one monitor. ``groups`` are the sets by priority, in the order they run.

    ``takes_from_rows`` tells whether any set takes ``^o^`` values of an earlier one. ``notes`` are remarks for the
    person who gave the parameters. ``zone`` is that of time expressions, None for local.
    """

    app: str
    host: str | None
    groups: tuple[tuple[SetPlan, ...], ...]
    zone: tzinfo | None
    redactor: Redactor
    secrets: tuple[str, ...] = field(repr=False)
    user_names: tuple[str, ...] = field(default=(), repr=False)
    takes_from_rows: bool = False
    name: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    now_ms: Callable[[], int] = epoch_ms
    cells: CellMask = field(default_factory=lambda: CellMask(()), repr=False)

    @property
    def sets(self) -> tuple[SetPlan, ...]:
        """All sets, in the order they run."""
        return tuple(planned for group in self.groups for planned in group)


def make_plan(
    definition: Definition,
    values: Given,
    *,
    metrics: Collection[str] | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    send_anyway: bool = False,
) -> Plan:
    """Check the parameters and compile the definition for them.

    ``metrics`` names the sets to report; what they take ``^o^`` values from runs too, unreported. Raises ParameterError
    that names everything missing, unknown or unfit, and every unknown metric set; and for a key that would go to
    another vendor than its own, unless ``send_anyway``.
    """
    check_parameters(definition.params, values)
    _check_tokens(definition, values)
    _check_metrics(definition, metrics)
    unset = {spec.field or "": Parameter(None, spec.type or "text") for spec in definition.params}
    parameters = {**unset, **resolve_parameters(definition.params, values)}
    if not send_anyway:
        refuse_other_vendors(_keys(definition, parameters), _hosts(definition, parameters))
    return bind(definition, parameters, metrics=metrics, name=name, tags=tags)


def _keys(definition: Definition, parameters: Parameters) -> list[tuple[str, str]]:
    names = {name for metric_set in definition.sets for name in authorizing_names(metric_set)}
    return [
        (name, parameter.value)
        for name, parameter in parameters.items()
        if parameter.value and (parameter.type == "password" or name in names)
    ]


def _hosts(definition: Definition, parameters: Parameters) -> set[str]:
    """The hosts that are asked, as far as the parameters tell at once."""
    texts = {metric_set.http.host or "" for metric_set in definition.sets if metric_set.http}
    named = ((text, parameter_names(text)) for text in texts)
    return {(parameters[names[0]].value or "") if names and names[0] in parameters else text for text, names in named}


def bind(
    definition: Definition,
    parameters: Parameters,
    *,
    metrics: Collection[str] | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    now_ms: Callable[[], int] = epoch_ms,
) -> Plan:
    """Compile a definition for parameters as they are, unchecked. Raises ParameterError for an unknown time zone."""
    passwords = {key for key, parameter in parameters.items() if parameter.type == "password"}
    passwords |= {name for metric_set in definition.sets for name in authorizing_names(metric_set)} & set(parameters)
    users = {name for metric_set in definition.sets for name in asking_names(metric_set)} & set(parameters) - passwords
    annotations = definition.document.annotations
    planned = [_plan_set(metric_set, parameters, passwords, annotations, now_ms) for metric_set in definition.sets]
    if metrics is not None:
        _mark_wanted(planned, metrics)
        planned = [item for item in planned if item.wanted or _is_needed(item, planned)]
    secrets = tuple(
        spelling for key in passwords if (value := parameters[key].value) for spelling in _key_spellings(value)
    )
    user_names = tuple(value for key in users if (value := parameters[key].value))
    host = parameters.get("host")
    return Plan(
        app=definition.app,
        host=host.value if host else None,
        groups=_by_priority(planned),
        zone=zone_of(parameters),
        redactor=Redactor(secrets, user_names, (host.value if host else None, definition.app)),
        secrets=secrets,
        user_names=user_names,
        cells=CellMask(secrets),
        takes_from_rows=any(item.row_fields for item in planned),
        name=name,
        tags=tuple((tags or {}).items()),
        notes=tuple(_key_notes(definition.params, parameters)),
        now_ms=now_ms,
    )


def _plan_set(
    metric_set: MetricSet,
    parameters: Parameters,
    passwords: Collection[str],
    annotations: Mapping[str, str | None] | None,
    now_ms: Callable[[], int],
) -> SetPlan:
    used = parameters_used(metric_set) & (set(passwords) | asking_names(metric_set))
    bound = substitute_parameters(metric_set, parameters)
    fields = declared_fields(bound)
    planned = SetPlan(
        bind=partial(substitute_parameters, metric_set, parameters),
        name=metric_set.name or "",
        priority=metric_set.priority,
        fields=fields,
        row_fields=row_fields(bound),
        sensitive=bool(used),
        listed=listed_codes(bound.http),
        secret_columns=tuple(at for at, column in enumerate(fields) if column.type is FieldType.SECRET),
        times=texts_with_times(bound),
    )
    try:
        _check_protocol(bound)
        planned.paging = _paging(annotations, planned.name)
        planned.success = _success(annotations, planned.name)
        planned.wants_all = not means_first_page(annotations, planned.name)
        if not planned.row_fields:
            planned.program = compile_program(bound, now_ms)
            planned.fields = planned.program.fields  # shared by all monitors of the definition
    except CollectionError as failure:
        planned.failure = failure
    return planned


def _check_tokens(definition: Definition, values: Given) -> None:
    """Refuse a bearer token that can't be one before anything else is done with it."""
    markers = {f"^_^{name}^_^": name for name, value in values.items() if value}
    texts = {
        metric_set.http.authorization.bearer_token_token
        for metric_set in definition.sets
        if metric_set.http and metric_set.http.authorization
    }
    for marker in texts & markers.keys():
        name = markers[marker or ""]
        try:
            clean_token(values[name] or "")
        except CollectionError as refusal:
            raise ParameterError(f"parameter {name}: {refusal}") from None


def _paging(annotations: Mapping[str, str | None] | None, name: str) -> Paging | None:
    try:
        return read_paging(annotations, name)
    except PathSyntaxError as fault:
        raise CollectionError(
            Code.FAIL, f"the annotations of {name} hold a path that does not compile: {fault}"
        ) from None


def _success(annotations: Mapping[str, str | None] | None, name: str) -> Holds | None:
    try:
        success = read_success(annotations, name)
    except SyntaxFault as fault:
        raise CollectionError(Code.FAIL, f"the annotation {name}.success does not compile: {fault}") from None
    return Holds(success) if success else None


def authorizing_names(metric_set: MetricSet) -> set[str]:
    """Parameters in an authorization are secrets, whatever their type; but user names are not."""
    section = metric_set.http.authorization if metric_set.http else None
    return {name for text in (section.secrets() if section else ()) for name in parameter_names(text)}


def asking_names(metric_set: MetricSet) -> set[str]:
    """Parameters that stand in an authorization as user names. No message shows them; rows may."""
    section = metric_set.http.authorization if metric_set.http else None
    return {name for text in (section.users() if section else ()) for name in parameter_names(text)}


def _check_protocol(metric_set: MetricSet) -> None:
    if metric_set.protocol != "http":
        raise CollectionError(
            Code.FAIL,
            f"protocol {metric_set.protocol!r} is not collected here: only http is; leave it to HertzBeat's collector",
        )
    if metric_set.http is None:
        raise CollectionError(Code.FAIL, "the set has no http section: add one with host, port and url")


def _by_priority(planned: Sequence[SetPlan]) -> tuple[tuple[SetPlan, ...], ...]:
    ordered = sorted(planned, key=lambda item: item.priority)
    return tuple(tuple(group) for _, group in groupby(ordered, key=lambda item: item.priority))


def _mark_wanted(planned: Sequence[SetPlan], metrics: Collection[str]) -> None:
    for item in planned:
        item.wanted = item.name in metrics


def _is_needed(candidate: SetPlan, planned: Sequence[SetPlan]) -> bool:
    """Whether a wanted set takes, at first or second hand, a ``^o^`` value from this one."""
    names = {column.name for column in candidate.fields}
    return any(
        item.priority > candidate.priority and names & item.row_fields and (item.wanted or _is_needed(item, planned))
        for item in planned
        if item is not candidate
    )


def _check_metrics(definition: Definition, metrics: Collection[str] | None) -> None:
    known = [metric_set.name or "" for metric_set in definition.sets]
    unknown = [name for name in metrics or () if name not in known]
    if unknown:
        raise ParameterError(f"no metric set named {', '.join(unknown)}: {definition.app} has {', '.join(known)}")


def _key_spellings(value: str) -> list[str]:
    """A secret as it was given and as it is sent."""
    try:
        return [value, clean_token(value)] if value.strip() else []
    except CollectionError:
        return [value]


def _key_notes(specs: Sequence[ParamSpec], parameters: Mapping[str, Parameter]) -> list[str]:
    """A remark for each password that does not begin as its placeholder (``sess-…``) says it should."""
    notes = []
    for spec in specs:
        parameter = parameters.get(spec.field or "")
        if spec.type != "password" or parameter is None or not (parameter.value or "").strip():
            continue
        expected = expected_prefix(spec.placeholder)
        key = _key_spellings(parameter.value or "")[-1]
        if expected and not key.startswith(expected):
            notes.append(_wrong_key_note(spec, expected, key))
    return notes


def _wrong_key_note(spec: ParamSpec, expected: str, key: str) -> str:
    fitting, kind = definitions_for(key), kind_of(key)
    hint = f"; a key like this fits --define {' or '.join(fitting)}" if fitting else ""
    if kind is not None and kind.advice:
        hint = f": it is {kind.name} of {kind.vendor}, and {kind.advice}"
    return f"parameter {spec.field} does not begin with {expected} as expected here{hint}; it is tried all the same"
