"""Putting a definition into a manager, and taking one out: what would change, then the change."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from openai_monitor.definition.lint import validate_for_hertzbeat
from openai_monitor.definition.load import decode, read
from openai_monitor.errors import DefinitionError, Problem
from openai_monitor.hertzbeat.manager_api import ManagerApi, ManagerError, check_app


@dataclass(frozen=True, slots=True)
class Change:
    """What putting a text into a manager would do. ``before`` is what it has of that name, None for nothing."""

    app: str
    text: str
    before: str | None

    @property
    def is_needed(self) -> bool:
        """Whether anything would be different."""
        return self.before is None or self.before.splitlines() != self.text.splitlines()

    def diff(self) -> str:
        """The lines that go and come; for a new definition, all that come."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.text.splitlines(), f"{self.app} in the manager", "new", lineterm=""
        )
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition's text, checked for HertzBeat."""

    app: str
    text: str
    warnings: tuple[Problem, ...]


def check_text(data: bytes, file: str) -> Definition:
    """Read a definition by HertzBeat's rules. Raises DefinitionError for what its manager would refuse."""
    text = decode(data, file).removeprefix("\ufeff")
    problems = validate_for_hertzbeat(text, file)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)
    app = read(text, file).definition.app
    return Definition(check_app(app), text, tuple(problems))


async def find_change(api: ManagerApi, definition: Definition) -> Change:
    """Compare a definition with what the manager has."""
    return Change(definition.app, definition.text, await api.definition(definition.app))


async def push(api: ManagerApi, definition: Definition, confirm: Callable[[Change], bool]) -> Change | None:
    """Create or replace a definition, if that changes anything and is confirmed. Returns the change if it was made."""
    change = await find_change(api, definition)
    if not change.is_needed or not confirm(change):
        return None
    if change.before is None:
        await api.create(change.text)
    else:
        await api.replace(change.text)
    return change


async def pull(api: ManagerApi, app: str) -> str:
    """The text of a definition in the manager. Raises ManagerError when it has none of that name."""
    text = await api.definition(app)
    if text is None:
        raise ManagerError(f"the manager at {api.url} has no definition {app!r}: its pages list those it has")
    return text
