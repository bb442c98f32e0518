"""Reading what a collector sends, as the manager does: by the lengths, then by Arrow's own reader."""

import struct
from dataclasses import dataclass
from typing import Any

import nanoarrow


@dataclass(frozen=True)
class Seen:
    """One metric set as the manager reads it."""

    metadata: dict[str, str]
    fields: list[dict[str, Any]]
    rows: list[dict[str, str | None]]
    batches: int

    @property
    def monitor_id(self) -> int:
        return int(self.metadata["id"])

    @property
    def name(self) -> str:
        return self.metadata["metrics"]

    @property
    def code(self) -> int:
        return int(self.metadata.get("code", "0"))


def read_payload(data: bytes) -> list[Seen]:
    [count] = struct.unpack_from(">i", data)
    at, found = 4, []
    for _ in range(count):
        [length] = struct.unpack_from(">i", data, at)
        found.append(read_stream(data[at + 4 : at + 4 + length]))
        at += 4 + length
    assert at == len(data)
    return found


def read_payload_of_1_7(data: bytes) -> list[Seen]:
    """Without lengths: where the end of one stream is, the next begins."""
    [count] = struct.unpack_from(">i", data)
    end = b"\xff\xff\xff\xff\x00\x00\x00\x00"
    streams = data[4:].split(end)
    assert (len(streams), streams[-1]) == (count + 1, b"")
    return [read_stream(stream + end) for stream in streams[:-1]]


def read_stream(data: bytes) -> Seen:
    assert data.endswith(b"\xff\xff\xff\xff\x00\x00\x00\x00"), "no end-of-stream marker"
    stream = nanoarrow.ArrayStream.from_readable(data)
    schema = stream.schema
    batches = list(stream)
    rows = [row for batch in batches for row in batch.to_pylist()]
    fields = [_field(field) for field in schema.fields]
    return Seen(_texts(schema.metadata), fields, rows, len(batches))


def _field(field: Any) -> dict[str, Any]:
    metadata = _texts(field.metadata)
    return {
        "name": field.name,
        "arrow_type": field.type.name.lower(),
        "nullable": field.nullable,
        "metadata": metadata,
    }


def _texts(metadata: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in metadata.items()} if metadata else {}
