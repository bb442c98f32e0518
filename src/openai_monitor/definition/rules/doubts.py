"""What runs and is probably not meant, here or in HertzBeat: one function a rule."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import PARAMETER_TYPES, Http, MetricSet, ParamSpec
from openai_monitor.definition.placeholder import has_unfinished_marker, parameter_names
from openai_monitor.definition.rules import Finding, Rules, each_http, each_set
from openai_monitor.definition.rules.failures import texts_under
from openai_monitor.definition.rules.refusals import declared_names, has_placeholder, name_of
from openai_monitor.definition.timeexpr import expand_times, has_misspelt_time, has_times
from openai_monitor.definition.units import converts, parse_unit_entry
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.errors import EvaluationError, SyntaxFault

if TYPE_CHECKING:
    from openai_monitor.definition.expression import KnownNames

DOUBTS = Rules("warning")

_SPANS = (
    ("start", "end"),
    ("begin", "end"),
    ("from", "to"),
    ("since", "until"),
    ("after", "before"),
    ("gte", "lte"),
)
_KEY_HEADER = re.compile(r"authorization|token|secret|api-?_?key", re.IGNORECASE)
_LOOPBACK = re.compile(r"(https?://)?(localhost|127\.[\d.]+|\[?::1\]?)", re.IGNORECASE)
_MOST_COMPARISONS = 100_000_000
"""Characters of expressions times aliases; no definition that a person wrote has a hundredth of it."""

_SOME_DAY = datetime(2001, 6, 15, 12, tzinfo=UTC)


@DOUBTS
def host_parameter(definition: Definition) -> Iterator[Finding]:
    """HertzBeat's manager demands a parameter ``host``."""
    if definition.params and "host" not in declared_names(definition):
        message = "no parameter `host` is declared, so HertzBeat refuses the definition"
        yield Finding(("params",), message, "add `- field: host` with `type: host`")


@DOUBTS
def duplicate_set(definition: Definition) -> Iterator[Finding]:
    """Two sets of one name are one in most stores."""
    seen: set[str] = set()
    for path, metric_set in each_set(definition):
        if metric_set.name in seen:
            message = f"another metric set is called {quote(metric_set.name or '')} too"
            yield Finding((*path, "name"), message, "rename one: rows are kept by the name of their set")
        seen.add(metric_set.name or "")


@DOUBTS
def set_name(definition: Definition) -> Iterator[Finding]:
    """Rows are kept by the name of their set."""
    for path, metric_set in each_set(definition):
        if not metric_set.name:
            yield Finding((*path, "name"), "a metric set without a name", "add `name:`")


@DOUBTS
def duplicate_parameter(definition: Definition) -> Iterator[Finding]:
    """The last of two parameters of one name wins."""
    seen: set[str] = set()
    for index, spec in enumerate(definition.params):
        if spec.field in seen:
            yield Finding(
                ("params", index, "field"),
                f"parameter {quote(spec.field or '')} is declared twice",
                "remove one",
            )
        seen.add(spec.field or "")


@DOUBTS
def parameter_type(definition: Definition) -> Iterator[Finding]:
    """An unknown type is a text that nothing checks."""
    for index, spec in enumerate(definition.params):
        if spec.type not in PARAMETER_TYPES:
            found = quote(spec.type) if spec.type else "none"
            yield Finding(
                ("params", index, "type"),
                f"unknown parameter type, {found}",
                nearest(spec.type or "", PARAMETER_TYPES),
            )


@DOUBTS
def undeclared_placeholder(definition: Definition) -> Iterator[Finding]:
    """The marker of an unknown parameter is sent as it is written."""
    declared = declared_names(definition)
    for path, _ in each_set(definition):
        for where, text in texts_under(definition, path):
            if where[2:3] in (("calculates",), ("units",)):
                continue  # refused at load
            for name in parameter_names(text):
                if name not in declared:
                    message = f"no parameter {quote(name)} is declared, its marker stays in the text"
                    yield Finding(where, message, nearest(name, declared))


@DOUBTS
def unfinished_placeholder(definition: Definition) -> Iterator[Finding]:
    """A marker that is opened and not closed is sent as it is written."""
    for path, _ in each_set(definition):
        for where, text in texts_under(definition, path):
            if has_unfinished_marker(text):
                message = f"{quote(text)} holds a piece of a placeholder, which stays in the text"
                yield Finding(where, message, "write `^_^name^_^`, or `^o^name^o^` for a field of an earlier set")


