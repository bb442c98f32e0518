"""The outcomes of tests as a text."""

from collections.abc import Iterator, Mapping, Sequence

from openai_monitor.authoring.casefile import CaseFile
from openai_monitor.authoring.caserun import Outcome
from openai_monitor.outputs import Style
from openai_monitor.outputs.json_text import encode
from openai_monitor.outputs.text import visible

Results = Sequence[tuple[CaseFile, Sequence[Outcome]]]

_LOOKS: Mapping[str, str] = {"- ": "red", "+ ": "yellow"}


def render_text(results: Results, style: Style) -> str:
    """A line a file; a failed test with its place and what is not as expected, ``-`` expected and ``+`` got."""
    return "".join(f"{line}\n" for tests, outcomes in results for line in _lines(tests, outcomes, style))


def render_json(results: Results) -> str:
    """One object: ``files`` with their tests, and how many ``passed`` and ``failed``."""
    files = ",\n    ".join(
        encode({"file": tests.file, "tests": [_test(outcome) for outcome in outcomes]}) for tests, outcomes in results
    )
    passed, failed = count(results)
    return f'{{\n  "files": [\n    {files}\n  ],\n  "passed": {passed},\n  "failed": {failed}\n}}\n'


def count(results: Results) -> tuple[int, int]:
    """How many tests passed, and how many failed."""
    verdicts = [outcome.passed for _, outcomes in results for outcome in outcomes]
    return sum(verdicts), len(verdicts) - sum(verdicts)


def summary(results: Results) -> str:
    """One line for a person."""
    passed, failed = count(results)
    return f"{passed + failed} test{'s' if passed + failed != 1 else ''}: {_verdicts(passed, failed)}"


def _verdicts(passed: int, failed: int) -> str:
    return f"{passed} passed" + (f", {failed} failed" if failed else "")


def _lines(tests: CaseFile, outcomes: Sequence[Outcome], style: Style) -> Iterator[str]:
    yield visible(f"{tests.file}: {_verdicts(*count([(tests, outcomes)]))}")
    for outcome in outcomes:
        if outcome.passed:
            continue
        case = outcome.case
        place = f"{tests.file}:{case.line}:{case.column}"
        yield f"{visible(place)}: {style.paint('failed', 'red')}: {visible(f'{case.name} ({case.metrics})')}"
        for complaint in outcome.complaints:
            look = _LOOKS.get(complaint[:2])
            yield "    " + (style.paint(visible(complaint), look) if look else visible(complaint))


def _test(outcome: Outcome) -> dict[str, object]:
    case = outcome.case
    return {
        "name": case.name,
        "metrics": case.metrics,
        "line": case.line,
        "passed": outcome.passed,
        "complaints": outcome.complaints,
    }
