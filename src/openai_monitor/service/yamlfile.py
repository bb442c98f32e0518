"""The monitors file as a tree with positions, read like a definition but with room for many monitors."""

from dataclasses import replace

from openai_monitor.definition.yaml.errors import problem_at
from openai_monitor.definition.yaml.tree import MAX_DIRECTIVES, Tree, compose
from openai_monitor.errors import DefinitionError, Problem

MAX_SIZE = 32 * 2**20
"""Characters."""
MAX_NODES = 2_000_000
"""Scalars, lists and mappings. A monitor has some twenty."""


def read_tree(text: str, file: str) -> Tree:
    """Compose the one document of a text. Raises DefinitionError with one Problem."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_SIZE:
        hint = "split it between several services"
        raise DefinitionError(
            [problem_at((0, 0), file, "too-large", f"the file is larger than {MAX_SIZE // 2**20} MiB", hint)]
        )
    if text.count("\n%") > MAX_DIRECTIVES:
        message = f"more than {MAX_DIRECTIVES} lines begin with `%`"
        raise DefinitionError([problem_at((0, 0), file, "too-large", message, "remove the YAML directives")])
    try:
        return compose(text, file, MAX_NODES)
    except DefinitionError as error:
        raise DefinitionError([_reworded(problem) for problem in error.problems]) from None


def repeated_keys(tree: Tree, file: str) -> list[Problem]:
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
