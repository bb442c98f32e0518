import random

from tests.hertzbeat_cluster.cutting import cut_again_and_again
from tests.hertzbeat_cluster.loop import in_loop


@in_loop
async def test_a_thousand_jobs_over_a_connection_that_keeps_breaking() -> None:
    found = await cut_again_and_again(1000, seconds=5, every=0.8, rng=random.Random(7))  # noqa: S311 - no secret
    assert found.returns >= 3
    assert found.asked_twice == []
    assert found.never_asked == set()
