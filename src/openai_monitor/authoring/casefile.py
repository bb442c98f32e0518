"""Tests beside definitions: reading ``NAME.test.yml``.

::

    definition: openai.yml            # optional: the definition; without it NAME.yml beside this file
    params: {token: sess-fake}        # optional, and for one test too: parameters as text
    at: 2026-11-22T12:00:00Z          # optional, and for one test too: the clock of now()
    tests:
      - name: cents become dollars
        metrics: model_cost           # the metric set
        status: 200                   # optional
        headers: {Retry-After: 30}    # optional
        row: {id: 7}                  # optional: values for ^o^id^o^
        response: {total: 1}          # a mapping or list is sent as JSON, a text as it is
        response_file: usage.json     # instead of `response`: a file beside this one
        expect:
          rows:                       # every row in its order; fields that are not named are not compared
            - {model_name: GPT-4, cost: 0.01}
          warning: next page          # optional: a part of a warning
          error: HTTP 401             # instead of `rows`: the set fails, with this in its message

Keys that are not in this list, keys that stand twice and values of another kind are refused with their place.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from openai_monitor.authoring.inline_json import json_text
from openai_monitor.authoring.saved import read_saved
from openai_monitor.definition.load import decode, read_bytes
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.definition.yaml.tree import Entry, Node, Scalar, Sequence, read_tree
from openai_monitor.definition.yaml.tree import Mapping as YamlMapping
from openai_monitor.errors import DefinitionError, Problem, SettingsError

SUFFIX = ".test"

Texts = dict[str, str | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """Cells by field name as they are written, None for no value; ``line`` is where the row stands."""

    cells: Texts
    line: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What a test expects: either the rows, or a part of the message with which the set fails."""

    rows: tuple[ExpectedRow, ...] | None
    error: str | None
    warning: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: an answer, and what a metric set has to make of it."""

    name: str
    metrics: str
    body: bytes = field(repr=False)
    line: int
    column: int
    expect: Expected
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    params: Texts = field(default_factory=dict, repr=False)
    row: dict[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The tests of one definition."""

    file: str
    definition: Path
    cases: tuple[Case, ...]


