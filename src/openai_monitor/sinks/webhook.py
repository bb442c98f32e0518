"""``webhook``: rounds posted as JSON, several in one request.

The body is (this shape is kept stable)::

    {"rounds": [{"monitor": str, "app": str, "host": str or null, "tags": {key: value},
                 "due", "started", "finished": "2026-11-22T19:50:00.000Z",
                 "trouble": str or null, "missed": int, "retries": int,
                 "metrics": [{"name": str, "code": str, "message": str, "trouble": str or null, "duration_ms": int,
                              "time": "2026-11-22T19:50:00.000Z",
                              "fields": [{"name": str, "type": str, "unit": str or null, "label": bool}],
                              "rows": [{field: value}]}],
                 "skipped": [{"name": str, "reason": str}]}]}

Values are as in ``collect --format json``; private fields are left out. 2xx is taken for having been stored.
"""

from collections.abc import Mapping, Sequence

from openai_monitor.outputs import utc
from openai_monitor.outputs.json_text import encode, row_encoder
from openai_monitor.rows import MetricSetResult
from openai_monitor.schedule.events import RoundEvent, trouble_of_set
from openai_monitor.sinks import Sink, Surroundings
from openai_monitor.sinks.buffered import Buffered
from openai_monitor.sinks.posting import Poster
from openai_monitor.sinks.private import public_round
from openai_monitor.sinks.readings import clean_text
from openai_monitor.sinks.settings import WebhookSettings
from openai_monitor.threads import run_in_thread


def make(settings: WebhookSettings, surroundings: Surroundings) -> Sink:  # noqa: ARG001 - every sink is made so
    """Make the sink."""
    return Webhook(settings)


class Webhook(Buffered):
    """Posts rounds."""

    def __init__(self, settings: WebhookSettings) -> None:
        super().__init__("webhook", settings.buffer_rows)
        self._settings = settings
        self._poster: Poster | None = None

    async def open(self) -> None:
        """Make what posts."""
        self._poster = Poster(self._settings.url, self._settings.headers, self._settings)

    async def release(self) -> None:
        """Close the connection."""
        if self._poster is not None:
            await self._poster.close()

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Post them in one request."""
        if self._poster is not None:
            await self._poster.post(await run_in_thread(self._body, events), "application/json")

    def _body(self, events: Sequence[RoundEvent]) -> bytes:
        rounds = (_round(event, self._settings) for event in events)
        return clean_text(f'{{"rounds": [{", ".join(rounds)}]}}').encode("utf-8")


def _round(event: RoundEvent, settings: WebhookSettings) -> str:
    collected = public_round(event, settings.include, settings.leave_out)
    head: Mapping[str, object] = {
        "monitor": event.monitor.name,
        "app": event.monitor.app,
        "host": event.monitor.host,
        "tags": dict(event.monitor.tags),
        "due": utc(event.due),
        "started": utc(event.started),
        "finished": utc(event.finished),
        "trouble": event.trouble.value if event.trouble else None,
        "missed": event.missed,
        "retries": event.retries,
    }
    metrics = ", ".join(map(_metric_set, collected.results))
    skipped = encode([{"name": each.name, "reason": each.reason} for each in collected.skipped])
    return f'{encode(head)[:-1]}, "metrics": [{metrics}], "skipped": {skipped}}}'


def _metric_set(result: MetricSetResult) -> str:
    trouble = trouble_of_set(result)
    head: Mapping[str, object] = {
        "name": result.name,
        "code": result.code.name,
        "message": result.message,
        **({} if result.complete else {"complete": False}),
        "trouble": trouble.value if trouble else None,
        "duration_ms": round(result.duration * 1000),
        "time": utc(result.time),
        "fields": [
            {"name": field.name, "type": field.type.word, "unit": field.unit, "label": field.label}
            for field in result.fields
        ],
    }
    rows = ", ".join(map(row_encoder(result.fields), result.public_rows()))
    return f'{encode(head)[:-1]}, "rows": [{rows}]}}'
