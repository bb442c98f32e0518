"""A first definition, drafted from a sample answer: what is in it, and what its author has to look at."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from openai_monitor.authoring.sample import MOST_TABLES, Column, Table, find_tables
from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.more import compile_more
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.definition.expression import compile_expression
from openai_monitor.definition.lint import validate, validate_for_hertzbeat
from openai_monitor.definition.model import Http
from openai_monitor.definition.rules.manager import KEYWORDS, RESERVED
from openai_monitor.definition.yaml.scalars import NOTHING
from openai_monitor.errors import CollectionError, ExpressionSyntaxError, ParameterError, SettingsError

_NAME = re.compile(r"[A-Za-z][\w.-]{0,62}", re.ASCII)
_PLAIN = re.compile(r"[\w/$^.][\w/$^.*\[\]=()'@?&+%-]*", re.ASCII)
_KEY_IN_QUERY = re.compile(r"key|token|secret|auth|sig", re.IGNORECASE)
_LABEL = re.compile(r"(?:.*[._ -])?(?:id|name|model|key|title|code|symbol|currency|region|email)", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)
_FIRST = "0 runs first; when it fails, the round ends."
_AFTERWARDS = "Asks the same address again."
_LONGEST_FIELD = 60
_MOST_LEFT_OUT = 10


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API is asked. ``query`` are the parameters of the URL, ``secret`` the names of those that hold keys."""

    host: str | None = None
    port: int = 443
    tls: bool = True
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    secret: frozenset[str] = frozenset()


def read_address(url: str) -> Address:
    """The parts of a URL. Raises ParameterError for what is none; the message does not repeat it, it may hold a key."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ParameterError("--url takes a web address such as https://api.example.com/v1/queues") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or "^" in url:
        raise ParameterError("--url takes a web address such as https://api.example.com/v1/queues")
    if parts.username is not None:
        raise ParameterError("--url holds a user: leave it out, keys are parameters of the definition")
    tls = parts.scheme == "https"
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    secret = frozenset(name for name, _ in query if _KEY_IN_QUERY.search(name))
    return Address(parts.hostname, port or (443 if tls else 80), tls, unquote(parts.path) or "/", query, secret)


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a definition, and the name of its main metric set."""

    text: str
    main: str


def draft(name: str, body: bytes, address: Address | None = None) -> Draft:
    """A definition called ``name`` for answers like this one.

    Raises ParameterError for a name that can't be one, SettingsError when there is nothing to collect in the answer.
    """
    if not _NAME.fullmatch(name):
        raise ParameterError(f"{name!r} can't be the name of a definition: use letters, digits, `_`, `-` and `.`")
    answer = Answer(200, Headers(()), body, 0, "")
    try:
        tables = find_tables(read_json(answer))
    except CollectionError as error:
        raise SettingsError(f"no definition can be drafted: {error}") from None
    if not tables:
        raise SettingsError("no definition can be drafted: the answer holds no object with a value in it")
    writer = _Writer(name, address or Address(), tables[:MOST_TABLES], tables[MOST_TABLES:], answer)
    text = "".join(f"{line}\n" for line in writer.lines())
    _check(text, name)
    return Draft(text, writer.main)


def _check(text: str, name: str) -> None:
    problems = (*validate(text, f"{name}.yml"), *validate_for_hertzbeat(text, f"{name}.yml"))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise SettingsError(f"no definition can be drafted from this answer: {errors[0].message}")


