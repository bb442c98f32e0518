import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hertzbeat_cluster import samples

from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.errors import ProtocolError
from openai_monitor.hertzbeat.framing import frame
from openai_monitor.hertzbeat.messages import Direction, Message, Type

FRAMES = samples.numbers("frame_hex")  # none where they are not at hand: the tests of them are skipped


def message_of(number: int) -> Message:
    data = samples.frame(number)
    start = next(index for index, byte in enumerate(data) if byte < 0x80) + 1
    return messages.decode(data[start:])


@pytest.mark.parametrize("number", FRAMES)
def test_a_recorded_message_is_understood(number: int) -> None:
    message, told = message_of(number), samples.sample(number)["decoded"]
    assert (message.identity, message.direction, message.type) == (told["identity"], told["direction"], told["type"])
    if "msg_base64" in told:
        assert message.msg == samples.arrow_payload(number)
    elif told["msg"] == "":
        assert message.msg == b""
    else:
        assert json.loads(message.msg) == told["msg"]


@pytest.mark.parametrize("number", FRAMES)
def test_a_recorded_message_is_written_again_byte_by_byte(number: int) -> None:
    assert frame(messages.encode(message_of(number))) == samples.frame(number)


SAID: dict[int, Callable[[], Message]] = {
    4: lambda: messages.heartbeat("java-real"),
    16: lambda: messages.order_done(Message(Type.GO_OFFLINE, "py-wire"), "py-wire"),
    20: lambda: messages.go_offline("py-wire"),
    10: lambda: messages.one_time_data(samples.arrow_payload(10)),
    19: lambda: messages.cyclic_data("py-wire", samples.arrow_payload(19)),
}


@samples.recorded
@pytest.mark.parametrize("number", SAID)
def test_what_we_say_is_what_a_manager_accepted(number: int) -> None:
    assert frame(messages.encode(SAID[number]())) == samples.frame(number)


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (Message(), b"\x00"),
        (messages.heartbeat("rig"), b"\x05\x0a\x03rig"),
        (messages.go_offline("rig"), b"\x07\x0a\x03rig\x18\x02"),
        (
            messages.order_done(Message(Type.GO_ONLINE), "rig"),
            b"\x0c\x0a\x03rig\x10\x01\x18\x01\x22\x010",
        ),
        (messages.one_time_data(b"r" * 300), b"\xb1\x02\x18\x07\x22\xac\x02" + b"r" * 300),
        (messages.cyclic_data("rig", b"rows"), b"\x0d\x0a\x03rig\x18\x08\x22\x04rows"),
    ],
)
def test_frames_written_by_hand(message: Message, data: bytes) -> None:
    assert frame(messages.encode(message)) == data
    assert messages.decode(data[2 if data[0] > 0x7F else 1 :]) == message


@samples.recorded
def test_the_greeting_has_the_form_of_the_recorded_one() -> None:
    ours, theirs = messages.go_online("java-real", "public", "1.8.0"), message_of(1)
    said, recorded = json.loads(ours.msg), json.loads(theirs.msg)
    assert list(said) == list(recorded)
    assert {**recorded, "ip": ""} == said
    assert (ours.identity, ours.type, ours.direction) == (theirs.identity, theirs.type, theirs.direction)


def test_unknown_fields_and_types_are_passed_over() -> None:
    data = b"\x30\x05" + b"\x3a\x02hi" + b"\x41" + bytes(8) + b"\x4d" + bytes(4) + b"\x18\x63" + b"\x0a\x01x"
    assert messages.decode(data) == Message(99, "x")


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05ab", b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0b", b"\x09ab"]
)
def test_other_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        messages.decode(data)


@given(st.integers(0, 20), st.text(), st.sampled_from(Direction), st.binary())
def test_any_message_survives(kind: int, identity: str, direction: Direction, msg: bytes) -> None:
    identity = identity.encode(errors="replace").decode()
    message = Message(kind, identity, direction, msg)
    assert messages.decode(messages.encode(message)) == message


def test_repr_shows_no_payload() -> None:
    assert "aesSecret" not in repr(Message(Type.GO_ONLINE, msg=b'{"aesSecret":"x"}'))


@pytest.mark.parametrize("data", [bytes(10**6), b"\x28\x00" * 10**6])
def test_a_message_of_zeros_or_of_endless_fields_is_refused_after_a_few_of_them(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def counted(data: bytes, at: int) -> tuple[int, int]:
        nonlocal read
        read += 1
        return number(data, at)

    number = messages._number
    monkeypatch.setattr(messages, "_number", counted)
    with pytest.raises(ProtocolError, match="malformed"):
        messages.decode(data)
    assert read < 1000
