"""What loads and fails its metric set for certain, while the other sets run: one function a rule."""

from collections.abc import Callable, Iterator

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import METHODS, Http, MetricSet
from openai_monitor.definition.placeholder import row_fields
from openai_monitor.definition.rules import Finding, Rules, each_http, each_set
from openai_monitor.definition.rules.refusals import has_placeholder, name_of
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.definition.yaml.tree import Mapping, Scalar, follow
from openai_monitor.errors import SyntaxFault

FAILURES = Rules("error")

MEASURED = ("responseTime", "keyword")
"""Aliases that no answer holds: they are measured."""


@FAILURES
def other_protocol(definition: Definition) -> Iterator[Finding]:
    """Only http is collected here."""
    for path, metric_set in each_set(definition):
        if metric_set.protocol not in (None, "http"):
            message = f"protocol {quote(metric_set.protocol)} is not collected here, the set will fail"
            yield Finding((*path, "protocol"), message, "let a HertzBeat collector run this set")


@FAILURES
def no_http(definition: Definition) -> Iterator[Finding]:
    """The section says what to ask."""
    for path, metric_set in each_set(definition):
        if metric_set.protocol == "http" and metric_set.http is None:
            hint = "add `http:` with `host`, `port`, `url` and `method`"
            yield Finding((*path, "http"), f"{name_of(metric_set)} has no `http` section, it will fail", hint)


@FAILURES
def no_host(definition: Definition) -> Iterator[Finding]:
    """Without a host there is nobody to ask."""
    for path, metric_set, http in each_http(definition):
        if http.host is None:
            yield Finding((*path, "host"), f"{name_of(metric_set)} has no host to ask", "add `host: ^_^host^_^`")


@FAILURES
def port(definition: Definition) -> Iterator[Finding]:
    """A port is a number; an empty text is the scheme's own."""
    for path, metric_set, http in each_http(definition):
        if http.port is None:
            message = f"{name_of(metric_set)} has no port, it will fail"
        elif http.port == "" or has_placeholder(http.port) or _is_port(http.port):
            continue
        else:
            message = f"no port is {quote(http.port)}, the set will fail"
        yield Finding((*path, "port"), message, "write `^_^port^_^`, or a number from 1 to 65535")


@FAILURES
def method(definition: Definition) -> Iterator[Finding]:
    """HertzBeat, too, sends nothing without one of its methods."""
    for path, metric_set, http in each_http(definition):
        if http.method is None:
            yield Finding((*path, "method"), f"{name_of(metric_set)} has no method, it will fail", "add `method: GET`")
        elif http.method.upper() not in METHODS and not has_placeholder(http.method):
            yield Finding((*path, "method"), f"unknown method {quote(http.method)}", nearest(http.method, METHODS))


@FAILURES
def field_name(definition: Definition) -> Iterator[Finding]:
    """A field without a name fails its set."""
    for path, metric_set in each_set(definition):
        for index, spec in enumerate(metric_set.fields):
            if not spec.field:
                yield Finding(
                    (*path, "fields", index, "field"),
                    "a field without a name",
                    "add `field:`, or quote the word null",
                )


@FAILURES
def json_path(definition: Definition) -> Iterator[Finding]:
    """A path that does not compile fails its set before anything is asked."""
    from openai_monitor.definition.path import compile_path  # noqa: PLC0415 - loads jsonpath_ng

    for path, metric_set, http in each_http(definition):
        if http.parse_type == "jsonPath":
            for where, text in _selectors(path, metric_set, http):
                if where[-1] == "parseScript" or text.startswith("$."):
                    yield from _fault(where, text, compile_path)


@FAILURES
def xml_path(definition: Definition) -> Iterator[Finding]:
    """The same for XPath."""
    from openai_monitor.definition.xpath import compile_xpath  # noqa: PLC0415 - loads lxml

    for path, metric_set, http in each_http(definition):
        if http.parse_type == "xmlPath":
            for where, text in _selectors(path, metric_set, http):
                yield from _fault(where, text, compile_xpath)


@FAILURES
def pattern(definition: Definition) -> Iterator[Finding]:
    """The same for the regular expression in ``keyword``."""
    from openai_monitor.definition.pattern import compile_pattern  # noqa: PLC0415 - loads RE2

    for path, _, http in each_http(definition):
        if http.keyword and not has_placeholder(http.keyword):
            yield from _fault((*path, "keyword"), http.keyword, compile_pattern)


@FAILURES
def row_placeholder(definition: Definition) -> Iterator[Finding]:
    """``^o^name^o^`` takes a field of a set that runs earlier; where none has it, the set fails."""
    first: dict[str, int] = {}
    for metric_set in definition.sets:
        for spec in metric_set.fields:
            if spec.field:
                first[spec.field] = min(metric_set.priority, first.get(spec.field, metric_set.priority))
    for path, metric_set in each_set(definition):
        for name in sorted(row_fields(metric_set)):
            if name in first and first[name] < metric_set.priority:
                continue
            message = f"`^o^{name}^o^` takes a field that no earlier set has"
            earlier = sorted(known for known, priority in first.items() if priority < metric_set.priority)
            hint = nearest(name, earlier) or "give the set that has it a lower priority"
            yield Finding(_first_use(definition, path, f"^o^{name}^o^"), message, hint)


def texts_under(definition: Definition, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """All texts below a path of the file but those for people; a key counts as standing at its value."""
    *_, (_, root) = follow(definition.tree.root, path)
    left = [(path, root)]
    while left:
        where, node = left.pop()
        if isinstance(node, Scalar):
            if node.value is not None:
                yield where, node.value
        elif isinstance(node, Mapping):
            for key, entry in node.entries.items():
                if key != "i18n":
                    yield (*where, key), key
                    left.append(((*where, key), entry.value))
        else:
            left += [((*where, index), item) for index, item in enumerate(node.items)]


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12 and 0 < int(text) <= 65535


def _first_use(definition: Definition, path: KeyPath, marker: str) -> KeyPath:
    return min(
        (where for where, text in texts_under(definition, path) if marker in text),
        default=path,
        key=definition.position,
    )


def _selectors(path: KeyPath, metric_set: MetricSet, http: Http) -> Iterator[tuple[KeyPath, str]]:
    """The texts that select something in an answer: parseScript and the aliases that are not measured."""
    if http.parse_script and http.parse_script.strip() and not has_placeholder(http.parse_script):
        yield (*path, "parseScript"), http.parse_script
    for index, alias in enumerate(metric_set.alias_fields or ()):
        if alias and alias not in MEASURED and not has_placeholder(alias):
            yield (*path[:-1], "aliasFields", index), alias


def _fault(where: KeyPath, text: str, compiles: Callable[[str], object]) -> Iterator[Finding]:
    try:
        compiles(text)
    except SyntaxFault as fault:
        yield Finding(where, f"the set will fail: {fault}")
