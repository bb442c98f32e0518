"""A checked definition, and where in its file each key stands."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from openai_monitor.definition.model import Document, MetricSet, ParamSpec
from openai_monitor.definition.yaml.tree import Node, Scalar, Tree, follow
from openai_monitor.errors import Problem, Severity

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the document down: ``("metrics", 0, "name")``, shown as ``metrics[0].name``."""

_STEP = re.compile(r"\[(\d+)\]|\['([^']*)'\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """One definition file, checked. ``warnings`` are about what loads and is probably not meant.

    ``file`` is the name messages use, ``text`` and ``tree`` are what the document was read from.
    """

    document: Document
    file: str
    text: str = field(repr=False)
    tree: Tree = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    @property
    def app(self) -> str:
        """The definition's name; empty when it has none."""
        return self.document.app or ""

    @property
    def sets(self) -> tuple[MetricSet, ...]:
        """The metric sets in the order of the file."""
        return tuple(self.document.metrics)

    @property
    def params(self) -> tuple[ParamSpec, ...]:
        """The declared parameters in the order of the file."""
        return tuple(self.document.params)

    def has(self, *path: str | int) -> bool:
        """Whether the file has this key, merged in or not."""
        return len(list(follow(self.tree.root, path))) > len(path)

    def position(self, key: str | KeyPath) -> tuple[int, int]:
        """Line and column, from 1, of a key path such as ``metrics[0].http.url``.

        A scalar's own place, the key of a list or mapping, the first key of a list item. What is not in the
        file is at the nearest key around it.
        """
        place = locate(self.tree, read_path(key) if isinstance(key, str) else key)
        return place.line, place.column

    def problem(self, severity: Severity, rule: str, path: KeyPath, message: str, hint: str = "") -> Problem:
        """A Problem at the position of a key path."""
        return make_problem(self.tree, self.file, path, rule, message, hint=hint, severity=severity)


@dataclass(frozen=True, slots=True)
class Place:
    """A position, and that of the ``<<`` which merged its key somewhere else, if one did."""

    line: int
    column: int
    merge: Scalar | None = None


def locate(tree: Tree, path: KeyPath, *, at_key: bool = False) -> Place:
    """The place of a path as ``Definition.position`` has it; ``at_key`` takes the key's even for a scalar."""
    steps = list(follow(tree.root, path))
    entry, node = steps[-1]
    merge = next((entry.merge for entry, _ in reversed(steps) if entry and entry.merge), None)
    mark: Node = node
    if entry is not None and (at_key or len(steps) <= len(path) or type(node) is not Scalar):
        mark = entry.key
    return Place(mark.line, mark.column, merge)


def make_problem(
    tree: Tree,
    file: str,
    path: KeyPath,
    rule: str,
    message: str,
    *,
    hint: str = "",
    severity: Severity = "error",
    at_key: bool = False,
) -> Problem:
    """A Problem at a path; where ``<<`` brought the key in, the message tells both places."""
    place = locate(tree, path, at_key=at_key)
    if place.merge is not None:
        message += f", merged in at {place.merge.line}:{place.merge.column}"
    return Problem(file, place.line, place.column, severity, rule, message, show_path(path), hint)


def show_path(path: KeyPath) -> str:
    """A key path as users see it."""
    return "".join(_show_step(step) for step in path).removeprefix(".")


def read_path(text: str) -> KeyPath:
    """The key path that ``show_path`` shows like this."""
    return tuple(int(index) if index else quoted or key for index, quoted, key in _STEP.findall(text))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems by position, each once: what is merged or aliased into several places is said once."""
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.column, problem.severity, problem.rule))
    seen: dict[object, Problem] = {}
    for problem in ordered:
        message = problem.message.partition(", merged in at ")[0]
        seen.setdefault((problem.line, problem.column, problem.rule, message), problem)
    return list(seen.values())


def starts_with(path: KeyPath, beginning: Sequence[str | int]) -> bool:
    """Whether a path leads through, or to, another one."""
    return path[: len(beginning)] == tuple(beginning)


def _show_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f"['{step}']" if any(character in step for character in ".[]'") or not step else f".{step}"
