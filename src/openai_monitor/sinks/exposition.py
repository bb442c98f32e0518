"""Series in Prometheus's text.

prometheus_client writes the heads of families, and checks nothing: a name it can't write, a label that is no text, or
two values for one series break the page for whoever reads it. So all of that is made right here, and the lines
themselves too: its way to them costs more than a whole collection, since most of a page is labels that have not
changed since the page before.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import accumulate
from typing import Literal

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.metrics_core import Metric

OWN = "openai_monitor"

Type = Literal["gauge", "counter", "unknown"]
Extra = tuple[tuple[str, str], ...]

_METRICS: Mapping[Type, Callable[[str, str], Metric]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "unknown": UnknownMetricFamily,
}
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def _number(value: float) -> str:
    """A number as Python writes it, which Prometheus reads as well: to write it as Go would is slow."""
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


class Labels(dict[str, str]):
    """The labels of a series. To Prometheus one without a value is none."""

    @cached_property
    def text(self) -> str:
        """The labels as they stand on the page, with their braces."""
        told = [f'{name}="{value.translate(_ESCAPED)}"' for name, value in sorted(self.items()) if value]
        return f"{{{','.join(told)}}}" if told else ""


@dataclass(slots=True)
class Block:
    """The lines of some series, family after family: the lines of ``names[i]`` end at ``ends[i]``."""

    names: tuple[str, ...]
    lines: bytes
    ends: Sequence[int]


class Headers:
    """The HELP and TYPE lines of families by name; the first that come stand."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def keep(self, family: "_Family | Head") -> None:
        """Keep a family's header."""
        if family.name not in self._known:
            self._known[family.name] = generate_latest(_Alone(_METRICS[family.kind](family.name, family.about)))

    def know(self, names: tuple[str, ...]) -> bool:
        """Whether there were blocks of these names, so that their headers are kept."""
        return names in self._names

    def shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Give the one tuple of these names, as thousands of monitors have the same."""
        return self._names.setdefault(names, names)

    def write(self, blocks: Iterable[Block]) -> bytes:
        """Write the page of these blocks: each family once, by its name, with all its lines."""
        alike: dict[tuple[str, ...], list[Block]] = {}
        for block in blocks:
            alike.setdefault(block.names, []).append(block)
        positions = {names: {name: index for index, name in enumerate(names)} for names in alike}
        page = BytesIO()  # its value is given without a copy
        for family in sorted({name for names in alike for name in names}):
            page.write(self._known[family])
            for names, several in alike.items():
                index = positions[names].get(family)
                if index:
                    before = index - 1
                    page.write(b"".join([block.lines[block.ends[before] : block.ends[index]] for block in several]))
                elif index == 0:
                    page.write(b"".join([block.lines[: block.ends[0]] for block in several]))
        return page.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A series without its value; ``extra`` are its labels beside those that all of its kind have."""

    name: str
    about: str
    extra: Extra = ()
    kind: Type = "gauge"


class Frame:
    """Series of one owner that stay the same while their values change; no two of them are of one family."""

    def __init__(self, heads: Sequence[Head]) -> None:
        order = sorted(range(len(heads)), key=lambda index: heads[index].name)
        self._heads = [heads[index] for index in order]
        self._series = [(heads[index].name, heads[index].extra, index) for index in order]
        self._names = tuple([head.name for head in self._heads])
        self.extras = frozenset(head.extra for head in heads)

    def write(self, headers: Headers, texts: Mapping[Extra, str], values: Sequence[float]) -> Block:
        """Write the series with values in the order of the heads; ``texts`` are the labels' with each extra."""
        if not headers.know(self._names):
            for head in self._heads:
                headers.keep(head)
        lines = [f"{name}{texts[extra]} {_number(values[index])}\n".encode() for name, extra, index in self._series]
        return Block(headers.shared(self._names), b"".join(lines), array("I", accumulate(map(len, lines))))


@lru_cache(maxsize=1024)
def frame_of(heads: tuple[Head, ...]) -> Frame | None:
    """Give the frame of these series; None when two are of one family."""
    return Frame(heads) if len({head.name for head in heads}) == len(heads) else None


class Families:
    """Series by the families they belong to. Of two values for one series the first stands."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._left_out = 0

    def add(self, name: str, about: str, labels: Labels, value: float, kind: Type = "gauge") -> None:
        """Add a series."""
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(name, about, kind, {})
        values, text = family.values, labels.text
        if text in values:
            self._left_out += 1
        else:
            values[text] = value

    def write(self, headers: Headers, labels: Labels) -> Block:
        """Write the series, and with these labels how many values had no place among them, if any."""
        if self._left_out:
            about = "Values left out because their series had one already."
            self.add(f"{OWN}_left_out_values", about, labels, self._left_out)
        names = tuple(sorted(self._families))
        lines, ends = bytearray(), array("I")
        for name in names:
            family = self._families[name]
            headers.keep(family)
            for text, value in family.values.items():
                lines += f"{name}{text} {_number(value)}\n".encode()
            ends.append(len(lines))
        return Block(headers.shared(names), bytes(lines), ends)


@dataclass(slots=True)
class _Family:
    """``values`` are by the text of their labels."""

    name: str
    about: str
    kind: Type
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Alone:
    """A collector of one metric, as generate_latest wants one."""

    metric: Metric

    def collect(self) -> Iterable[Metric]:
        return (self.metric,)
