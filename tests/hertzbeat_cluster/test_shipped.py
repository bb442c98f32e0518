"""What a manager makes of the shipped definitions comes back as the same definitions."""

import json
from typing import Any

import pytest

from openai_monitor.definition.definition import Definition
from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.shipped import load_definition, shipped_names
from openai_monitor.hertzbeat.jobs import parse_job


def job_of(definition: Definition, monitor_id: int = 1, **config: str) -> dict[str, Any]:
    """A job as a manager makes it of a definition: the document with nulls for what it does not say, and more."""
    document = definition.document.model_dump(mode="json", by_alias=True)
    entries = [{"key": key, "value": value, "type": 1} for key, value in config.items()]
    ours = {"id": monitor_id + 1000, "monitorId": monitor_id, "tenantId": 0, "configmap": entries, "annotations": None}
    metadata = {"instance": "i", "instancename": f"m{monitor_id}"}
    sets = [{**each, "hasSubTask": False, "jdbc": None, "icmp": None} for each in document["metrics"]]
    return {**document, **ours, "metadata": metadata, "metrics": sets, "isCyclic": True, "defaultInterval": 300}


def essence(metric_set: MetricSet) -> MetricSet:
    """A set without what is for people."""
    fields = [field.model_copy(update={"i18n": None}) for field in metric_set.fields]
    return metric_set.model_copy(update={"i18n": None, "visible": True, "fields": fields})


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_definition_comes_back_from_a_manager(name: str) -> None:
    shipped = load_definition(name)
    job = parse_job(json.dumps(job_of(shipped)).encode())
    assert job.kind.refusal == ""
    assert job.kind.definition is not None
    assert list(map(essence, job.kind.definition.sets)) == list(map(essence, shipped.sets))
    assert (job.kind.definition.document.annotations or {}) == (shipped.document.annotations or {})
    mine, theirs = job.kind.definition.params, shipped.params
    assert [(spec.field, spec.type, spec.required, spec.default_value, spec.range) for spec in mine] == [
        (spec.field, spec.type, spec.required, spec.default_value, spec.range) for spec in theirs
    ]
