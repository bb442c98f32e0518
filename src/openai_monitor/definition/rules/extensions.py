"""Our extensions to HertzBeat's language: what HertzBeat makes of each, and what of them fails here for certain."""

from collections.abc import Iterator

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import Http
from openai_monitor.definition.rules import Finding, Rules, each_http
from openai_monitor.definition.rules.failures import FAILURES
from openai_monitor.definition.rules.refusals import has_placeholder
from openai_monitor.definition.success import WORD
from openai_monitor.definition.timeexpr import has_times
from openai_monitor.definition.wording import quote
from openai_monitor.errors import ExpressionSyntaxError, PathSyntaxError

EXTENSIONS = Rules("warning")
"""Each finding is a use of an extension, which loads in HertzBeat and means something else there."""

_PATHS_OF_PAGES = ("next_page", "more_pages")


@EXTENSIONS
def extension(definition: Definition) -> Iterator[Finding]:
    """What only runs here as it is meant."""
    yield from _time_zones(definition)
    yield from _around_rows(definition)
    yield from _pages(definition)
    yield from _success(definition)
    yield from _expressions(definition)


@FAILURES
def around_row(definition: Definition) -> Iterator[Finding]:
    """An alias from around the row that does not compile fails its set, and so does one over a path with ``..``."""
    from openai_monitor.definition.path.lineage import (  # noqa: PLC0415 - loads jsonpath_ng
        compile_lineage,
        compile_lineage_alias,
    )

    for where, alias, http in _lineage_aliases(definition):
        script = http.parse_script or ""
        try:
            compile_lineage_alias(alias)
        except PathSyntaxError as fault:
            yield Finding(where, f"the set will fail: {fault}")
        try:
            if script and not has_placeholder(script):
                compile_lineage(script)
        except PathSyntaxError as fault:
            yield Finding((*where[:2], "http", "parseScript"), f"the set will fail: {fault}")


@FAILURES
def page_path(definition: Definition) -> Iterator[Finding]:
    """A path of the paging annotations that does not compile fails its set."""
    from openai_monitor.definition.path import compile_path  # noqa: PLC0415 - loads jsonpath_ng

    for key, value in _page_words(definition, _PATHS_OF_PAGES):
        try:
            compile_path(value)
        except PathSyntaxError as fault:
            yield Finding(("annotations", key), f"the set will fail: {fault}")


def _time_zones(definition: Definition) -> Iterator[Finding]:
    index = next((index for index, spec in enumerate(definition.params) if spec.field == "timezone"), None)
    if index is not None and has_times(definition.text):
        message = "`timezone` has no effect in HertzBeat: its time expressions follow the collector's own zone"
        yield Finding(("params", index), message, "run its collector with TZ set")


def _around_rows(definition: Definition) -> Iterator[Finding]:
    for where, alias, _ in _lineage_aliases(definition):
        message = f'alias "{quote(alias)[1:-1]}" is read from around the row; HertzBeat knows no such alias'
        there = "a calculate takes it for the text `key` there" if alias == "`key`" else "its fields are empty there"
        yield Finding(where, message, there)


def _pages(definition: Definition) -> Iterator[Finding]:
    for key, _ in _page_words(definition, ("next_page",)):
        name = quote(key.rpartition(".")[0])
        message = f"all pages of metric set {name} are asked for here; HertzBeat reads the first"
        yield Finding(("annotations", key), message, "ask for as many entries a page as the API gives")


def _success(definition: Definition) -> Iterator[Finding]:
    for key, value in _page_words(definition, (WORD,)):
        name = quote(key.rpartition(".")[0])
        message = f"metric set {name} fails here unless {quote(value)}; HertzBeat takes any answer of status 200"
        yield Finding(("annotations", key), message, "its fields are empty there when the answer is a failure")


def _expressions(definition: Definition) -> Iterator[Finding]:
    from openai_monitor.definition.expression import (  # noqa: PLC0415 - only validation needs it here
        compile_expression,
        known_names,
    )

    for path, metric_set, _ in each_http(definition):
        known = known_names(tuple(alias for alias in metric_set.alias_fields or () if alias))
        for index, entry in enumerate(metric_set.calculates or ()):
            text = (entry or "").partition("=")[2].strip()
            where = (*path[:-1], "calculates", index)
            try:
                expression = compile_expression(text, known)
            except ExpressionSyntaxError:
                continue
            for name in sorted(expression.aggregates):
                message = f"`{name}` is a function of this program: HertzBeat has none of this name"
                yield Finding(where, message, "the field is empty there")
            for alias in sorted(expression.spelled if not expression.aggregates else ()):
                if not alias.startswith("`") and (alias != text or _is_constant(text)):
                    there = "a constant" if alias == text else "something else"
                    message = f"{quote(alias)} is the alias here and {there} in HertzBeat"
                    yield Finding(where, message, f"write {_get(alias)}, which both read alike")


def _is_constant(text: str) -> bool:
    from openai_monitor.definition.expression import compile_expression  # noqa: PLC0415 - as above

    try:
        return not compile_expression(text).names
    except ExpressionSyntaxError:
        return False


def _get(alias: str) -> str:
    quotation = "'" if '"' in alias else '"'
    return f"get({quotation}{alias}{quotation})"


def _lineage_aliases(definition: Definition) -> Iterator[tuple[KeyPath, str, Http]]:
    for path, metric_set, http in each_http(definition):
        if http.parse_type == "jsonPath":
            for index, alias in enumerate(metric_set.alias_fields or ()):
                if alias and alias.startswith("`") and not has_placeholder(alias):
                    yield (*path[:-1], "aliasFields", index), alias, http


def _page_words(definition: Definition, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The annotations of a metric set with these words."""
    sets = {metric_set.name or "" for metric_set in definition.sets}
    for key, value in (definition.document.annotations or {}).items():
        name, dot, word = key.rpartition(".")
        if dot and word in words and name in sets and value:
            yield key, value
