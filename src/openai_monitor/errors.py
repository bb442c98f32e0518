"""The errors a user of the package can meet.

::

    MonitorError
    ├── DefinitionError        the definition file: one Problem or more, each with its position
    ├── ParameterError         the parameters given for a definition
    ├── SettingsError          the surroundings: certificates, proxies, files named on the command line
    ├── SyntaxFault            a piece of text in one of the definition's small languages
    │   ├── ExpressionSyntaxError
    │   ├── PathSyntaxError
    │   └── PatternSyntaxError
    ├── EvaluationError        an expression met values it can't be computed on
    └── CollectionError        a metric set failed; carries HertzBeat's code

``collect`` raises only the first three: a failing metric set is a result with a code and a message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from openai_monitor.rows import Code

Severity = Literal["error", "warning"]


class MonitorError(Exception):
    """Anything this package refuses or fails at, with a message meant for its user."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition: where, what was found, what was expected and what to do.

    ``line`` and ``column`` count from 1. ``rule`` is a short stable name such as ``unknown-key``.
    ``key`` is the path of keys, such as ``metrics[0].http.port``.
    """

    file: str
    line: int
    column: int
    severity: Severity
    rule: str
    message: str
    key: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f" ({self.key})" if self.key else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.rule}] {self.message}{where}{hint}"


class DefinitionError(MonitorError):
    """The definition can't be used; ``problems`` lists why, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ParameterError(MonitorError):
    """Parameters are missing, unknown or not of their declared type."""


class OtherVendor(ParameterError):
    """A key is one of another vendor than the host's, so it was not sent."""


class SettingsError(MonitorError):
    """A certificate file, proxy address or other setting of the run can't be used."""


class SyntaxFault(MonitorError):
    """A text of one of the small languages does not compile; ``offset`` counts characters from 0."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class ExpressionSyntaxError(SyntaxFault):
    """Not an expression."""


class PathSyntaxError(SyntaxFault):
    """Not a JSONPath or XPath of the supported dialect."""


class PatternSyntaxError(SyntaxFault):
    """Not a regular expression that runs in linear time."""


class EvaluationError(MonitorError):
    """An expression has no value for these operands."""


class CollectionError(MonitorError):
    """A metric set failed. The message is for a person: what happened, then what to do next.

    ``status`` is the HTTP status when it was the status that failed, ``retry_after`` what the server asks to wait, in
    seconds.
    """

    def __init__(
        self, code: Code, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
