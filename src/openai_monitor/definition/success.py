"""When an answer is a success though its status says so anyway. An extension of ours to HertzBeat's language.

It is written under the top-level ``annotations:``, as pages are (see ``paging``), and HertzBeat ignores it::

    annotations:
      costs.success: $.code == 0 && $.data != null

The condition is in the language of ``calculates``. Its names are paths from the root of the answer: ``$.code``,
``$.errors[0].message``, or ``code`` for ``$.code``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from openai_monitor.definition.expression import Expression, compile_expression, known_names
from openai_monitor.definition.model import Text
from openai_monitor.definition.path import Path, compile_path
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError, PathSyntaxError

WORD = "success"
JSON_TYPES = (None, "default", "jsonPath", "PromQL")

_PATH = re.compile(
    r"\$(?:\.{1,2}[A-Za-z_*][\w*]*"
    r"|\[(?:-?\d+|\*|'[^'\]]*'|\"[^\"\]]*\"|\?\((?:[^()]|\([^()]*\))*\))\])+",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Success:
    """A condition that an answer has to fulfil, and the path behind each of its names."""

    expression: Expression
    paths: Mapping[str, Path]

    @property
    def text(self) -> str:
        """The condition as it is written."""
        return self.expression.text


def read_success(annotations: Mapping[str, Text] | None, set_name: str) -> Success | None:
    """The success condition of a set; None when it has none.

    Raises ExpressionSyntaxError, or PathSyntaxError for a name that is not the path of anything.
    """
    text = (annotations or {}).get(f"{set_name}.{WORD}")
    return compile_success(text) if text else None


def compile_success(text: str) -> Success:
    """Compile a condition; raises as ``read_success`` does."""
    text = text.strip()
    expression = compile_expression(text, known_names(tuple(dict.fromkeys(_PATH.findall(text)))))
    paths = {name: compile_path(name if name.startswith("$") else f"$.{name}") for name in sorted(expression.names)}
    return Success(expression, paths)


def success_complaints(
    annotations: Mapping[str, Text] | None, parse_types: Mapping[str, str | None]
) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, what to write) for each success condition that can't be used.

    ``parse_types`` has those of the metric sets, by name.
    """
    for key, value in (annotations or {}).items():
        name, dot, word = key.rpartition(".")
        if not dot or word != WORD:
            continue
        example = f"write a condition such as {key}: $.success == true"
        if name not in parse_types:
            yield key, f"there is no metric set {name!r}", f"the sets are {', '.join(parse_types)}"
        elif not value:
            yield key, "it has no value", example
        elif (parse_type := parse_types[name]) not in JSON_TYPES and "^_^" not in (parse_type or ""):
            yield key, f"a success condition reads JSON, and parseType {parse_type} reads something else", "remove it"
        else:
            try:
                success = compile_success(value)
            except (ExpressionSyntaxError, PathSyntaxError) as fault:
                yield key, f"the condition does not compile: {fault} (at character {fault.offset + 1})", example
                continue
            if not success.paths:
                yield key, "the condition reads nothing of the answer", example
            elif said := _fault_of_call(success):
                yield key, said, example


def _fault_of_call(success: Success) -> str:
    """What is wrong with a call whatever the answer; found by asking it about an empty one."""
    names, lists = sorted(success.expression.names), sorted(success.expression.lists)
    try:
        success.expression.bind(names, lists=lists)([None] * (len(names) + len(lists)))
    except EvaluationError as error:
        return str(error) if str(error).startswith("there is no function") else ""
    return ""
