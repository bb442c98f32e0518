"""Series in Prometheus's text. The writing is prometheus_client's.

prometheus_client checks nothing: a name it can't write, a label that is no text, or two values for one series break
the page for whoever reads it. So all of that is made right here.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

OWN = "openai_monitor"

LabelSet = Mapping[str, str]
Type = Literal["gauge", "counter", "unknown"]

_METRICS: Mapping[Type, Callable[[str, str], Metric]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "unknown": UnknownMetricFamily,
}
_HELP = b"\n# HELP "


@dataclass(frozen=True, slots=True)
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

    def keep(self, name: str, header: bytes) -> None:
        """Keep a family's header."""
        self._known.setdefault(name, header)

    def shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Give the one tuple of these names, as thousands of monitors have the same."""
        return self._names.setdefault(names, names)

    def write(self, blocks: Iterable[Block]) -> bytes:
        """Write the page of these blocks: each family once, by its name, with all its lines."""
        alike: dict[tuple[str, ...], list[Block]] = {}
        for block in blocks:
            alike.setdefault(block.names, []).append(block)
        positions = {names: {name: index for index, name in enumerate(names)} for names in alike}
        page = bytearray()
        for family in sorted({name for names in alike for name in names}):
            page += self._known[family]
            for names, several in alike.items():
                index = positions[names].get(family)
                if index is not None:
                    page += b"".join([_lines(block, index) for block in several])
        return bytes(page)


def _lines(block: Block, index: int) -> bytes:
    return block.lines[block.ends[index - 1] if index else 0 : block.ends[index]]


class Families:
    """Series by the families they belong to. Of two values for one series the first stands."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._left_out = 0

    def add(self, name: str, about: str, labels: LabelSet, value: float, kind: Type = "gauge") -> None:
        """Add a series."""
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(_METRICS[kind](name, about), set())
        # To Prometheus a label without a value is no label.
        told = {label: text for label, text in labels.items() if text}
        key = frozenset(told.items())
        if key in family.keys:
            self._left_out += 1
            return
        family.keys.add(key)
        family.metric.samples.append(Sample(name, told, value))

    def write(self, headers: Headers, labels: LabelSet) -> Block:
        """Write the series, and with these labels how many values had no place among them, if any."""
        if self._left_out:
            about = "Values left out because their series had one already."
            self.add(f"{OWN}_left_out_values", about, labels, self._left_out)
        names = headers.shared(tuple(sorted(self._families)))
        text = generate_latest(_Several([self._families[name].metric for name in names]))
        # No line but a header begins like this: line ends are escaped in help and labels.
        pieces = (b"\n" + text.removesuffix(b"\n")).split(_HELP)[1:]
        lines, ends = bytearray(), array("I")
        for name, piece in zip(names, pieces, strict=True):
            about_line, type_line, series = piece.split(b"\n", 2)
            headers.keep(name, b"# HELP %b\n%b\n" % (about_line, type_line))
            lines += series + b"\n"
            ends.append(len(lines))
        return Block(names, bytes(lines), ends)


@dataclass(frozen=True, slots=True)
class _Family:
    metric: Metric
    keys: set[frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class _Several:
    """A collector of these, as generate_latest wants one."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics
