import pytest


@pytest.fixture(autouse=True)
def _first_rounds_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not wait while first rounds are spread over seconds."""
    monkeypatch.setattr("openai_monitor.hertzbeat.runner.FIRST_WITHIN", 0.2)
