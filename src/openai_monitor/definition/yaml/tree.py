"""YAML text to a tree that keeps what a definition needs: raw text, positions, merged and repeated keys.

Composed from the parser's events, since PyYAML's own composer crashes the process on deep nesting. The rules
are those of SnakeYAML, which HertzBeat reads definitions with: one document, a scalar keeps its text whatever
it looks like, ``<<`` merges, the last of two equal keys wins, standard tags are converted, others refused.
Any text gives a tree or a DefinitionError, quickly: size, depth and the number of values are limited.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from openai_monitor.definition.wording import quote
from openai_monitor.definition.yaml.errors import MAX_DEPTH, problem_at, syntax_problem, too_deep
from openai_monitor.definition.yaml.scalars import NOTHING, tagged_text
from openai_monitor.errors import DefinitionError, Problem

MAX_SIZE = 3 * 2**20
"""Characters of a file; HertzBeat's own limit."""
MAX_NODES = 50_000
"""Scalars, lists and mappings, an alias counted as what it repeats. The longest known file has 1,600."""
MAX_DIRECTIVES = 50
_CHARACTERS_OF_A_VALUE = 100

STANDARD = "tag:yaml.org,2002:"


@dataclass(slots=True, eq=False)
class Scalar:
    """One scalar. ``value`` is its text, None for null; ``plain`` tells that it was written without quotes.

    ``line`` and ``column`` count from 1, here and below.
    """

    value: str | None
    line: int
    column: int
    plain: bool = True
    tag: str | None = None


@dataclass(slots=True, eq=False)
class Sequence:
    """One list. ``size`` and ``depth`` count what stands inside, for the limits."""

    line: int
    column: int
    items: list["Node"] = field(default_factory=list)
    size: int = 1
    depth: int = 1


@dataclass(slots=True, eq=False)
class Entry:
    """One key with its value; ``merge`` is the ``<<`` that brought it here, if one did."""

    key: Scalar
    value: "Node"
    merge: Scalar | None = None


@dataclass(slots=True, eq=False)
class Mapping:
    """One mapping, merges done and the last of equal keys kept. A key that is null reads ``null``."""

    line: int
    column: int
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    depth: int = 1


Node = Scalar | Sequence | Mapping


@dataclass(slots=True, eq=False)
class Tree:
    """A document. ``repeated`` has (key, the earlier one), ``aliases`` counts those of lists and mappings."""

    root: Node
    repeated: list[tuple[Scalar, Scalar]]
    aliases: int


def read_tree(text: str, file: str) -> Tree:
    """Compose the one document of a YAML text. Raises DefinitionError with one Problem."""
    text = text.removeprefix("\ufeff")
    _refuse_excess(text, file)
    return compose(text, file)


def compose(text: str, file: str, most_nodes: int = MAX_NODES) -> Tree:
    """As ``read_tree``, for a text without a byte-order mark whose size was looked at before."""
    try:
        return _Composer(text, file, most_nodes).document()
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise DefinitionError([syntax_problem(error, text, file)]) from None


def strict_syntax_problem(text: str, file: str) -> Problem | None:
    """Where SnakeYAML stops at a text that libyaml takes.

    PyYAML's parser in Python is what SnakeYAML was ported from, so they stop at the same places.
    """
    parser: Any = yaml.SafeLoader(text)
    try:
        while parser.get_event() is not None:
            pass
    except yaml.YAMLError as error:
        return syntax_problem(error, text, file)
    return None


def plain(node: Node) -> Any:
    """The node as dicts, lists and texts."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items]


def follow(root: Node, path: tuple[str | int, ...]) -> Iterator[tuple[Entry | None, Node]]:
    """The (entry, node) pairs along a path of keys and indexes, root first, as far as the tree has it."""
    node = root
    yield None, node
    for step in path:
        if type(node) is Mapping and step in node.entries:
            entry = node.entries[str(step)]
            node = entry.value
            yield entry, node
        elif type(node) is Sequence and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            yield None, node
        else:
            return


def _parser(text: str) -> Any:
    """PyYAML's event parser: libyaml's, or the slower Python one where PyYAML came without it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)


