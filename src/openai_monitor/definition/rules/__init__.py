"""Rules about definitions: what one finds, and the registry that gathers rules of one severity."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.errors import Problem, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has to say about one place, and what to do about it.

    ``at`` is the line and column of what has no key path, such as a word in a comment.
    """

    path: KeyPath
    message: str
    hint: str = ""
    at: tuple[int, int] | None = None


_MOST_FINDINGS = 100

Rule = Callable[[Definition], Iterable[Finding]]


class Rules:
    """A registry: decorates rules, whose function name with hyphens is the name that users see."""

    def __init__(self, severity: Severity) -> None:
        self.severity: Severity = severity
        self.by_name: dict[str, Rule] = {}

    def __call__(self, rule: Rule) -> Rule:
        """Add a rule. Raises ValueError when there is one of that name."""
        name = rule.__name__.replace("_", "-").strip("-")
        if name in self.by_name:
            raise ValueError(f"two rules are called {name}")
        self.by_name[name] = rule
        return rule

    def problems(self, definition: Definition) -> Iterator[tuple[Problem, KeyPath]]:
        """What all rules find, each problem with its path, in no order; at most a hundred of one rule."""
        for name, rule in self.by_name.items():
            for found in islice(rule(definition), _MOST_FINDINGS):
                problem = definition.problem(self.severity, name, found.path, found.message, found.hint)
                if found.at is not None:
                    problem = replace(problem, line=found.at[0], column=found.at[1])
                yield problem, found.path


def each_set(definition: Definition) -> Iterator[tuple[KeyPath, MetricSet]]:
    """The metric sets with the path of each."""
    return ((("metrics", index), metric_set) for index, metric_set in enumerate(definition.sets))


def each_http(definition: Definition) -> Iterator[tuple[KeyPath, MetricSet, Http]]:
    """The metric sets that are collected here and have an ``http`` section, with the path of the section."""
    for path, metric_set in each_set(definition):
        if metric_set.protocol == "http" and metric_set.http is not None:
            yield (*path, "http"), metric_set, metric_set.http
