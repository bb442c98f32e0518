"""Monitors of HertzBeat's protocol ``prometheus``: an exporter's page, each family of it a metric set.

HertzBeat asks the page over HTTP and sends a metric set for each name of a sample: a column for each label, and
``metric_value``. Which there are is known only when the page has come, so no definition can say it.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.asking import Sender
from openai_monitor.collect.parse.prometheus import read_samples
from openai_monitor.collect.plan import Plan
from openai_monitor.collect.program import LARGE
from openai_monitor.collect.rounds import utc_now
from openai_monitor.collect.transport import Session
from openai_monitor.collect.verdict import check_status
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Row
from openai_monitor.threads import run_in_thread

PROTOCOL = "prometheus"
VALUE = Field("metric_value", FieldType.NUMBER)


def as_http(metric_set: Mapping[str, Any]) -> dict[str, Any]:
    """A metric set of this protocol as one that asks the same over HTTP."""
    section = metric_set.get(PROTOCOL)
    asked = dict(section) if isinstance(section, dict) else {}
    path = asked.pop("path", None)
    url = path if isinstance(path, str) and path.strip() else "/"
    return {
        "name": metric_set.get("name"),
        "priority": metric_set.get("priority"),
        "protocol": "http",
        "fields": [{"field": VALUE.name, "type": VALUE.type.value}],
        "http": {**asked, "url": url if url[:1] in ("/", "^") else f"/{url}", "method": "GET", "parseType": PROTOCOL},
    }


async def collect_page(plan: Plan, sender: Sender, *, deadline: float) -> Round:
    """Ask for the page, and give each family of it as a metric set; a failure is one of the set that was configured."""
    (planned,) = plan.sets[:1]
    started, began = utc_now(), time.perf_counter()
    try:
        async with asyncio.timeout(deadline):
            answer = await sender.send(planned.request_at(utc_now), Session())
            check_status(answer, planned.listed, utc_now())
            large = len(answer.body) >= LARGE
            families = await run_in_thread(_families, answer, plan) if large else _families(answer, plan)
    except TimeoutError:
        failure = CollectionError(Code.TIMEOUT, f"the round took longer than {deadline:g} s")
    except CollectionError as error:
        failure = error.with_traceback(None)
    else:
        seconds = time.perf_counter() - began
        results = [
            MetricSetResult(name, Code.SUCCESS, "", fields, rows, started, seconds)
            for name, (fields, rows) in families.items()
        ]
        return Round(plan.app, plan.host, started, tuple(results), name=plan.name)
    message = plan.redactor.clean(str(failure))
    result = MetricSetResult(planned.name, failure.code, message, (VALUE,), (), started, time.perf_counter() - began)
    return Round(plan.app, plan.host, started, (result,), name=plan.name)


Families = dict[str, tuple[tuple[Field, ...], tuple[Row, ...]]]


def _families(answer: Answer, plan: Plan) -> Families:
    families: Families = {}
    for name, samples in read_samples(answer).items():
        labels = list(dict.fromkeys(label for found, _ in samples for label in found))
        rows: list[Row] = [(*map(found.get, labels), value) for found, value in samples]
        fields = (*(Field(label, FieldType.STRING, None, True) for label in labels), VALUE)
        families[name] = fields, tuple(plan.cells.clean(rows))
    return families
