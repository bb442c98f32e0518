"""XPath 1.0, compiled and weighed: what an expression can cost on a document is known before it runs.

libxml2 evaluates XPath in one call that can't be interrupted; a predicate that searches the whole document
for every node is quadratic, one inside it cubic, and so is a second ``//`` on nested elements. So an
expression is also read into tokens here, and its steps are weighed by the number of nodes they can reach in a
document of a given size.

Prefixes name nothing, as in HertzBeat, whose XPath knows no namespaces; ``local-name()`` does. Variables and
functions beyond XPath 1.0 are refused when the expression is compiled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from lxml import etree

from openai_monitor.errors import PathSyntaxError

MAX_LENGTH = 2_000

VISIT = 20
"""Nanoseconds to reach a node and look at it, generously."""

TEXT = 5
"""Nanoseconds to copy the text of a node, taken as 50 bytes; longer texts count as several nodes."""

CONVERT = 60
"""Nanoseconds to read a number from the text of a node."""

MERGE = 1
"""Nanoseconds to compare two nodes where two sets of them become one."""

TRANSLATE = 30
"""How often ``translate`` costs as much as copying, for each character of its table."""

_FUNCTIONS_OF_CONTEXT = {
    *(
        "last",
        "position",
        "local-name",
        "namespace-uri",
        "name",
        "string",
        "string-length",
        "normalize-space",
        "number",
    ),
}
"""Functions that look at the context node when they have no argument; ``lang`` always does."""

_FUNCTIONS = _FUNCTIONS_OF_CONTEXT | {
    *("count", "id", "concat", "starts-with", "contains", "substring-before", "substring-after", "substring"),
    *("translate", "boolean", "not", "true", "false", "lang", "sum", "floor", "ceiling", "round"),
}
_AXES = {
    "child": "down",
    "attribute": "down",
    "self": "self",
    "descendant": "deep",
    "descendant-or-self": "deep",
    "parent": "parent",
    "ancestor": "up",
    "ancestor-or-self": "up",
    "following": "side",
    "following-sibling": "side",
    "preceding": "side",
    "preceding-sibling": "side",
}
_STEPS = {".": "self", "..": "parent"}
_SEARCHES = frozenset({"contains", "substring-before", "substring-after"})
_PATH_STARTS = frozenset({"step", "axis", "@", "/", "//", "("})
_COMPARISONS = {"=": 2 * MERGE, "!=": 2 * MERGE, "<": VISIT, "<=": VISIT, ">": VISIT, ">=": VISIT}

_NAME = r"[^\W\d][\w.-]*+"
_TOKEN = re.compile(
    rf"""\s*+(?:
    (?P<literal>"[^"]*+"|'[^']*+'|[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)
  | (?P<axis>{_NAME})\s*+::
  | (?P<test>(?:comment|text|node|processing-instruction)\s*+\(\s*+(?:"[^"]*+"|'[^']*+')?\s*+\))
  | (?P<name>{_NAME}(?::(?!:)(?:{_NAME}|\*))?|\*)
  | (?P<symbol>\.\.|//|!=|<=|>=|[].()@,/|+=<>$[-])
    )""",
    re.VERBOSE,
)
_CALL = re.compile(r"\s*+\(")


class Token(NamedTuple):
    """A piece of an expression. Kinds: operand, function, step, operator and the brackets themselves."""

    kind: str
    text: str
    offset: int


def read_tokens(text: str) -> list[Token]:
    """Split an expression; raises PathSyntaxError with the offset of what is not XPath 1.0."""
    tokens: list[Token] = []
    offset = 0
    end = len(text.rstrip())
    while offset < end:
        match = _TOKEN.match(text, offset)
        if match is None:
            rest = text[offset:].lstrip()
            raise PathSyntaxError(f"not an XPath at {rest[:20]!r}", len(text) - len(rest))
        tokens.append(_token(match, tokens[-1].kind if tokens else "operator"))
        offset = match.end()
    return tokens


def _token(match: re.Match[str], before: str) -> Token:
    group = match.lastgroup or ""
    text, offset = match[group], match.start(group)
    operator_place = before in {"operand", "step", ")", "]"}
    if group == "literal":
        return Token("operand", text, offset)
    if group == "axis":
        return Token("axis", _axis(text, offset), offset)
    if group == "test":
        return Token("step", text, offset)
    if operator_place and text in {"and", "or", "div", "mod", "*"}:
        return Token("operator", text, offset)
    if group == "name":
        if _CALL.match(match.string, match.end()):
            return Token("function", _function(text, offset), offset)
        return Token("step", text, offset)
    return _symbol(text, offset)


def _symbol(text: str, offset: int) -> Token:
    if text == "$":
        raise PathSyntaxError("an XPath has no variables here; `$.` begins a JSONPath, not an XPath", offset)
    if text in {".", ".."}:
        return Token("step", text, offset)
    if text in {"[", "]", "(", ")", "/", "//", "@"}:
        return Token(text, text, offset)
    return Token("operator", text, offset)


def _axis(name: str, offset: int) -> str:
    if name not in _AXES:
        raise PathSyntaxError(f"XPath has no axis {name}:: that is read here", offset)
    return name


def _function(name: str, offset: int) -> str:
    if name not in _FUNCTIONS:
        raise PathSyntaxError(f"XPath 1.0 has no function {name}()", offset)
    return name


class XPath:
    """A compiled expression."""

    __slots__ = ("_run", "_tokens", "of_document", "text")

    def __init__(self, text: str, limit: int | None) -> None:
        self.text = text
        self._tokens = read_tokens(text)
        self._run = _compile(text, self._tokens)
        if limit is not None:
            self._run = _compile(f"({text})[position() <= {limit}]", self._tokens)
        self.of_document = not _looks_at_context(self._tokens)
        """Whether the value is the same for every context node of a document."""

    def evaluate(self, node: etree._Element) -> object:
        """A list of nodes and texts, or a text, float or bool; raises etree.XPathError."""
        return self._run(node)

    def weigh(self, nodes: int, depth: int, times: int) -> float:
        """An upper bound of the nanoseconds that ``times`` evaluations may take on such a document."""
        return _Scale(nodes, depth, times).weigh(self._tokens)


def compile_xpath(text: str, limit: int | None = None) -> XPath:
    """Compile an expression, which with a limit selects that many nodes at most; raises PathSyntaxError."""
    if len(text) > MAX_LENGTH:
        raise PathSyntaxError(f"an XPath of {len(text)} characters, at most {MAX_LENGTH} are read")
    return XPath(text, limit)


def _compile(text: str, tokens: list[Token]) -> etree.XPath:
    prefixes = {token.text.partition(":")[0] for token in tokens if token.kind == "step" and ":" in token.text}
    unbound = {prefix: f"urn:prefix-without-namespace:{prefix}" for prefix in prefixes - {"xml"}}
    try:
        return etree.XPath(text, namespaces=unbound, regexp=False)
    except (etree.XPathSyntaxError, ValueError) as error:
        raise PathSyntaxError(f"not an XPath: {text!r} ({error})") from None


def _looks_at_context(tokens: list[Token]) -> bool:
    """Whether a path outside all predicates begins at the context node, or a function looks at it."""
    nesting = 0
    for before, token, after in _with_neighbours(tokens):
        nesting += (token.kind == "[") - (token.kind == "]")
        if nesting or token.kind == "]":
            continue
        if token.kind == "function" and (_looks_around(token, after)):
            return True
        if token.kind in {"step", "axis", "@"} and before in {"operator", "("}:
            return True
    return False


def _looks_around(function: Token, after: str) -> bool:
    return function.text == "lang" or (function.text in _FUNCTIONS_OF_CONTEXT and after == ")")


def _with_neighbours(tokens: list[Token]) -> Iterator[tuple[str, Token, str]]:
    """Yield each token with the kind before it, and for a function the kind behind its bracket."""
    for index, token in enumerate(tokens):
        after = tokens[index + 2].kind if index + 2 < len(tokens) else ""
        yield (tokens[index - 1].kind if index else "operator"), token, after


@dataclass(slots=True)
class _Level:
    """An expression, predicate or arguments, evaluated ``times``; ``reach`` counts nodes over all of them."""

    times: float
    text: float = TEXT
    """What copying the text of a node costs here."""

    function: str = ""
    """Whose arguments these are, if they are."""

    distinct: bool = True
    """Whether the nodes it is evaluated at differ; many steps upwards meet the same root, with all that is below."""

    path: bool = False
    reach: float = 0
    cap: float = 0
    found: float = 0
    """What the last step met, doubles included: a predicate is evaluated for each."""

    found_distinct: bool = True
    escapes: bool = False
    many: bool = False


class _Scale:
    """Walks the tokens of one expression and sums what its steps can cost."""

    def __init__(self, nodes: int, depth: int, times: int) -> None:
        self.nodes = float(max(nodes, 1))
        self.depth = float(max(depth, 1))
        self.levels = [_Level(times)]
        self.cost = 0.0
        self.table = 0

    @property
    def level(self) -> _Level:
        return self.levels[-1]

    def weigh(self, tokens: list[Token]) -> float:
        before, axis = tokens[0], None
        self.table = max((len(token.text) for token in tokens if token.kind == "operand"), default=0)
        for token, after in zip_longest(tokens, tokens[1:]):
            if token.kind == "step":
                self.step(axis or _STEPS.get(token.text, "down"))
            elif token.kind in {"/", "//"}:
                self.slash(token.kind)
            elif token.kind == "operator":
                self.operator(token.text, after)
            else:
                self.bracket(token, before)
            axis = _AXES[token.text] if token.kind == "axis" else None
            before = token
        return self.cost

    def bracket(self, token: Token, before: Token) -> None:
        level = self.level
        if token.kind == "[":
            self.levels.append(_Level(level.found, level.text, distinct=level.found_distinct))
        elif token.kind == "(":
            function = before.text if before.kind == "function" else ""
            translated = TEXT * TRANSLATE * self.table if function == "translate" else 0
            self.levels.append(_Level(level.times, level.text + translated, function, level.distinct))
        elif token.kind in {"]", ")"} and len(self.levels) > 1:
            inner = self.levels.pop()
            if token.kind == ")" and inner.function in {"", "id"}:
                self.begin(absolute=True)
                self.reach(self.level.cap)

    def slash(self, kind: str) -> None:
        if not self.level.path:
            self.begin(absolute=True)
        if kind == "//":
            self.step("deep")

    def begin(self, *, absolute: bool) -> None:
        level = self.level
        level.path, level.escapes, level.many = True, absolute, False
        level.reach = level.found = level.times
        level.found_distinct = level.distinct
        local = level.distinct and not absolute
        level.cap = max(level.times, self.nodes) if local else level.times * self.nodes
        self.cost += level.text * level.cap * (self.depth if local else 1)

    def step(self, kind: str) -> None:
        level = self.level
        if not level.path:
            self.begin(absolute=False)
        if kind in {"deep", "parent", "up", "side"}:
            self.wide_step(kind)
        elif kind == "down":
            self.reach(min(level.reach * self.nodes, level.cap))
        self.cost += VISIT * level.found

    def wide_step(self, kind: str) -> None:
        """Walk an axis whose sets can overlap, so that they are merged when there are several."""
        level = self.level
        spread = {"parent": 1.0, "side": self.nodes}.get(kind, self.depth)
        if level.many:
            self.merge(spread * self.nodes)
        if kind == "deep":
            if level.distinct and not level.escapes:
                level.cap = max(level.times, self.nodes) * self.depth
            self.reach(min(level.reach * self.nodes, level.cap))
            return
        level.escapes, level.cap = True, level.times * self.nodes
        self.cost += (VISIT + level.text) * level.cap
        found = level.reach * spread
        if kind != "parent":
            self.reach(level.cap)
        level.found, level.found_distinct = found, False

    def reach(self, nodes: float) -> None:
        """Stand on so many nodes, over all evaluations."""
        level = self.level
        level.reach = level.found = nodes
        level.found_distinct = level.many = True

    def merge(self, found: float) -> None:
        """Add what it costs to merge sets of nodes, ``found`` in all, into a set without doubles."""
        level = self.level
        rounds = level.times if level.escapes else max(1.0, level.times / self.nodes)
        self.cost += MERGE * rounds * found * self.nodes

    def operator(self, text: str, after: Token | None) -> None:
        level = self.level
        if text == "|":
            self.merge(self.nodes)
        elif level.path and text in _COMPARISONS:
            with_nodes = after is not None and after.kind in _PATH_STARTS
            self.cost += level.reach * (_COMPARISONS[text] * self.nodes if with_nodes else CONVERT)
        elif text == "," and level.function in _SEARCHES and after is not None and after.kind != "operand":
            level.text += TEXT * self.nodes  # one text of the document is looked for in another
        level.path = False
