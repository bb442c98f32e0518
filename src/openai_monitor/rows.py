"""What comes out of a collection: metric sets with typed rows.

This module imports nothing of ours, so whatever reads rows depends on rows alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

Value = str | int | float | None
"""One cell: a number field holds int or float, a time field int (seconds), the others str; None is no value."""

Row = tuple[Value, ...]
"""One row: a value for each field of its metric set, in the order of the fields."""

SECRET_MASK = "***"

MEASURED = ("responsetime", "keyword")
"""Names, in lower case, of what is measured and stands in no answer."""


class Code(IntEnum):
    """How the collection of one metric set ended, numbered and named as HertzBeat does."""

    SUCCESS = 0
    UN_AVAILABLE = 1
    UN_REACHABLE = 2
    UN_CONNECTABLE = 3
    FAIL = 4
    TIMEOUT = 5


class FieldType(Enum):
    """The declared type of a field; the number is the definition's, the name ours."""

    NUMBER = 0
    STRING = 1
    SECRET = 2
    TIME = 3

    @property
    def word(self) -> str:
        """The name used in outputs: ``number``, ``string``, ``secret`` or ``time``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a metric set. A label identifies its row among the others of the set."""

    name: str
    type: FieldType
    unit: str | None = None
    label: bool = False

    def __hash__(self) -> int:
        return hash(self.name)  # enough to tell fields apart, and much less work: sets of fields are keys of caches


def has_values(fields: Sequence[Field], rows: Iterable[Row]) -> bool:
    """Whether any cell has a value, what is measured aside; True where all that the fields hold is measured."""
    read = [at for at, field in enumerate(fields) if field.name.lower() not in MEASURED]
    return not read or any(row[at] is not None for row in rows for at in read)


@dataclass(frozen=True, slots=True)
class MetricSetResult:
    """What one metric set answered.

    ``message`` is empty for a plain success; otherwise it says what happened and what to do next.
    ``complete`` is False when rows of a success are known to be missing, which ``message`` explains: no total may be
    made of the others. Of a failure it says nothing. ``found`` is False when rows came, no field of them has a value,
    and no key that the fields read stands anywhere in the answer: it is another answer than the definition's.
    ``warnings`` tell of values that were dropped while the set as a whole stands.
    ``time`` is when the set's collection started (aware, UTC), ``duration`` its length in seconds. ``status`` is the
    HTTP status when it was the status that failed, ``retry_after`` what the server asks to wait, in seconds.
    Cells of a secret field are held in clear here and are masked by every output; ``repr`` shows no cell at all.
    """

    name: str
    code: Code
    message: str
    fields: tuple[Field, ...]
    rows: tuple[Row, ...]
    time: datetime
    duration: float
    warnings: tuple[str, ...] = ()
    status: int | None = None
    retry_after: float | None = None
    complete: bool = True
    found: bool = True

    @property
    def ok(self) -> bool:
        """Whether the set was collected."""
        return self.code is Code.SUCCESS

    def records(self) -> Iterator[dict[str, Value]]:
        """The rows as dicts by field name, secrets in clear."""
        names = [field.name for field in self.fields]
        return (dict(zip(names, row, strict=True)) for row in self.rows)

    def public_rows(self) -> tuple[Row, ...]:
        """The rows as outputs may show them: a secret that has a value is ``***``."""
        secret = [field.type is FieldType.SECRET for field in self.fields]
        if not any(secret):
            return self.rows
        return tuple(
            tuple(SECRET_MASK if hide and cell is not None else cell for hide, cell in zip(secret, row, strict=True))
            for row in self.rows
        )

    def __repr__(self) -> str:
        return (
            f"MetricSetResult(name={self.name!r}, code={self.code.name}, message={self.message!r}, "
            f"rows={len(self.rows)})"
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A metric set that was not asked, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """One collection of a definition: the sets that ran, in the order of the definition, and those that did not.

    ``host`` is the monitored host (or None when the definition has no parameter of that name).
    """

    app: str
    host: str | None
    time: datetime
    results: tuple[MetricSetResult, ...]
    skipped: tuple[Skipped, ...] = ()
    name: str | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every set ran and was collected."""
        return not self.skipped and all(result.ok for result in self.results)

    def __getitem__(self, name: str) -> MetricSetResult:
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(name)
