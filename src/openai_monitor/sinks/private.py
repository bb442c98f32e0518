"""The fields that stay at home: whom bills go to, and under what numbers.

Rows hold them, for the person who asked. No output of the service carries them unless its settings say so, and
Prometheus's never do: a page of metrics is read by everyone.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from openai_monitor.rows import Field, MetricSetResult, Round
from openai_monitor.schedule.events import RoundEvent

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE = re.compile(
    r"""
    (?:.*_)? (?: e?mail | phone | street | postal_code | iban | ssn | address_line_?\d* )
    | (?:.*_)? (?: tax | vat ) _ (?: id | ids | number | numbers )
    | (?:.*_)? (?: po | purchase_order ) _ number
    | (?:.*_)? (?: addresses | address )
    | (?: billing | business | shipping | postal | home ) _address_ .*
    """,
    re.VERBOSE,
)
_OF_A_MACHINE = re.compile(
    r"(?:.*_)?(?:ip|ipv4|ipv6|mac|server|client|remote|local|peer|host|node|bind|listen|socket|network|instance)"
    r"_address(?:es)?"
)


@lru_cache(maxsize=4096)
def is_private(name: str) -> bool:
    """Tell whether a field of this name stays at home.

    Those are e-mail addresses, telephone numbers, postal addresses (``address``, ``billing_address``, but not
    ``ip_address`` and other machines'), tax numbers and purchase order numbers, in any spelling.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower()).strip("_")
    return _PRIVATE.fullmatch(plain) is not None and _OF_A_MACHINE.fullmatch(plain) is None


def public_round(event: RoundEvent, include: Collection[str] = (), leave_out: Collection[str] = ()) -> Round:
    """Give the round as an output may carry it, under the monitor's name and tags.

    Private fields are in it only where ``include`` names them, and none that ``leave_out`` names. Secrets are: outputs
    mask them.
    """
    results = tuple([_public(result, include, leave_out) for result in event.round.results])
    return replace(event.round, results=results, name=event.monitor.name, tags=event.monitor.tags)


def is_shown(field: Field, include: Collection[str], leave_out: Collection[str]) -> bool:
    """Tell whether an output may carry the field."""
    return field.name not in leave_out and (field.name in include or not is_private(field.name))


def _public(result: MetricSetResult, include: Collection[str], leave_out: Collection[str]) -> MetricSetResult:
    kept = [index for index, field in enumerate(result.fields) if is_shown(field, include, leave_out)]
    if len(kept) == len(result.fields):
        return result
    fields = tuple([result.fields[index] for index in kept])
    return replace(result, fields=fields, rows=tuple([tuple([row[index] for index in kept]) for row in result.rows]))
