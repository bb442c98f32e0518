"""What is found on the way to an API: one Step after the other, then what a key may read there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: ``name``, ``connect``, ``proxy``, ``tls``, ``answer`` or ``clock``.

    ``message`` is for a person, and of a step that failed it says what to do. ``facts`` are for machines: texts,
    numbers, lists of texts. ``seconds`` is None for what takes no time.
    """

    name: str
    ok: bool
    seconds: float | None
    message: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetRead:
    """Whether a metric set can be read, and how many rows it has; what they hold is not kept.

    ``code`` is the name of a result's code, None for a set that was not asked; ``status`` the HTTP status when it was
    what failed.
    """

    name: str
    ok: bool
    seconds: float | None
    message: str
    rows: int = 0
    code: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """The way to one definition's API.

    ``url`` is what was asked, without its query. ``proxy`` is host and port of the one in use, ``proxy_from`` names who
    named it. ``sets`` is what a key may read; None when none was tried, since the way ended before, or since there is
    none though one is needed (``wants_key``).
    """

    app: str
    url: str
    proxy: str | None
    proxy_from: str | None
    time: datetime
    steps: tuple[Step, ...]
    sets: tuple[SetRead, ...] | None = None
    wants_key: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step was made, and every set that was tried could be read."""
        return all(step.ok for step in self.steps) and all(each.ok for each in self.sets or ())