@DOUBTS
def time_expression(definition: Definition) -> Iterator[Finding]:
    """What begins like a time expression and is none, or stands where none is read, stays as it is written."""
    for path, _, _ in each_http(definition):
        for where, text in texts_under(definition, path):
            if where[len(path)] not in ("params", "payload"):
                if has_times(text):
                    message = f"{quote(text)} stays as it is written"
                    yield Finding(where, message, "time expressions are read in `params` and `payload`")
            elif has_misspelt_time(text):
                message = f"{quote(text)} holds what is no time expression, and stays as it is written"
                yield Finding(where, message, "write one such as `${@date+1d}`; units are y M w d H m s")


@DOUBTS
def field_type(definition: Definition) -> Iterator[Finding]:
    """Types other than 0 to 3 are read as text."""
    for path, metric_set in each_set(definition):
        for index, spec in enumerate(metric_set.fields):
            if not 0 <= spec.type <= 3:
                message = f"unknown field type {spec.type}, read as text"
                yield Finding((*path, "fields", index, "type"), message, "0 number, 1 text, 2 secret, 3 time")


@DOUBTS
def calculate_form(definition: Definition) -> Iterator[Finding]:
    """An entry without ``=`` does nothing."""
    for path, metric_set in _collected(definition):
        for index, entry in enumerate(metric_set.calculates or ()):
            if entry is not None and "=" not in entry and not has_placeholder(entry):
                where = (*path, "calculates", index)
                yield Finding(where, f"{quote(entry)} calculates nothing", "write `field=expression`")


@DOUBTS
def calculate_field(definition: Definition) -> Iterator[Finding]:
    """A value for a field that the set does not have is dropped."""
    for path, metric_set in _collected(definition):
        names = _field_names(metric_set)
        for where, field, _ in _calculates(path, metric_set):
            if field not in names and not has_placeholder(field):
                yield Finding(where, f"calculates {quote(field)}, which is no field of the set", nearest(field, names))


@DOUBTS
def calculate_syntax(definition: Definition) -> Iterator[Finding]:
    """What is no expression is taken for the name of an alias."""
    for path, metric_set in _collected(definition):
        known = _aliases(metric_set)
        names = _known_names(known)
        for where, _, text in _calculates(path, metric_set):
            if has_placeholder(text) or text in known:
                continue
            fault = _facts(text, names).fault
            if fault is not None:
                message = f"{quote(text)} is no expression ({fault}) and no alias, the field stays empty"
                yield Finding(where, message, "mend the expression, or list the alias")


@DOUBTS
def unknown_name(definition: Definition) -> Iterator[Finding]:
    """An expression that reads what is no alias gives nothing."""
    for path, metric_set in _collected(definition):
        known = _aliases(metric_set)
        names = _known_names(known)
        for where, _, text in _calculates(path, metric_set):
            if has_placeholder(text) or text in known:
                continue
            for name in _facts(text, names).names:
                if name not in known and name.partition(".")[0] not in known:
                    yield Finding(where, f"reads {quote(name)}, which is no alias of the set", nearest(name, known))


@DOUBTS
def filter_syntax(definition: Definition) -> Iterator[Finding]:
    """A filter that is no expression is never true."""
    for path, metric_set in _collected(definition):
        for index, text in enumerate(metric_set.filters or ()):
            if text is None or has_placeholder(text):
                continue
            fault = _facts(text).fault
            if fault is not None:
                where = (*path, "filters", index)
                yield Finding(
                    where,
                    f"{quote(text)} is no expression ({fault}), so it keeps no row",
                    "mend the expression",
                )


@DOUBTS
def division_comment(definition: Definition) -> Iterator[Finding]:
    """``//`` divides in other languages; here it begins a comment. One that reads like a remark is taken for one."""
    for path, metric_set in _collected(definition):
        values = {*_aliases(metric_set), *(spec.field for spec in metric_set.fields)}
        for where, text in _expressions(path, metric_set):
            comment = _facts(text).comment
            divisor = re.match(r"//\s*([0-9(]|\w+)", comment or "")
            if comment and divisor and (not divisor[1][0].isalpha() or divisor[1] in values):
                yield Finding(where, f"{quote(comment)} is a comment and divides nothing", "write `/` to divide")


@DOUBTS
def expression_pattern(definition: Definition) -> Iterator[Finding]:
    """A pattern that does not compile fails its expression in every row."""
    from openai_monitor.definition.pattern import compile_pattern  # noqa: PLC0415 - loads RE2

    for path, metric_set in _collected(definition):
        for where, text in _expressions(path, metric_set):
            for pattern in _facts(text).patterns:
                try:
                    compile_pattern(pattern)
                except SyntaxFault as fault:
                    yield Finding(where, f"the pattern {quote(pattern)} never matches: {fault}")


