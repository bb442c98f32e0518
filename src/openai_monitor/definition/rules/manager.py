"""What HertzBeat's manager demands of a custom definition, its rules only: one function a rule."""

import re
from collections.abc import Iterator

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import I18n, read_priority
from openai_monitor.definition.rules import Finding, Rules, each_set
from openai_monitor.definition.rules.refusals import declared_names, name_of
from openai_monitor.definition.wording import quote
from openai_monitor.definition.yaml.tree import Scalar, follow, strict_syntax_problem

DEMANDS = Rules("error")
"""Each finding is a reason for HertzBeat's manager to refuse the definition."""

REMARKS = Rules("warning")
"""What HertzBeat takes and does differently from here."""

FORBIDDEN_WORDS = (
    *("!!", "ScriptEngine", "ClassLoader", "GroovyShell", "AnnotationConfigApplicationContext"),
    *("FileSystemXmlApplicationContext", "GenericXmlApplicationContext", "GenericGroovyApplicationContext"),
    *("XmlWebApplicationContext", "ClassPathXmlApplicationContext"),
    *("MarshalOutputStream", "InflaterOutputStream", "FileOutputStream"),
)
KEYWORDS = frozenset(
    (
        *(
            "empty",
            "size",
            "null",
            "true",
            "false",
            "not",
            "and",
            "or",
            "eq",
            "ne",
            "lt",
            "gt",
            "le",
            "ge",
            "div",
            "mod",
        ),
        *("if", "else", "for", "while", "do", "break", "continue", "return", "var", "new", "function", "in"),
    )
)
RESERVED = "instance"
_OLDEST = "1.6.1"
_SINCE = {
    **dict.fromkeys(("annotations", "labels", "metadata", "intervals", "defaultInterval", "sd"), "1.7.0"),
    "prometheusProxyMode": "1.7.2",
    **dict.fromkeys(("cronExpression", "scheduleType"), "1.8.0"),
}
_SINCE_IN_SET = dict.fromkeys(("filters", "interval", "collectTime"), "1.7.0")
_SINCE_IN_HTTP = {"enableUrlEncoding": "1.7.0"}
"""The release that first has a property for a key, by the releases' own classes; those before refuse the file."""

_MOST_ALIASES = 50
_LONGEST_PARSED_TWICE = 100_000


@DEMANDS
def no_app(definition: Definition) -> Iterator[Finding]:
    """The definition's name."""
    if definition.document.app is None:
        yield Finding((), "no `app`, which HertzBeat demands", "add `app:` with the definition's name")


@DEMANDS
def no_category(definition: Definition) -> Iterator[Finding]:
    """The menu it stands in."""
    if definition.document.category is None:
        yield Finding((), "no `category`, which HertzBeat demands", "add `category: custom`")


@DEMANDS
def no_name(definition: Definition) -> Iterator[Finding]:
    """What people see."""
    if not definition.document.name:
        yield Finding(("name",), "no `name`, which HertzBeat demands", "add `name: {en-US: …}`")


@DEMANDS
def no_params(definition: Definition) -> Iterator[Finding]:
    """At least one parameter."""
    if not definition.params:
        yield Finding(("params",), "no `params`, which HertzBeat demands", "add `- field: host` with `type: host`")


@DEMANDS
def no_host_parameter(definition: Definition) -> Iterator[Finding]:
    """One of them is ``host``."""
    if definition.params and "host" not in declared_names(definition):
        yield Finding(
            ("params",),
            "no parameter `host`, which HertzBeat demands",
            "add `- field: host` with `type: host`",
        )


@DEMANDS
def no_metrics(definition: Definition) -> Iterator[Finding]:
    """At least one metric set."""
    if not definition.sets:
        yield Finding(("metrics",), "no metric set, HertzBeat demands one", "add one of priority 0")


@DEMANDS
def no_availability(definition: Definition) -> Iterator[Finding]:
    """One set has priority 0; the manager breaks on a set without a priority that stands before it."""
    for path, metric_set in each_set(definition):
        if (metric_set.priority + 128) % 256 == 128:
            return
        if not _gives_priority(definition, path):
            message = f"{name_of(metric_set)} has no priority and stands before priority 0: HertzBeat breaks on it"
            yield Finding((*path, "priority"), message, "add `priority: 1`, or move it down")
            return
    if definition.sets:
        yield Finding(
            ("metrics",),
            "no metric set has priority 0, HertzBeat demands one",
            "give it to the set that tells whether the API answers",
        )


def _gives_priority(definition: Definition, path: KeyPath) -> bool:
    *_, (_, node) = follow(definition.tree.root, (*path, "priority"))
    try:
        return type(node) is Scalar and read_priority(node.value) is not None
    except ValueError:
        return False


@DEMANDS
def no_fields(definition: Definition) -> Iterator[Finding]:
    """Every set has fields."""
    for path, metric_set in each_set(definition):
        if not metric_set.fields:
            hint = "add `fields:` with a `field` and a `type` each"
            yield Finding((*path, "fields"), f"{name_of(metric_set)} has no fields", hint)