@dataclass(frozen=True, slots=True)
class _Writer:
    name: str
    address: Address
    tables: Sequence[Table]
    others: Sequence[Table]
    answer: Answer

    @property
    def main(self) -> str:
        """The name of the first metric set."""
        return _set_name(self.tables[0], self.name)

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield from self._pages()
        yield from self._params()
        yield ""
        yield "metrics:"
        for number, (set_name, table) in enumerate(self._named_tables()):
            yield from self._metric_set(table, set_name, number)
        for table in self.others[:_MOST_LEFT_OUT]:
            yield f"  # Also in the answer: {_comment(table.path)}, {_count(table)}."
        if len(self.others) > _MOST_LEFT_OUT:
            yield f"  # And {len(self.others) - _MOST_LEFT_OUT} more."

    def _head(self) -> Iterator[str]:
        name = self.name
        yield f"# {name}: a first definition, drafted from a saved answer. Names, types and labels are guesses."
        yield "#"
        yield f"#     openai-monitor validate {name}.yml"
        yield f"#     openai-monitor test {name}.yml --metrics {self.main} --response answer.json --explain"
        yield f"#     openai-monitor collect --define {name}.yml"
        yield "#"
        yield "# Editors complete and explain the keys when the first line here is"
        yield "# `# yaml-language-server: $schema=definition.schema.json`, a file that `openai-monitor schema` writes."
        yield "category: custom"
        yield f"app: {_scalar(name)}"
        yield "name:"
        yield f"  en-US: {_scalar(name)}"
        yield ""

    def _named_tables(self) -> list[tuple[str, Table]]:
        names: set[str] = set()
        return [(_unused(_set_name(table, self.name), names), table) for table in self.tables]

    def _pages(self) -> Iterator[str]:
        """The annotations that read all pages, where the sample has a cursor; else a remark on its signs of more."""
        lines: list[str] = []
        for set_name, table in self._named_tables():
            signs = compile_more(Http(parse_type="jsonPath", parse_script=table.path), (), set_name)
            if signs is None:
                continue
            if (found := signs.cursor(self.answer)) is not None:
                path, parameter, flag = found
                lines.append(f"  {_scalar(f'{set_name}.next_page')}: {_scalar(path)}")
                lines.append(f"  {_scalar(f'{set_name}.page_parameter')}: {parameter}")
                lines += [f"  {_scalar(f'{set_name}.more_pages')}: {_scalar(flag)}"] if flag else []
            elif said := signs.sign(self.answer):
                yield f"# {_comment(said)}."
        if lines:
            yield "# The sample is a page of several. These have all of them read here; HertzBeat, from 1.7.0 on, reads"
            yield "# the first. Check what the API calls the query parameter that takes the cursor."
            yield "annotations:"
            yield from lines
            yield ""

    def _params(self) -> Iterator[str]:
        address = self.address
        yield "# What a monitor of this definition is told; ^_^host^_^ below stands for the parameter `host`."
        yield "params:"
        yield from _param("host", "Host", "host", required=True, default=address.host)
        yield from _param(
            "port", "Port", "number", required=True, default=str(address.port), extra="range: '[0,65535]'"
        )
        yield from _param("ssl", "HTTPS", "boolean", required=False, default="true" if address.tls else "false")
        yield "  # No key needed? Remove this parameter, and what takes ^_^token^_^ below."
        yield from _param("token", "Key", "password", required=True)

    def _metric_set(self, table: Table, set_name: str, number: int) -> Iterator[str]:
        fields = _fields_of(table)
        if number:
            yield ""
        yield f"  # {_comment(table.path)}: {_count(table)} in the sample."
        yield f"  - name: {_scalar(set_name)}"
        yield f"    # {_AFTERWARDS if number else _FIRST}"
        yield f"    priority: {min(number, 1)}"
        yield "    fields:"
        for each in fields:
            yield f"      - field: {_scalar(each.name)}"
            yield f"        type: {0 if each.is_number else 1}{each.remark}"
            if each.label:
                yield "        # A label tells the rows apart."
                yield "        label: true"
        yield "    # What is read from each row: keys of it, or paths that begin with `$.`."
        yield "    aliasFields:"
        yield from (f"      - {_scalar(each.column.alias)}" for each in fields)
        mapped = [f"      - {_scalar(f'{each.name}={each.source}')}" for each in fields if each.name != each.source]
        if mapped:
            yield "    calculates:"
            yield from mapped
        yield from (f"    # Left out: {_comment(text)}." for text in table.left_out[:_MOST_LEFT_OUT])
        yield from self._http(table, number)

    def _http(self, table: Table, number: int) -> Iterator[str]:
        yield "    protocol: http"
        if number > 0:
            yield "    http:"
            yield "      <<: *api"
        else:
            yield from self._request()
        yield f"      parseScript: {_scalar(table.path)}"

    def _request(self) -> Iterator[str]:
        address = self.address
        yield "    http: &api"
        yield "      host: ^_^host^_^"
        yield "      port: ^_^port^_^"
        yield "      ssl: ^_^ssl^_^"
        if address.host is None:
            yield "      # The path of the API, and `params:` for its query."
        yield f"      url: {_scalar(address.path)}"
        if address.query:
            yield "      params:"
            for name, value in dict(address.query).items():
                yield f"        {_scalar(name)}: {'^_^token^_^' if name in address.secret else _scalar(value)}"
        yield "      method: GET"
        if not address.secret:
            yield "      authorization:"
            yield "        type: Bearer Token"
            yield "        bearerTokenToken: ^_^token^_^"
        yield "      parseType: jsonPath"


