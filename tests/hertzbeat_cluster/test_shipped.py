"""What a manager makes of the shipped definitions comes back as the same definitions."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from tests.hertzbeat_cluster.rig import job_of

from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.shipped import load_definition, shipped_names
from openai_monitor.hertzbeat.jobs import parse_job


def essence(metric_set: MetricSet) -> dict[str, Any]:
    """A set without what is for people."""
    fields = [replace(field, i18n=None) for field in metric_set.fields]
    return asdict(replace(metric_set, i18n=None, visible=True, fields=fields))


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_definition_comes_back_from_a_manager(name: str) -> None:
    shipped = load_definition(name)
    job = parse_job(json.dumps(job_of(shipped, 1)).encode())
    assert job.kind.refusal == ""
    assert job.kind.definition is not None
    assert list(map(essence, job.kind.definition.sets)) == list(map(essence, shipped.sets))
    assert (job.kind.definition.document.annotations or {}) == (shipped.document.annotations or {})
    mine, theirs = job.kind.definition.params, shipped.params
    assert [(spec.field, spec.type, spec.required, spec.default_value, spec.range) for spec in mine] == [
        (spec.field, spec.type, spec.required, spec.default_value, spec.range) for spec in theirs
    ]
