"""What an output does while it can't write: keep in bounds, try again, count what is lost."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import pytest
from tests.schedule.virtual import run_virtual
from tests.sinks.events import COST, CREDIT, event

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.sinks.buffered import Buffered, OutputDown, OutputRefused


class Output(Buffered):
    """Writes into a list; ``fail`` is raised instead while it is set."""

    def __init__(self, most_rows: int = 100) -> None:
        super().__init__("output", most_rows, chance=lambda: 1.0)
        self.written: list[str] = []
        self.batches: list[int] = []
        self.tries: list[float] = []
        self.fail: Exception | None = None
        self.takes = 0.0
        self.released = False

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        self.tries.append(asyncio.get_running_loop().time() - 1000)
        await asyncio.sleep(self.takes)
        if self.fail is not None:
            raise self.fail
        self.batches.append(len(events))
        self.written.extend(each.monitor.name for each in events)

    async def release(self) -> None:
        self.released = True


def run(use: Callable[[Output], Coroutine[object, object, None]], output: Output | None = None) -> Output:
    made = output or Output()

    async def main() -> None:
        await made.start()
        await use(made)

    run_virtual(main())
    return made


def test_rounds_are_written_in_order_and_together() -> None:
    async def use(output: Output) -> None:
        for name in "abc":
            output.offer(event(CREDIT, name=name))
        await asyncio.sleep(1)
        assert output.health().buffered == 0
        assert output.health().ok
        await output.close(1)

    output = run(use)
    assert (output.written, output.batches, output.released) == (["a", "b", "c"], [3], True)


def test_it_is_tried_again_at_growing_intervals_and_nothing_is_lost() -> None:
    async def use(output: Output) -> None:
        output.fail = OutputDown("nobody there")
        output.offer(event(CREDIT, name="a"))
        await asyncio.sleep(130)
        assert output.tries == [0, 1, 3, 7, 15, 31, 63, 123]
        health = output.health()
        assert (health.ok, health.buffered, health.dropped) == (False, 1, 0)
        assert health.detail.startswith("nobody there")
        output.fail = None
        output.offer(event(CREDIT, name="b"))
        await asyncio.sleep(61)
        assert output.written == ["a", "b"]
        assert (output.health().ok, output.health().detail) == (True, "")
        await output.close(1)

    run(use)


def test_a_pause_the_other_side_asks_for_is_kept() -> None:
    async def use(output: Output) -> None:
        output.fail = OutputDown("429", retry_after=100)
        output.offer(event(CREDIT))
        await asyncio.sleep(150)
        assert output.tries == [0, 100]
        await output.close(0)

    run(use)


def test_a_full_buffer_drops_the_oldest_and_counts_rows() -> None:
    async def use(output: Output) -> None:
        output.fail = OSError(28, "No space left on device")
        for number in range(60):
            output.offer(event(COST, name=str(number)))  # two rows each
            await asyncio.sleep(0)
        health = output.health()
        assert (health.buffered, health.dropped) == (100, 20)
        output.fail = None
        await asyncio.sleep(120)
        assert output.written == [str(number) for number in range(10, 60)]
        assert output.health().detail == ""
        await output.close(1)

    run(use)


def test_a_round_larger_than_the_buffer_is_still_tried() -> None:
    async def use(output: Output) -> None:
        output.offer(event(COST, name="large"))
        await output.close(1)

    assert run(use, Output(most_rows=1)).written == ["large"]


def test_what_is_refused_is_lost_and_what_follows_is_written() -> None:
    async def use(output: Output) -> None:
        output.fail = OutputRefused("answered 400")
        output.offer(event(COST, name="bad"))
        await asyncio.sleep(1)
        assert (output.health().ok, output.health().dropped, output.health().buffered) == (False, 2, 0)
        output.fail = None
        output.offer(event(COST, name="good"))
        await asyncio.sleep(1)
        assert output.health().ok
        await output.close(1)

    assert run(use).written == ["good"]


def test_a_mistake_costs_its_rounds_and_not_the_output(caplog: pytest.LogCaptureFixture) -> None:
    async def use(output: Output) -> None:
        output.fail = KeyError("oops")
        output.offer(event(CREDIT, name="bad"))
        await asyncio.sleep(1)
        assert "KeyError" in output.health().detail
        output.fail = None
        output.offer(event(CREDIT, name="good"))
        await output.close(1)

    assert run(use).written == ["good"]
    assert "a mistake of ours" in caplog.text


def test_closing_writes_what_waits() -> None:
    async def use(output: Output) -> None:
        output.takes = 2
        for name in "abc":
            output.offer(event(CREDIT, name=name))
        await output.close(5)

    assert run(use).written == ["a", "b", "c"]


def test_closing_ends_in_time_and_counts_what_is_lost() -> None:
    async def use(output: Output) -> None:
        output.takes = 60
        output.offer(event(COST))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await output.close(5)
        assert loop.time() - began == 5
        assert (output.health().dropped, output.health().buffered, output.released) == (2, 0, True)

    run(use)


def test_closing_does_not_wait_for_an_output_that_is_down() -> None:
    async def use(output: Output) -> None:
        output.fail = OutputDown("nobody there")
        output.offer(event(COST))
        await asyncio.sleep(100)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await output.close(30)
        assert loop.time() - began < 1
        assert output.health().dropped == 2

    run(use)


def test_offering_takes_no_time_whatever_the_output_does() -> None:
    async def use(output: Output) -> None:
        output.takes = 1000
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(1000):
            output.offer(event(CREDIT, name=str(number)))
        assert loop.time() == began
        assert output.health().buffered <= 100
        await output.close(0)

    run(use)