@DEMANDS
def blank_i18n(definition: Definition) -> Iterator[Finding]:
    """No text for people is blank."""
    for path, texts in _texts_for_people(definition):
        for language, text in (texts or {}).items():
            if text is None or not text.strip():
                yield Finding(
                    (*path, language),
                    f"the text for {quote(language)} is blank, which HertzBeat refuses",
                    "fill it in, or remove it",
                )


@DEMANDS
def duplicate_field(definition: Definition) -> Iterator[Finding]:
    """The fields of a set have names of their own."""
    for path, metric_set in each_set(definition):
        seen: set[str | None] = set()
        for index, spec in enumerate(metric_set.fields):
            if spec.field in seen:
                where = (*path, "fields", index, "field")
                yield Finding(where, f"another field is called {quote(spec.field or '')} too", "rename one")
            seen.add(spec.field)


@DEMANDS
def field_word(definition: Definition) -> Iterator[Finding]:
    """The name of a field is no word of the expression language, and not ``instance``."""
    for where, name in _fields(definition):
        if name in KEYWORDS or name == RESERVED:
            yield Finding(where, f"HertzBeat refuses the field name {quote(name)}, a reserved word", "rename the field")


@DEMANDS
def field_start(definition: Definition) -> Iterator[Finding]:
    """It begins with a letter of a to z, ``_`` or ``$``."""
    for where, name in _fields(definition):
        if not name:
            yield Finding(where, "HertzBeat breaks on a field without a name", "add `field:`")
        elif not re.match(r"[A-Za-z_$]", name):
            message = f"HertzBeat refuses the field name {quote(name)}, which must begin with a letter, `_` or `$`"
            yield Finding(where, message, "rename the field")


@DEMANDS
def field_blank(definition: Definition) -> Iterator[Finding]:
    """It holds no blanks."""
    for where, name in _fields(definition):
        if re.search(r"\s", name.strip()):
            yield Finding(
                where,
                f"HertzBeat refuses the field name {quote(name)}, which holds a blank",
                "rename the field",
            )


@DEMANDS
def forbidden_text(definition: Definition) -> Iterator[Finding]:
    """Some words may not stand anywhere in the file, comments included."""
    for word in FORBIDDEN_WORDS:
        start = definition.text.find(word)
        if start >= 0:
            before = definition.text[:start]
            at = before.count("\n") + 1, start - before.rfind("\n")
            yield Finding((), f"HertzBeat refuses a file with {quote(word)} in it", "remove it, also from comments", at)


@DEMANDS
def aliases(definition: Definition) -> Iterator[Finding]:
    """HertzBeat's YAML reader follows so many aliases of lists and mappings."""
    if definition.tree.aliases > _MOST_ALIASES:
        message = f"{definition.tree.aliases} aliases of mappings and lists, HertzBeat takes {_MOST_ALIASES}"
        yield Finding((), message, "write some of them out")


@DEMANDS
def strict_yaml(definition: Definition) -> Iterator[Finding]:
    """HertzBeat's YAML reader refuses some of what others take, such as a tab after a key."""
    if len(definition.text) > _LONGEST_PARSED_TWICE:
        return
    problem = strict_syntax_problem(definition.text, definition.file)
    if problem is not None:
        message = f"HertzBeat's YAML reader stops here: {problem.message}"
        yield Finding((), message, problem.hint, (problem.line, problem.column))


@REMARKS
def needs_release(definition: Definition) -> Iterator[Finding]:
    """A key that a release does not know has it refuse the whole file."""
    for path, release in _newer_keys(definition):
        message = f"`{path[-1]}` needs HertzBeat {release} or newer"
        hint = "use comments to load in 1.6 too" if path == ("annotations",) else "older ones refuse the file"
        yield Finding(path, message, hint)


def oldest_release(definition: Definition) -> str:
    """The oldest HertzBeat, from 1.6.1 on, that loads the definition."""
    return max((release for _, release in _newer_keys(definition)), default=_OLDEST)


def _newer_keys(definition: Definition) -> Iterator[tuple[KeyPath, str]]:
    """The keys of the file that came after 1.6.1, each with its release."""
    paths: list[tuple[KeyPath, dict[str, str]]] = [((), _SINCE)]
    for path, _ in each_set(definition):
        paths += [(path, _SINCE_IN_SET), ((*path, "http"), _SINCE_IN_HTTP)]
    for path, since in paths:
        for key, release in since.items():
            if definition.has(*path, key):
                yield (*path, key), release


def _fields(definition: Definition) -> Iterator[tuple[KeyPath, str]]:
    for path, metric_set in each_set(definition):
        for index, spec in enumerate(metric_set.fields):
            yield (*path, "fields", index, "field"), spec.field or ""


def _texts_for_people(definition: Definition) -> Iterator[tuple[KeyPath, I18n | None]]:
    document = definition.document
    yield from ((("name",), document.name), (("help",), document.help), (("helpLink",), document.help_link))
    for index, param in enumerate(definition.params):
        yield ("params", index, "name"), param.name
    for path, metric_set in each_set(definition):
        yield (*path, "i18n"), metric_set.i18n
        for index, spec in enumerate(metric_set.fields):
            yield (*path, "fields", index, "i18n"), spec.i18n
