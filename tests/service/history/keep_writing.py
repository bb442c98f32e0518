"""Writes rounds until it is killed; says on standard output how many are surely in the file.

Each round has three metric sets and its number in each of them.
"""

import asyncio
import sys
from pathlib import Path

from tests.service.history.rounds import COST, MINUTE, NOON, answered, costs, event, sink, until


async def main(path: Path, first: int) -> None:
    made = sink(path)
    await made.start()
    number = first
    while True:
        for _ in range(7):
            rows = [(f"model-{line}", number + line / 10) for line in range(20)]
            at = NOON + number * MINUTE
            made.offer(event(answered(rows=[(number, "pro")]), costs(rows), answered("third", COST, rows), at=at))
            number += 1
        await until(lambda: not made.health().buffered)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
