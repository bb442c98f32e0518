"""All that can be said about a definition without running it: for ``validate``, and for HertzBeat's manager.

A rule is a function in a registry: ``REFUSALS`` at load, ``FAILURES``, ``DOUBTS`` and ``DEMANDS`` here, ``REMARKS`` and
``EXTENSIONS`` where HertzBeat is asked about.
"""

from collections.abc import Iterable, Iterator

from openai_monitor.definition.definition import Definition, KeyPath, in_order
from openai_monitor.definition.load import Reading, read
from openai_monitor.definition.rules import Rules
from openai_monitor.definition.rules.doubts import DOUBTS
from openai_monitor.definition.rules.extensions import EXTENSIONS
from openai_monitor.definition.rules.failures import FAILURES
from openai_monitor.definition.rules.manager import DEMANDS, REMARKS, oldest_release
from openai_monitor.errors import DefinitionError, Problem

__all__ = ["hertzbeat_problems", "lint", "oldest_release", "validate", "validate_for_hertzbeat"]

_SAID_AS_WARNING = {"no-host-parameter"}
"""What HertzBeat's manager refuses and is only a warning for those who run a definition here."""


def lint(definition: Definition) -> list[Problem]:
    """What fails a set for certain, what HertzBeat's manager refuses, and warnings, as the file has them."""
    return in_order([*definition.warnings, *(problem for problem, _ in _findings(definition))])


def hertzbeat_problems(definition: Definition) -> list[Problem]:
    """What HertzBeat's manager refuses, by its rules only, and warnings for what it does differently."""
    return in_order(problem for problem, _ in _all(definition, (DEMANDS, REMARKS, EXTENSIONS)))


def validate(text: str | bytes, file: str) -> list[Problem]:
    """Everything about a text at once, whether it loads or not, in the order of the file."""
    try:
        reading = read(text, file)
    except DefinitionError as error:
        return list(error.problems)
    found = _untouched(reading, _findings(reading.definition))
    return in_order([*reading.problems, *reading.refusals(), *reading.definition.warnings, *found])


def validate_for_hertzbeat(text: str | bytes, file: str) -> list[Problem]:
    """What HertzBeat 1.8 says about a text: what its loader refuses, then ``hertzbeat_problems``."""
    try:
        reading = read(text, file)
    except DefinitionError as error:
        return list(error.problems)
    found = _untouched(reading, _all(reading.definition, (DEMANDS, REMARKS, EXTENSIONS)))
    return in_order([*reading.problems, *found])


def _findings(definition: Definition) -> Iterator[tuple[Problem, KeyPath]]:
    for problem, path in _all(definition, (FAILURES, DOUBTS, DEMANDS)):
        if problem.rule not in _SAID_AS_WARNING:
            yield problem, path


def _all(definition: Definition, registries: Iterable[Rules]) -> Iterator[tuple[Problem, KeyPath]]:
    for rules in registries:
        yield from rules.problems(definition)


def _untouched(reading: Reading, found: Iterable[tuple[Problem, KeyPath]]) -> Iterator[Problem]:
    """Findings that no broken part has to do with: a set or parameter that lost a key proves nothing."""
    parts = {path[:2] for path in reading.broken}
    if any(path[0] == "params" or path == ("metrics",) for path in parts):
        return
    yield from (problem for problem, path in found if path[:2] not in parts)