def read_case_file(path: Path) -> CaseFile:
    """Read a test file. Raises DefinitionError with all problems that were found, each with its place."""
    file = str(path)
    tree = read_tree(decode(read_bytes(path), file), file)
    reader = _Reader(path)
    for key, earlier in tree.repeated:
        reader.complain(key, "repeated-key", f"{quote(key.value or '')} stands at {earlier.line}:{earlier.column} too")
    result = reader.file(tree.root)
    if reader.problems or result is None:
        raise DefinitionError(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return result


class _Refused(Exception):
    """This part of the file can't be read further."""


class _Reader:
    """Reads the parts of a file and notes every problem, so that all are told at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def complain(self, node: Node, rule: str, message: str, hint: str = "") -> None:
        """Note a problem at a node."""
        self.problems.append(Problem(str(self._path), node.line, node.column, "error", rule, message, hint=hint))

    def refuse(self, node: Node, rule: str, message: str, hint: str = "") -> _Refused:
        """Note a problem that ends the reading of this part."""
        self.complain(node, rule, message, hint)
        return _Refused()

    def attempt(self, read: Callable[[Node], T], entries: Mapping[str, Entry], key: str) -> T | None:
        """Read the value of a key, if it is there; None also when it could not be read, which is noted."""
        try:
            return read(entries[key].value) if key in entries else None
        except _Refused:
            return None

    def file(self, root: Node) -> CaseFile | None:
        """The whole file."""
        try:
            entries = self.keys(root, ("definition", "params", "at", "tests"), "a test file")
            tests = self.required(entries, root, "tests", self.items)
        except _Refused:
            return None
        shared = _Shared(self.attempt(self.texts, entries, "params") or {}, self.attempt(self.moment, entries, "at"))
        cases = [case for node in tests if (case := self.case(node, shared)) is not None]
        if not tests:
            self.complain(entries["tests"].key, "empty", "no tests", "begin one with `- name: …`")
        return CaseFile(str(self._path), self.definition(entries), tuple(cases))

    def definition(self, entries: Mapping[str, Entry]) -> Path:
        """The definition that is tested."""
        if (named := self.attempt(self.text, entries, "definition")) is not None:
            return self._path.parent / named
        return self._path.with_name(self._path.stem.removesuffix(SUFFIX) + self._path.suffix)

    def case(self, node: Node, shared: "_Shared") -> Case | None:
        """One test; None when it can't be read, which is noted."""
        known = ("name", "metrics", "status", "headers", "params", "row", "at", "response", "response_file", "expect")
        try:
            entries = self.keys(node, known, "a test")
            return Case(
                name=self.required(entries, node, "name", self.text),
                metrics=self.required(entries, node, "metrics", self.text),
                body=self.body(entries, node),
                line=node.line,
                column=node.column,
                expect=self.required(entries, node, "expect", self.expected),
                status=self.attempt(self.status, entries, "status") or 200,
                headers=tuple(_filled(self.attempt(self.texts, entries, "headers") or {}).items()),
                params={**shared.params, **(self.attempt(self.texts, entries, "params") or {})},
                row=_filled(self.attempt(self.texts, entries, "row") or {}),
                at=self.attempt(self.moment, entries, "at") or shared.at,
            )
        except _Refused:
            return None

    def expected(self, node: Node) -> Expected:
        """What a test expects."""
        entries = self.keys(node, ("rows", "error", "warning"), "`expect`")
        if ("rows" in entries) == ("error" in entries):
            raise self.refuse(node, "expect", "expected either `rows` or `error`", "`rows: []` means no rows")
        rows = self.attempt(self.items, entries, "rows")
        return Expected(
            rows=None if rows is None else tuple(map(self.row, rows)),
            error=self.attempt(self.text, entries, "error"),
            warning=self.attempt(self.text, entries, "warning"),
        )

    def row(self, node: Node) -> ExpectedRow:
        """One expected row."""
        return ExpectedRow(self.texts(node), node.line)

    def body(self, entries: Mapping[str, Entry], node: Node) -> bytes:
        """The answer's body."""
        if ("response" in entries) == ("response_file" in entries):
            raise self.refuse(node, "response", "expected either `response` or `response_file`")
        if "response" in entries:
            value = entries["response"].value
            return self.inline(value).encode("utf-8", "surrogatepass")
        named = entries["response_file"].value
        path = self._path.parent / self.text(named)
        try:
            return read_saved(path)
        except SettingsError as error:
            raise self.refuse(named, "response", str(error)) from None

    def inline(self, node: Node) -> str:
        """A body that is written into the file: a text as it is, what has structure as JSON."""
        if isinstance(node, Scalar):
            return node.value or ""
        try:
            return json_text(node)
        except ValueError as error:
            raise self.refuse(
                node, "too-large", str(error), "put it into a file and name that in `response_file`"
            ) from None

    def keys(self, node: Node, known: tuple[str, ...], what: str) -> dict[str, Entry]:
        """The entries of a mapping that may have these keys only; others are noted and left out."""
        if not isinstance(node, YamlMapping):
            raise self.refuse(node, "wrong-type", f"{what} is a mapping with the keys {', '.join(known)}")
        for key, entry in node.entries.items():
            if key not in known:
                self.complain(entry.key, "unknown-key", f"unknown key {quote(key)} in {what}", nearest(key, known))
        return {key: entry for key, entry in node.entries.items() if key in known}

    def required(self, entries: Mapping[str, Entry], around: Node, key: str, read: Callable[[Node], T]) -> T:
        """The value of a key that has to be there."""
        if key not in entries:
            raise self.refuse(around, "missing-key", f"no {quote(key)} here")
        return read(entries[key].value)

    def items(self, node: Node) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, Sequence):
            raise self.refuse(node, "wrong-type", "expected a list", "begin every item with `- `")
        return node.items

    def text(self, node: Node) -> str:
        """A text."""
        if not isinstance(node, Scalar) or not node.value:
            raise self.refuse(node, "wrong-type", "expected a text")
        return node.value

    def texts(self, node: Node) -> Texts:
        """A mapping of texts; null is None."""
        if not isinstance(node, YamlMapping):
            raise self.refuse(node, "wrong-type", "expected a mapping of texts")
        found: Texts = {}
        for key, entry in node.entries.items():
            if isinstance(entry.value, Scalar):
                found[key] = entry.value.value
            else:
                self.complain(entry.value, "wrong-type", f"{quote(key)}: expected a text", "quote it: '{…}'")
        return found

    def status(self, node: Node) -> int:
        """An HTTP status."""
        text = self.text(node)
        if not re.fullmatch(r"[1-5][0-9]{2}", text, re.ASCII):
            raise self.refuse(node, "wrong-type", f"{quote(text)} is no HTTP status")
        return int(text)

    def moment(self, node: Node) -> datetime:
        """A moment with its zone."""
        text = self.text(node)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self.refuse(node, "wrong-type", f"{quote(text)} is no moment", "write 2026-11-22T12:00:00Z")
        return moment


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all tests of a file have in common."""

    params: Texts
    at: datetime | None


def _filled(texts: Texts) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}
