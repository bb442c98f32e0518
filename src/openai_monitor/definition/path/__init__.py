"""JSONPath in Jayway's dialect, as HertzBeat's definitions are written in it, compiled to closures.

>>> compile_path("$.data[?(@.id == 'b')].cost").select({"data": [{"id": "a"}, {"id": "b", "cost": 2}]})
[2]
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from openai_monitor.definition.path.explain import Explanation, kind
from openai_monitor.definition.path.filters import Scope
from openai_monitor.definition.path.lexer import read_path
from openai_monitor.definition.path.select import Route
from openai_monitor.definition.path.stages import MOST_VALUES, Missing, TooMany
from openai_monitor.definition.path.steps import Index, Key, Steps
from openai_monitor.definition.path.values import Failed, Rejected
from openai_monitor.errors import MonitorError

__all__ = ["Path", "PathNotFound", "compile_path", "kind"]


class PathNotFound(MonitorError):
    """A step that the path can't do without is missing; the message says which, and what is there instead."""


class Path:
    """A compiled path.

    ``first(row)`` reads an alias in its row: the first value found, None when anything is missing. Never raises.
    ``selects_one`` is whether no row can have several, ``steps`` what it is made of.
    """

    __slots__ = ("_explanation", "_route", "first", "selects_one", "steps", "text")

    def __init__(self, text: str, steps: Steps) -> None:
        self.text = text
        self.steps = steps
        self._route = Route(steps)
        self._explanation: Explanation | None = None
        self.selects_one = self._route.definite
        self.first: Callable[[object], object] = _compile_first(steps, self._route)

    def all(self, row: object) -> list[object] | None:
        """Read an alias in its row: every value found, None when a step before the last is missing. Never raises."""
        try:
            return self._route.values(row, Scope(row))
        except (Missing, Rejected, Failed):
            return None

    def select(self, document: object) -> list[object]:
        """Select, in the order of the document; raises PathNotFound when a step before the last is missing.

        A missing last key is None, as Jayway has it.
        """
        try:
            return self._route.values(document, Scope(document))
        except TooMany:
            raise PathNotFound(f"`{self.text}` selects more than {MOST_VALUES:,} values") from None
        except Failed as failed:
            raise PathNotFound(f"`{self.text}` can't be answered: {failed}") from None
        except (Missing, Rejected):
            raise PathNotFound(self.explain(document)) from None

    def explain(self, document: object) -> str:
        """Where the path breaks, in words; empty when it finds something, or a list that is rightly empty."""
        if self._explanation is None:
            self._explanation = Explanation(self.steps)
        return self._explanation.of(document)

    def __repr__(self) -> str:
        return f"Path({self.text!r})"


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """Compile a path; raises PathSyntaxError with the place of what Jayway would not read either."""
    return Path(text, read_path(text))


def _compile_first(steps: Steps, route: Route) -> Callable[[object], object]:
    places = [step.name if isinstance(step, Key) else step.index for step in steps if isinstance(step, Key | Index)]
    if len(places) == len(steps):
        return _first_of_places(places)

    def first(row: object) -> object:
        try:
            found = route.values(row, Scope(row))
        except (Missing, Rejected, Failed):
            return None
        return found[0] if found else None

    return first


def _first_of_places(places: list[str | int]) -> Callable[[object], object]:
    """``$.a`` and ``$.a.b``, which are asked of every row of every answer, take the fewest calls."""
    match places:
        case [str() as key]:
            return lambda row: row.get(key) if isinstance(row, dict) else None
        case [str() as key, str() as inner_key]:

            def first_of_two(row: object) -> object:
                inner = row.get(key) if isinstance(row, dict) else None
                return inner.get(inner_key) if isinstance(inner, dict) else None

            return first_of_two

    def first(row: Any) -> object:
        try:
            for place in places:
                if isinstance(row, str):  # which would give its characters
                    return None
                row = row[place]
        except (LookupError, TypeError):
            return None
        return row

    return first
