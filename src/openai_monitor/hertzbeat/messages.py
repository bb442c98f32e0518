"""The one message of the protocol, as its few protobuf fields, and those that a collector sends.

identity (1, text), direction (2, enum), type (3, enum), msg (4, bytes); a field with its default value is left out.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from openai_monitor.hertzbeat.errors import ProtocolError
from openai_monitor.hertzbeat.framing import varint

_MOST_FIELDS = 100
"""Fields of one message; the protocol has four. Each costs time, and a message of zeros would be millions."""

Mode = Literal["private", "public"]
"""``private`` gets the monitors pinned to it, ``public`` a share of all that are pinned to none as well."""


class Type(IntEnum):
    """What a message is; C is the collector, M the manager."""

    HEARTBEAT = 0
    """C every 5 s; M answers."""
    GO_ONLINE = 1
    """C after connecting, M's answer with the key; as a request of M: begin again."""
    GO_OFFLINE = 2
    """A request of M: stop everything, stay connected. Of C: I leave."""
    GO_CLOSE = 3
    """M: you were deleted."""
    ISSUE_CYCLIC_TASK = 4
    DELETE_CYCLIC_TASK = 5
    ISSUE_ONE_TIME_TASK = 6
    RESPONSE_ONE_TIME_TASK_DATA = 7
    RESPONSE_CYCLIC_TASK_DATA = 8


class Direction(IntEnum):
    """Whether a message asks or answers."""

    REQUEST = 0
    RESPONSE = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``type`` and ``direction`` are plain numbers: unknown ones are ignored, not refused."""

    type: int = Type.HEARTBEAT
    identity: str = ""
    direction: int = Direction.REQUEST
    msg: bytes = b""

    def __repr__(self) -> str:
        return f"Message(type={self.type}, direction={self.direction}, msg={len(self.msg)} bytes)"


def encode(message: Message) -> bytes:
    """The message as protobuf."""
    out = bytearray()
    if message.identity:
        out += _bytes_field(1, message.identity.encode())
    if message.direction:
        out += b"\x10" + varint(message.direction)
    if message.type:
        out += b"\x18" + varint(message.type)
    if message.msg:
        out += _bytes_field(4, message.msg)
    return bytes(out)


def decode(data: bytes) -> Message:
    """The message of protobuf bytes. Fields nobody knows are passed over; ProtocolError for what is no protobuf."""
    texts = {1: b"", 4: b""}
    numbers = {2: 0, 3: 0}
    at = fields = 0
    while at < len(data):
        tag, at = _number(data, at)
        number, kind = tag >> 3, tag & 7
        fields += 1
        if number == 0 or fields > _MOST_FIELDS:  # protobuf counts fields from 1
            raise _malformed()
        if kind == 0:
            value, at = _number(data, at)
            if number in numbers:
                numbers[number] = value
            continue
        start, at = _span(data, at, kind)
        if kind == 2 and number in texts:
            texts[number] = data[start:at]
    return Message(numbers[3], texts[1].decode(errors="replace"), numbers[2], texts[4])


# What a collector says


def go_online(identity: str, mode: Mode, version: str) -> Message:
    """I am here. Without an address: the manager takes the one it sees."""
    info = {"name": identity, "ip": "", "version": version, "mode": mode}
    return Message(Type.GO_ONLINE, identity, msg=compact_json(info))


def go_offline(identity: str) -> Message:
    """I leave. Right before ``go_online`` it makes the manager issue all tasks, even after a short gap."""
    return Message(Type.GO_OFFLINE, identity)


def heartbeat(identity: str) -> Message:
    """I am still here."""
    return Message(Type.HEARTBEAT, identity)


def order_done(order: Message, identity: str) -> Message:
    """The answer to an order to go offline or online."""
    return Message(order.type, identity, Direction.RESPONSE, b"0")


def cyclic_data(identity: str, payload: bytes) -> Message:
    """Rows of a round."""
    return Message(Type.RESPONSE_CYCLIC_TASK_DATA, identity, msg=payload)


def one_time_data(payload: bytes) -> Message:
    """Rows of a one-time task; the waiting request is found by the monitor's id inside."""
    return Message(Type.RESPONSE_ONE_TIME_TASK_DATA, msg=payload)


def compact_json(value: object) -> bytes:
    """JSON as the manager writes it: no blanks, no escapes that are not needed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _bytes_field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(data[at : at + 10]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    raise _malformed()


def _span(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where the value of a field begins and ends."""
    if kind == 2:
        length, at = _number(data, at)
    elif kind in (1, 5):
        length = 8 if kind == 1 else 4
    else:
        raise _malformed()
    if at + length > len(data):
        raise _malformed()
    return at, at + length


def _malformed() -> ProtocolError:
    return ProtocolError("what came is no message of a HertzBeat manager: the protobuf in it is malformed")