@DOUBTS
def unfilled_field(definition: Definition) -> Iterator[Finding]:
    """A field that neither a calculate nor an alias fills is always empty."""
    for path, metric_set in _collected(definition):
        filled = {*_aliases(metric_set), *(field for _, field, _ in _calculates(path, metric_set))}
        if any(has_placeholder(text) for text in filled):
            continue
        for index, spec in enumerate(metric_set.fields):
            if spec.field and spec.field not in filled and not has_placeholder(spec.field):
                message = f"nothing fills field {quote(spec.field)}: no alias has its name, no calculate is for it"
                yield Finding((*path, "fields", index, "field"), message, f"add `{spec.field}=…` to `calculates`")


@DOUBTS
def unused_alias(definition: Definition) -> Iterator[Finding]:
    """An alias that no field and no calculate takes is read for nothing."""
    for path, metric_set in _collected(definition):
        names = _field_names(metric_set)
        expressions = "\n".join(text for _, _, text in _calculates(path, metric_set))
        if len(expressions) * len(metric_set.alias_fields or ()) > _MOST_COMPARISONS:
            continue
        for index, alias in enumerate(metric_set.alias_fields or ()):
            if not alias or alias in names or has_placeholder(alias) or alias in expressions:
                continue
            yield Finding(
                (*path, "aliasFields", index),
                f"alias {quote(alias)} fills no field",
                "remove it, or map it in `calculates`",
            )


@DOUBTS
def unit_pair(definition: Definition) -> Iterator[Finding]:
    """Units that are unknown, or of two kinds, leave the value as it is."""
    for path, metric_set in _collected(definition):
        names = _field_names(metric_set)
        for index, text in enumerate(metric_set.units or ()):
            entry = parse_unit_entry(text) if text and not has_placeholder(text) else None
            if entry is None:
                continue
            where = (*path, "units", index)
            if entry.field not in names:
                yield Finding(where, f"{quote(entry.field)} is no field of the set", nearest(entry.field, names))
            elif not converts(entry.source, entry.target):
                message = f"{quote(entry.source)} does not convert to {quote(entry.target)}, values stay"
                yield Finding(where, message, "known are B KB MB GB, Ki Mi Gi, NS US MS S MIN H D")


@DOUBTS
def plain_token(definition: Definition) -> Iterator[Finding]:
    """A key over plain HTTP can be read on its way; it is refused here unless the host is this machine."""
    secret = {name for name, spec in declared_names(definition).items() if spec.type == "password"}
    for path, metric_set, http in each_http(definition):
        used = {name for _, text in texts_under(definition, path) for name in parameter_names(text)}
        if _asks_in_clear(http) and (http.authorization is not None or used & secret):
            yield Finding((*path, "ssl"), f"{name_of(metric_set)} sends its key over plain HTTP", "set `ssl: true`")


@DOUBTS
def token_type(definition: Definition) -> Iterator[Finding]:
    """Only a parameter of type ``password`` is stored and shown as a secret."""
    declared = declared_names(definition)
    at = {spec.field: index for index, spec in enumerate(definition.params)}
    exposed = {
        name
        for _, _, http in each_http(definition)
        for name in _key_parameters(http)
        if name in declared and declared[name].type not in ("password", "key-value")
    }
    for name in sorted(exposed):
        kind = _type_of(declared[name])
        message = f"parameter {quote(name)} holds a key and has type {kind}: it is stored and shown in clear"
        yield Finding(("params", at[name], "type"), message, "use `type: password`")


@DOUBTS
def root_over_list(definition: Definition) -> Iterator[Finding]:
    """``$`` gives no rows where the answer is a list."""
    lists = {
        (http.host, http.url)
        for _, _, http in each_http(definition)
        if http.parse_type == "jsonPath" and (http.parse_script or "").startswith("$[")
    }
    for path, metric_set, http in each_http(definition):
        if http.parse_type != "jsonPath" or http.parse_script != "$":
            continue
        indexed = any(alias.startswith("$[") for alias in _aliases(metric_set))
        if indexed or (http.host, http.url) in lists:
            message = "`$` gives no rows when the answer is a list, as it seems to be"
            yield Finding((*path, "parseScript"), message, "write `$[*]`")