class _Composer:
    """Builds the tree of one document, counting as it goes."""

    def __init__(self, text: str, file: str, most_nodes: int) -> None:
        self._file = file
        self._most_nodes = most_nodes
        self._next = _parser(text).get_event
        self._anchors: dict[str, Node] = {}
        self._repeated: list[tuple[Scalar, Scalar]] = []
        self._aliases = 0
        self._nodes = 0

    def document(self) -> Tree:
        self._next()  # the start of the stream
        if type(self._next()) is yaml.StreamEndEvent:
            hint = "start with `app:` and `metrics:`"
            raise DefinitionError([problem_at((0, 0), self._file, "empty", "the file holds no definition", hint)])
        root = self._node(self._next(), 1)
        self._next()  # the end of the document
        event = self._next()
        if type(event) is not yaml.StreamEndEvent:
            hint = "keep one definition in a file"
            self._refuse(event, "second-document", "a second document begins here, a definition is one", hint)
        return Tree(root, self._repeated, self._aliases)

    def _node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._count(event, 1)
            scalar = self._scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = scalar
            return scalar
        if kind is yaml.AliasEvent:
            return self._alias(event, depth)
        self._count(event, 1)
        if depth > MAX_DEPTH:
            self._refuse_depth(event)
        # An anchor counts from its end on: a collection inside itself would have no end.
        self._anchors.pop(event.anchor, None)
        node = self._mapping(event, depth) if kind is yaml.MappingStartEvent else self._sequence(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Scalar:
        mark = event.start_mark
        text, tag, is_plain = event.value, event.tag, not event.style
        if tag is None:
            value = None if is_plain and text in NOTHING else text
            return Scalar(value, mark.line + 1, mark.column + 1, is_plain)
        try:
            value = tagged_text(text, tag.removeprefix(STANDARD)) if tag != "!" else text
        except ValueError as error:
            self._refuse(event, "tag", str(error), "remove the tag: every value keeps the text it is written with")
        return Scalar(value, mark.line + 1, mark.column + 1, is_plain, tag)

    def _sequence(self, event: Any, depth: int) -> Sequence:
        self._check_tag(event, "seq", "a list")
        mark = event.start_mark
        node = Sequence(mark.line + 1, mark.column + 1)
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            item = self._node(event, depth + 1)
            node.items.append(item)
            _grow(node, item)
        return node

    def _mapping(self, event: Any, depth: int) -> Mapping:
        self._check_tag(event, "map", "a mapping")
        mark = event.start_mark
        node = Mapping(mark.line + 1, mark.column + 1)
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key = self._key(event, depth + 1)
            value_event = self._next()
            value = self._node(value_event, depth + 1)
            _grow(node, value)
            if _is_merge(key):
                self._merge(node, key, value, value_event)
            else:
                self._put(node, key, value)
        return node

    def _key(self, event: Any, depth: int) -> Scalar:
        key = self._node(event, depth)
        if type(key) is Sequence and len(key.items) == 1 and type(key.items[0]) is Scalar:
            key = key.items[0]  # `? [name]`: SnakeYAML makes a text of it
        if type(key) is not Scalar:
            self._refuse(event, "key", "a list or mapping stands where a key is expected", "write the key as text")
        return key

    def _put(self, node: Mapping, key: Scalar, value: Node) -> None:
        name = "null" if key.value is None else key.value
        earlier = node.entries.get(name)
        if earlier is not None and earlier.merge is None:
            self._repeated.append((key, earlier.key))
        node.entries[name] = Entry(key, value)

    def _merge(self, node: Mapping, key: Scalar, value: Node, event: Any) -> None:
        """Add the entries of the merged mappings. Keys that stand before win, and so do those that follow."""
        sources = value.items if type(value) is Sequence else [value]
        for source in sources:
            if type(source) is not Mapping:
                hint = "give `<<` an alias such as `*base`, or a list of them"
                self._refuse(event, "merge", "`<<` takes a mapping or a list of mappings", hint)
            for name, entry in source.entries.items():
                if name not in node.entries:
                    node.entries[name] = Entry(entry.key, entry.value, key)

    def _alias(self, event: Any, depth: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            message = f"no finished {quote(f'&{event.anchor}')} stands before this alias"
            self._refuse(event, "alias", message, "write the anchor before what is to be repeated")
        if isinstance(node, Scalar):
            self._count(event, _weight(node))
            return node
        self._aliases += 1
        self._count(event, node.size)
        if depth + node.depth - 1 > MAX_DEPTH:
            self._refuse_depth(event)
        return node

    def _check_tag(self, event: Any, expected: str, what: str) -> None:
        if event.tag not in (None, "!", STANDARD + expected):
            found = quote(event.tag.replace(STANDARD, "!!"))
            self._refuse(event, "tag", f"{what} can't have the tag {found}", "remove the tag")

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._most_nodes:
            message = f"more than {self._most_nodes:,} values, aliases counted as what they repeat"
            self._refuse(event, "too-large", message, "split the file, or repeat less")

    def _refuse_depth(self, event: Any) -> NoReturn:
        mark = event.start_mark
        raise DefinitionError([too_deep((mark.line, mark.column), self._file)])

    def _refuse(self, event: Any, rule: str, message: str, hint: str) -> NoReturn:
        mark = event.start_mark
        raise DefinitionError([problem_at((mark.line, mark.column), self._file, rule, message, hint)])


def _weight(scalar: Scalar) -> int:
    """What a scalar counts for when it is repeated: a long one is work for whoever looks at each place."""
    return 1 + len(scalar.value or "") // _CHARACTERS_OF_A_VALUE


def _grow(node: Sequence | Mapping, child: Node) -> None:
    if isinstance(child, Scalar):
        node.size += _weight(child)
        return
    node.size += child.size
    if child.depth >= node.depth:
        node.depth = child.depth + 1


def _is_merge(key: Scalar) -> bool:
    return key.value == "<<" and key.plain and key.tag is None


def _refuse_excess(text: str, file: str) -> None:
    """Refuse what keeps the parser busy for long: much text, and directives, which it compares pairwise."""
    if len(text) > MAX_SIZE:
        message = f"the file is larger than {MAX_SIZE // 2**20} MiB"
        hint = "a definition is some kilobytes of YAML"
        raise DefinitionError([problem_at((0, 0), file, "too-large", message, hint)])
    if text.count("\n%") > MAX_DIRECTIVES:
        message = f"more than {MAX_DIRECTIVES} lines begin with `%`"
        hint = "a definition needs no YAML directives"
        raise DefinitionError([problem_at((0, 0), file, "too-large", message, hint)])