@dataclass(frozen=True, slots=True)
class _Field:
    """A column with the name of its field and the right side of its calculate, which is the name when there is none."""

    name: str
    column: Column
    source: str
    label: bool

    @property
    def is_number(self) -> bool:
        return self.column.is_number or self._is_quoted_number

    @property
    def _is_quoted_number(self) -> bool:
        values = [value for value in self.column.values if value is not None]
        return bool(values) and all(isinstance(value, str) and _DECIMAL.fullmatch(value) for value in values)

    @property
    def remark(self) -> str:
        if all(value is None for value in self.column.values):
            return "  # null in the sample"
        return "  # a text in the sample, which reads as a number" if self._is_quoted_number else ""


def _set_name(table: Table, name: str) -> str:
    return _identifier(table.keys[-1:] or (name,))


def _fields_of(table: Table) -> list[_Field]:
    taken: set[str] = set()
    label = _label_of(table) if table.many else None
    return [
        _Field(_unused(_identifier(column.keys), taken), column, _source(column.alias), column is label)
        for column in table.columns
    ]


def _label_of(table: Table) -> Column | None:
    texts = [column for column in table.columns if column.is_text]
    named = (column for column in texts if _LABEL.fullmatch(column.alias))
    distinct = (column for column in texts if len(set(column.values)) == table.size > 1)
    return next(named, None) or next(distinct, None)


def _source(alias: str) -> str:
    """The expression that is the value of this alias, whatever signs are in it."""
    try:
        alone = compile_expression(alias).names == {alias}
    except ExpressionSyntaxError:
        alone = False
    return alias if alone else f"get('{alias}')"


def _identifier(keys: Sequence[str]) -> str:
    """A name for a field or set that HertzBeat takes and that an expression can hold."""
    name = re.sub(r"\W+", "_", "_".join(keys), flags=re.ASCII).strip("_")[:_LONGEST_FIELD]
    if not re.match(r"[A-Za-z]", name):
        name = f"f_{name}"
    return f"{name}_value" if name in KEYWORDS or name == RESERVED else name


def _unused(name: str, taken: set[str]) -> str:
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _param(
    name: str, title: str, kind: str, *, required: bool, default: str | None = None, extra: str = ""
) -> Iterator[str]:
    yield f"  - field: {name}"
    yield "    name:"
    yield f"      en-US: {title}"
    yield f"    type: {kind}"
    if extra:
        yield f"    {extra}"
    yield f"    required: {'true' if required else 'false'}"
    if default is not None:
        yield f"    defaultValue: {_scalar(default)}"


def _count(table: Table) -> str:
    return f"{table.size} row{'s' if table.size != 1 else ''}"


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _scalar(text: str) -> str:
    """A YAML scalar with exactly this text."""
    if _PLAIN.fullmatch(text) and text not in NOTHING:
        return text
    if text.isprintable() and text:
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text)