@DOUBTS
def dates_out_of_order(definition: Definition) -> Iterator[Finding]:
    """A span that ends before it begins is empty, or refused by the API."""
    for path, _, http in each_http(definition):
        values = {key.lower(): (key, text) for key, text in (http.params or {}).items() if text}
        for lowered, (key, text) in values.items():
            for begin, end in _SPANS:
                last = values.get(lowered.replace(begin, end, 1)) if begin in lowered else None
                if last is not None and _is_after(text, last[1]):
                    message = f"{quote(key)} is later than {quote(last[0])}"
                    yield Finding((*path, "params", key), message, "exchange them, or mend an offset")


def _collected(definition: Definition) -> Iterator[tuple[KeyPath, MetricSet]]:
    return (found for found in each_set(definition) if found[1].protocol in (None, "http"))


Names = dict[str, None]
"""Names in their order, each once."""


def _field_names(metric_set: MetricSet) -> Names:
    return dict.fromkeys(spec.field for spec in metric_set.fields if spec.field)


def _aliases(metric_set: MetricSet) -> Names:
    """What a set reads of its answer: its aliases, or its fields where it lists none."""
    aliases = (alias for alias in metric_set.alias_fields or () if alias is not None)
    return dict.fromkeys(aliases) or _field_names(metric_set)


def _known_names(aliases: Names) -> "KnownNames":
    from openai_monitor.definition.expression import known_names  # noqa: PLC0415 - only validation needs it here

    return known_names(tuple(aliases))


def _calculates(path: KeyPath, metric_set: MetricSet) -> Iterator[tuple[KeyPath, str, str]]:
    """The calculates with their paths: (path, field, expression)."""
    for index, entry in enumerate(metric_set.calculates or ()):
        field, equals, text = (entry or "").partition("=")
        if equals:
            yield (*path, "calculates", index), field.strip(), text.strip()


def _expressions(path: KeyPath, metric_set: MetricSet) -> Iterator[tuple[KeyPath, str]]:
    """The expressions in calculates and filters that are whole, with their paths."""
    filters = (((*path, "filters", index), text) for index, text in enumerate(metric_set.filters or ()))
    for where, text in (*((where, text) for where, _, text in _calculates(path, metric_set)), *filters):
        if text is not None and not has_placeholder(text):
            yield where, text


class _Facts(NamedTuple):
    """What is known of an expression: why it is none, or the names it reads and the patterns it matches with.

    ``comment`` is what follows a ``//``, with it.
    """

    fault: str | None
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    comment: str | None = None


@lru_cache(maxsize=20_000)
def _facts(text: str, known: "KnownNames | None" = None) -> _Facts:
    from openai_monitor.definition.expression import compile_expression  # noqa: PLC0415 - only validation needs it here
    from openai_monitor.definition.expression.lexer import slashes_in  # noqa: PLC0415 - likewise

    try:
        expression = compile_expression(text, known) if known else compile_expression(text)
    except SyntaxFault as fault:
        return _Facts(str(fault))
    patterns = tuple(pattern for pattern, _ in expression.patterns)
    return _Facts(None, tuple(sorted(expression.names)), patterns, slashes_in(text) if "//" in text else None)


def _asks_in_clear(http: Http) -> bool:
    host, ssl = http.host or "", http.ssl or "false"
    if _LOOPBACK.fullmatch(host) or host.lower().startswith("https://") or has_placeholder(ssl):
        return False
    return ssl.lower() != "true" or host.lower().startswith("http://")


def _key_parameters(http: Http) -> Iterator[str]:
    """The parameters that stand where a key does."""
    section = http.authorization
    texts = [section.bearer_token_token, section.basic_auth_password, section.digest_auth_password] if section else []
    texts += [text for name, text in (http.headers or {}).items() if _KEY_HEADER.search(name)]
    return (name for text in texts for name in parameter_names(text or ""))


def _type_of(spec: ParamSpec) -> str:
    return quote(spec.type) if spec.type else "none"


def _is_after(first: str, last: str) -> bool:
    """Whether two texts are moments, one of them at least counted from now, and the first is the later."""
    if not has_times(first) and not has_times(last):
        return False
    try:
        one, other = expand_times(first, _SOME_DAY), expand_times(last, _SOME_DAY)
    except EvaluationError:
        return False
    if one.isdecimal() and other.isdecimal():
        return int(one[:30]) > int(other[:30])
    return _shape(one) == _shape(other) and one > other


def _shape(moment: str) -> str:
    return re.sub(r"\d", "0", moment)
