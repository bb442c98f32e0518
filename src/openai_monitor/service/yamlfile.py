"""The monitors file as a tree with positions, read like a definition but with room for many monitors."""

from dataclasses import replace

import yaml

from openai_monitor.definition import yamltree
from openai_monitor.definition.yamlerrors import problem_at, syntax_problem
from openai_monitor.errors import DefinitionError, Problem

MAX_SIZE = 32 * 2**20
"""Characters."""
MAX_NODES = 2_000_000
"""Scalars, lists and mappings. A monitor has some twenty."""


def read_tree(text: str, file: str) -> yamltree.Tree:
    """Compose the one document of a text. Raises DefinitionError with one Problem."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_SIZE:
        hint = "split it between several services"
        raise DefinitionError(
            [problem_at((0, 0), file, "too-large", f"the file is larger than {MAX_SIZE // 2**20} MiB", hint)]
        )
    if text.count("\n%") > yamltree.MAX_DIRECTIVES:
        message = f"more than {yamltree.MAX_DIRECTIVES} lines begin with `%`"
        raise DefinitionError([problem_at((0, 0), file, "too-large", message, "remove the YAML directives")])
    try:
        return _Composer(text, file).document()
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise DefinitionError([syntax_problem(error, text, file)]) from None
    except DefinitionError as error:
        raise DefinitionError([_reworded(problem) for problem in error.problems]) from None


def repeated_keys(tree: yamltree.Tree, file: str) -> list[Problem]:
    """An error for each key that stands twice in one mapping."""
    message = "`{}` stands here again, it is at {}:{} already"
    return [
        Problem(
            file,
            key.line,
            key.column,
            "error",
            "repeated-key",
            message.format(key.value, earlier.line, earlier.column),
            hint="remove one of the two",
        )
        for key, earlier in tree.repeated[:100]
    ]


_WORDS = {
    "empty": ("the file is empty", "begin with `monitors:` and a list"),
    "second-document": ("a second document begins here, a monitors file is one", "remove the `---`"),
    "too-deep": ("lists and mappings are nested too deeply", "no monitors file needs more than 6 levels"),
}


def _reworded(problem: Problem) -> Problem:
    message, hint = _WORDS.get(problem.rule, (problem.message, problem.hint))
    return replace(problem, message=message, hint=hint)


class _Composer(yamltree._Composer):  # noqa: SLF001 - the same composer with another limit
    def _count(self, event: yaml.Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, aliases counted as what they repeat"
            self._refuse(event, "too-large", message, "split the file, or repeat less")
