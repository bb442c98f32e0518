"""Metric sets as the manager reads them: Arrow streams, one a set.

All columns are text: other types, and Arrow's own nulls, make the manager lose the set.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import BytesIO
from typing import Any

from openai_monitor.hertzbeat.documents import writable
from openai_monitor.hertzbeat.extras import load

Metadata = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``metadata`` has the manager's ``type``, ``unit`` and ``label``, all as text."""

    name: str
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One metric set: its columns, what belongs to it as a whole, and its rows, every cell a text."""

    columns: tuple[Column, ...]
    metadata: Metadata
    rows: Sequence[Sequence[str]] = field(repr=False)


def payload(tables: Iterable[Table], *, lengths: bool = True) -> bytes:
    """How many tables, then each, with its length in front where the manager expects ``lengths``."""
    streams = [_stream(table) for table in tables]
    parts = [struct.pack(">i", len(streams))]
    for stream in streams:
        parts += (struct.pack(">i", len(stream)), stream) if lengths else (stream,)
    return b"".join(parts)


def _stream(table: Table) -> bytes:
    """An Arrow stream: schema, one batch, end; no compression, no dictionaries."""
    nanoarrow = load("nanoarrow")
    columns = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    batch = nanoarrow.c_array_from_buffers(
        _schema(table.columns).modify(metadata=_written(table.metadata.items())),
        len(table.rows),
        (None,),
        null_count=0,
        children=[_texts(column) for column in columns],
    )
    out = BytesIO()
    with load("nanoarrow.ipc").StreamWriter.from_writable(out) as writer:
        writer.write_array(batch)
    return out.getvalue()


@lru_cache(maxsize=256)
def _schema(columns: tuple[Column, ...]) -> Any:
    """The columns as a schema; the same metric set is sent again and again."""
    nanoarrow = load("nanoarrow")
    text = nanoarrow.string()
    fields = [
        nanoarrow.Schema(text, name=writable(column.name), metadata=_written(column.metadata)) for column in columns
    ]
    return nanoarrow.c_schema(nanoarrow.struct(fields, nullable=False))


def _texts(cells: Sequence[str]) -> Any:
    """A text column."""
    make, schema = load("nanoarrow").c_array, _text_schema()
    try:
        return make(cells, schema)
    except ValueError:  # a lone surrogate in a text
        return make([writable(cell) for cell in cells], schema)


def _written(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Metadata as they can be written."""
    return {writable(name): writable(text) for name, text in pairs}


@cache
def _text_schema() -> Any:
    nanoarrow = load("nanoarrow")
    return nanoarrow.c_schema(nanoarrow.string())
