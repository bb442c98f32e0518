import asyncio

import pytest
from tests.hertzbeat_cluster.loop import in_loop

from openai_monitor.hertzbeat.backoff import Backoff
from openai_monitor.hertzbeat.messages import Message
from openai_monitor.hertzbeat.outbox import Outbox, Rows


def rows(monitor_id: int | None, size: int = 1) -> Rows:
    return Rows(monitor_id, Message(8, msg=bytes([monitor_id or 0]) * size))


async def all_of(outbox: Outbox) -> list[Message]:
    found = []
    try:
        while True:
            found.append(await asyncio.wait_for(outbox.next(), 0.01))
    except TimeoutError:
        return found


@in_loop
async def test_rows_wait_until_the_manager_knows_us() -> None:
    outbox = Outbox({1, 2})
    outbox.put(rows(1))
    outbox.answer(Message(0))
    assert [message.type for message in await all_of(outbox)] == [0]
    outbox.open()
    assert [message.type for message in await all_of(outbox)] == [8]
    assert outbox.sent == 1


@in_loop
async def test_answers_go_before_rows() -> None:
    outbox = Outbox({1})
    outbox.open()
    outbox.put(rows(1))
    outbox.answer(Message(2))
    assert [message.type for message in await all_of(outbox)] == [2, 8]


@in_loop
async def test_rows_outlast_a_connection_but_answers_do_not() -> None:
    outbox = Outbox({1})
    outbox.open()
    outbox.put(rows(1))
    outbox.answer(Message(2))
    outbox.hold()
    assert await all_of(outbox) == []
    outbox.open()
    assert [message.type for message in await all_of(outbox)] == [8]


@in_loop
async def test_rows_of_monitors_that_are_not_ours_any_more_are_not_sent() -> None:
    ours = {1, 2}
    outbox = Outbox(ours)
    for monitor_id in (1, 2, None):
        outbox.put(rows(monitor_id))
    ours.remove(1)
    outbox.open()
    assert [message.msg for message in await all_of(outbox)] == [b"\x02", b"\x00"]


@in_loop
async def test_the_oldest_rows_are_dropped_and_counted() -> None:
    outbox = Outbox(range(10), most_bytes=100)
    for number in range(5):
        outbox.put(rows(number, 40))
    outbox.open()
    assert [message.msg[0] for message in await all_of(outbox)] == [3, 4]
    assert outbox.dropped == 3


@in_loop
async def test_one_message_is_kept_whatever_its_size() -> None:
    outbox = Outbox({1}, most_bytes=10)
    outbox.put(rows(1, 1000))
    outbox.open()
    assert len(await all_of(outbox)) == 1


# Waiting between connections


def test_waits_double_up_to_half_a_minute() -> None:
    backoff = Backoff(1.0, lambda: 1.0)
    assert [backoff.after_failure() for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.failures == 8


def test_chance_shortens_waits_to_half_at_most() -> None:
    assert Backoff(8.0, lambda: 0.0).after_failure() == 4
    assert Backoff(8.0, lambda: 0.5).after_failure() == 6


def test_a_connection_that_worked_is_made_again_soon() -> None:
    backoff = Backoff(1.0, lambda: 1.0)
    for _ in range(5):
        backoff.after_failure()
    assert backoff.after_cut(600) == 1
    assert backoff.failures == 0
    assert backoff.after_failure() == 1


def test_being_thrown_out_again_and_again_looks_like_a_second_collector_of_the_name() -> None:
    backoff = Backoff(1.0, lambda: 1.0)
    assert [backoff.after_cut(1) for _ in range(2)] == [1, 1]
    assert not backoff.looks_contested
    assert [backoff.after_cut(1) for _ in range(5)] == [2, 4, 8, 8, 8]
    assert backoff.looks_contested
    assert backoff.after_cut(3600) == 1
    assert not backoff.looks_contested


@pytest.mark.parametrize("failures", [1, 1000])
def test_waits_stay_finite(failures: int) -> None:
    backoff = Backoff()
    assert all(0 < backoff.after_failure() <= 30 for _ in range(failures))
