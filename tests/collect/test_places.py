"""A bound on how many may be somewhere at once."""

import asyncio
import random

import pytest

from openai_monitor.collect.places import Places


async def taken(places: Places) -> None:
    if not places.take():
        await places.wait()


def test_there_are_so_many_and_no_more() -> None:
    places = Places(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    places.leave()
    assert [places.take() for _ in range(2)] == [True, False]


async def first_come(number: int) -> list[int]:
    places, order = Places(1), list[int]()

    async def one(name: int) -> None:
        await taken(places)
        order.append(name)
        await asyncio.sleep(0)
        places.leave()

    await asyncio.gather(*map(one, range(number)))
    return order


def test_whoever_comes_first_is_first() -> None:
    assert asyncio.run(first_come(20)) == list(range(20))


def test_nobody_comes_before_those_that_were_told() -> None:
    async def main() -> None:
        places = Places(1)
        assert places.take()
        waiting = asyncio.create_task(places.wait())
        await asyncio.sleep(0)
        places.leave()
        assert not places.take()
        await waiting

    asyncio.run(main())


@pytest.mark.parametrize("given_first", [False, True])
def test_a_place_that_is_not_waited_for_any_more_goes_to_the_next(given_first: bool) -> None:
    async def main() -> None:
        places = Places(1)
        assert places.take()
        gone, next_one = (asyncio.create_task(places.wait()) for _ in range(2))
        await asyncio.sleep(0)
        if given_first:
            places.leave()
        gone.cancel()
        if not given_first:
            places.leave()
        await next_one
        assert gone.cancelled()
        places.leave()
        assert places.take()

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(40))
def test_none_is_lost_and_none_is_too_many(seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)  # noqa: S311 - a test
        number = chance.randint(1, 4)
        places, inside = Places(number), 0

        async def one() -> None:
            nonlocal inside
            await taken(places)
            try:
                inside += 1
                assert inside <= number
                for _ in range(chance.randint(0, 3)):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
                places.leave()

        tasks = []
        for _ in range(60):
            tasks.append(asyncio.create_task(one()))
            if chance.random() < 0.4:
                chance.choice(tasks).cancel()
            for _ in range(chance.randint(0, 2)):
                await asyncio.sleep(0)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert [places.take() for _ in range(number + 1)] == [True] * number + [False]

    asyncio.run(main())
