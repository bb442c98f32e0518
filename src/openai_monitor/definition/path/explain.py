"""Why a path selects nothing: where it broke, in words."""

from openai_monitor.definition.path.filters import Scope
from openai_monitor.definition.path.select import Route, head_length
from openai_monitor.definition.path.stages import Missing, TooMany, stage_ends
from openai_monitor.definition.path.steps import (
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Slice,
    Step,
    Steps,
    Wildcard,
    spell,
)
from openai_monitor.definition.path.values import Failed, Rejected
from openai_monitor.definition.wording import nearest_name

_MOST_KEYS = 1_000
"""In an object with more keys, no nearest one is looked for."""

_LONGEST_KEY = 100
_MOST_VALUES_LOOKED_AT = 100


class Explanation:
    """Tells for one path, again and again, where it breaks: what is compiled for that is kept.

    An account without costs so far today answers with an empty list at each round.
    """

    __slots__ = ("_head", "_next", "_steps", "_tail")

    def __init__(self, steps: Steps) -> None:
        length = head_length(steps)
        self._steps = steps
        self._head = [(step, Route((step,))) for step in steps[:length]]
        self._next = steps[length] if length < len(steps) else None
        self._tail = [(end, Route(steps[:end])) for end in (length + end for end in stage_ends(steps[length:]))]

    def of(self, document: object) -> str:
        """Name the first step that finds nothing, and what stands there instead; empty when nothing is odd.

        A list that is empty and a filter that no item passes are not odd.
        """
        steps, node = self._steps, document
        for at, (step, route) in enumerate(self._head):
            if broken := _broken(step, node):
                return f"`{spell(steps[:at])}` {broken}"
            node = route.values(node, Scope(node))[0]
        if self._next is not None and (broken := _broken(self._next, node)):
            return f"`{spell(steps[: len(self._head)])}` {broken}"
        return self._of_tail(document)

    def _of_tail(self, document: object) -> str:
        steps, at = self._steps, len(self._head)
        before: list[object] = []
        for end, route in self._tail:
            try:
                found = route.values(document, Scope(document))
            except TooMany:
                return f"`{spell(steps[:end])}` selects too many values"
            except (Missing, Rejected, Failed):
                return f"`{spell(steps[:end])}` can't be taken here"
            if end - at == 1 and before and all(value is None for value in found):
                broken = _all_broken(steps[end - 1], before)
                if broken:
                    return f"none of the {len(before)} values of `{spell(steps[:at])}` fits: the first {broken}"
            before, at = found, end
        return ""


def _all_broken(step: Step, nodes: list[object]) -> str:
    broken = [_broken(step, node) for node in nodes[:_MOST_VALUES_LOOKED_AT]]
    return broken[0] if all(broken) else ""


def _broken(step: Step, node: object) -> str:
    """Tell what keeps this step from finding anything in this value; empty when nothing does."""
    match step:
        case Key(name):
            return _without_key(name, node)
        case Keys(names):
            reasons = [_without_key(name, node) for name in names]
            return reasons[0] if all(reasons) else ""
        case Index() | Indexes() | Slice() if not isinstance(node, list):
            return f"is {kind(node)}, not a list"
        case Index(index) if isinstance(node, list) and not -len(node) <= index < len(node):
            return f"has {len(node)} items, none at [{index}]"
        case Wildcard() | Filter() if not isinstance(node, list | dict):
            return f"is {kind(node)}, not a list or an object"
    return ""


def _without_key(name: str, node: object) -> str:
    if not isinstance(node, dict):
        return f"is {kind(node)}, not an object with `{name}`"
    if name in node:
        return ""
    keys = [key for key in node if len(key) <= _LONGEST_KEY] if len(node) <= _MOST_KEYS else []
    near = nearest_name(name, keys)
    return f"exists, `{name}` does not" + (f"; did you mean `{near}`?" if near else "")


def kind(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return names.get(type(value), "a number")
