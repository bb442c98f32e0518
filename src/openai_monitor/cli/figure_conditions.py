"""``--fail-if`` of ``balance``: a condition over the figures, such as ``days_left < 7``."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from openai_monitor.cli.conditions import Condition, Verdict
from openai_monitor.definition.expression import compile_expression
from openai_monitor.errors import ExpressionSyntaxError, ParameterError
from openai_monitor.rows import MetricSetResult, Round, Skipped
from openai_monitor.spend import FIGURES, Figures, as_metric_set
from openai_monitor.spend.metric_set import NAME, OF_FORECAST

CURRENCY = "currency"


def compile_figure_conditions(texts: Sequence[str]) -> list[Condition]:
    """Compile the conditions; they are judged on the rows of the figures, one a currency, which may be named too.

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
    if names == [CURRENCY]:
        raise ParameterError(f"--fail-if {text!r} reads no figure; write a comparison, such as {text} && left < 10")
    for name in names:
        if name not in (*FIGURES, CURRENCY):
            raise ParameterError(f"--fail-if {text!r}: {name} is no figure{_hint(name)}")
    return Condition(text, expression.bind(names), {name: (NAME, name) for name in names})


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, FIGURES, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(FIGURES)}"


def judge(conditions: Sequence[Condition], figures: Sequence[Figures], time: datetime) -> list[Verdict]:
    """Judge the conditions; what there is no figure for is never taken for "no".

    One that names no currency is about those that hold something or were used, where there are any: services tell of
    wallets in other currencies that were never filled.
    """
    told = as_metric_set(figures, time) if figures else None
    if told is not None and any((each.left or 0) > 0 for each in figures):
        pairs = zip(figures, told.rows, strict=True)
        in_use: MetricSetResult | None = replace(told, rows=tuple(row for each, row in pairs if not _is_empty(each)))
    else:
        in_use = told
    return [
        _judge(condition, figures, told if CURRENCY in condition.references else in_use, time)
        for condition in conditions
    ]


def _judge(condition: Condition, figures: Sequence[Figures], told: MetricSetResult | None, time: datetime) -> Verdict:
    nothing = () if told else (Skipped(NAME, "nothing could be collected"),)
    verdict = condition.judge(Round("", None, time, (told,) if told else (), nothing))
    known = [each.currency for each in figures]
    unknown = [code for code in re.findall(r"['\"]([A-Za-z]{3})['\"]", condition.text) if code not in known]
    if known and unknown and CURRENCY in condition.references and not verdict.holds:
        problem = f"there are no figures in {unknown[0]}, only in {', '.join(known)}"
        return Verdict(None, f"--fail-if {condition.text!r} could not be judged: {problem}")
    return _with_reason(verdict, condition, figures)


def _is_empty(figures: Figures) -> bool:
    return figures.left == 0 and not figures.spent_30_days and figures.limit is None


def _with_reason(verdict: Verdict, condition: Condition, figures: Sequence[Figures]) -> Verdict:
    """Say why there is no forecast where a condition wants one."""
    reasons = dict.fromkeys(each.no_forecast for each in figures if each.no_forecast)
    if verdict.holds is not None or not reasons or not condition.references.keys() & OF_FORECAST:
        return verdict
    return Verdict(None, f"{verdict.sentence} ({'; '.join(reasons)})")
