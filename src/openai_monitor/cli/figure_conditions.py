"""``--fail-if`` of ``balance``: a condition over the figures, such as ``days_left < 7``."""

import difflib
from collections.abc import Sequence
from datetime import datetime

from openai_monitor.cli.conditions import Condition, Verdict
from openai_monitor.definition.expression import compile_expression
from openai_monitor.errors import ExpressionSyntaxError, ParameterError
from openai_monitor.rows import Round, Skipped
from openai_monitor.spend import FIGURES, Figures, as_metric_set
from openai_monitor.spend.metric_set import NAME, OF_FORECAST


def compile_figure_conditions(texts: Sequence[str]) -> list[Condition]:
    """Compile the conditions; they are judged on the rows of the figures, one a currency.

    Raises ParameterError for a text that is no expression or names what is no figure.
    """
    return [_compile(text) for text in texts]


def _compile(text: str) -> Condition:
    try:
        expression = compile_expression(text)
    except ExpressionSyntaxError as error:
        raise ParameterError(f"--fail-if {text!r}: {error} (at character {error.offset + 1})") from None
    names = sorted(expression.names, key=text.find)
    if not names:
        raise ParameterError(f"--fail-if {text!r} reads no figure; write a comparison, such as days_left < 7")
    for name in names:
        if name not in FIGURES:
            raise ParameterError(f"--fail-if {text!r}: {name} is no figure{_hint(name)}")
    return Condition(text, expression.bind(names), {name: (NAME, name) for name in names})


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, FIGURES, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(FIGURES)}"


def judge(conditions: Sequence[Condition], figures: Sequence[Figures], time: datetime) -> list[Verdict]:
    """Judge the conditions; what there is no figure for is never taken for "no"."""
    told = as_metric_set(figures, time)
    nothing = Skipped(NAME, "nothing could be collected")
    judged = Round("", None, time, (told,) if figures else (), () if figures else (nothing,))
    return [_with_reason(condition.judge(judged), condition, figures) for condition in conditions]


def _with_reason(verdict: Verdict, condition: Condition, figures: Sequence[Figures]) -> Verdict:
    """Say why there is no forecast where a condition wants one."""
    reasons = dict.fromkeys(each.no_forecast for each in figures if each.no_forecast)
    if verdict.holds is not None or not reasons or not condition.references.keys() & OF_FORECAST:
        return verdict
    return Verdict(None, f"{verdict.sentence} ({'; '.join(reasons)})")
