"""What the service says of itself."""

from openai_monitor.schedule.health import Health


def test_nothing_is_ready_before_it_is_known_what_runs() -> None:
    health = Health()
    assert not health.ready
    assert health.wait() == "The service is starting."
    health.expect([])
    assert health.ready
    assert health.wait() == ""


def test_it_is_ready_when_every_monitor_had_a_round() -> None:
    health = Health()
    health.expect(["a", "b"])
    health.done("a")
    assert not health.ready
    health.done("b")
    assert health.ready
    health.stopping = True
    assert not health.ready
