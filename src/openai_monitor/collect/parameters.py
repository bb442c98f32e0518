"""The parameters of one monitor: what was given, the definition's defaults, and whether they suit."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo

from openai_monitor.definition.model import ParamSpec
from openai_monitor.definition.placeholder import Parameter
from openai_monitor.definition.wording import nearest_name
from openai_monitor.errors import ParameterError

Given = Mapping[str, str | None]
"""What a person gave, by parameter name; None is a given null and beats the default."""

TIME_ZONE = "timezone"
"""The parameter that names the zone of a definition's time expressions: a meaning of ours, HertzBeat ignores it."""

_BOOLEANS = ("true", "false")
_RANGE = re.compile(r"\[\s*(-?\d+)\s*,\s*(-?\d+)\s*\]")


def resolve_parameters(specs: Sequence[ParamSpec], given: Given) -> dict[str, Parameter]:
    """A Parameter for each declared name: the given value, else a non-blank default, with its declared type.

    A name with neither is absent. Values for undeclared names are left out, as HertzBeat does.
    """
    resolved = {}
    for spec in specs:
        name, kind = spec.field or "", spec.type or "text"
        if name in given:
            resolved[name] = Parameter(given[name], kind)
        elif spec.default_value is not None and spec.default_value.strip():
            resolved[name] = Parameter(spec.default_value, kind)
    return resolved


def check_parameters(specs: Sequence[ParamSpec], given: Given) -> None:
    """Raise one ParameterError that names everything missing, unknown or of the wrong form."""
    complaints = [*_missing(specs, given), *_unknown(specs, given), *_unfit(specs, given)]
    if complaints:
        declared = "\n".join(f"  {describe(spec)}" for spec in specs)
        raise ParameterError("\n".join([*complaints, "this definition takes:", declared]))


def describe(spec: ParamSpec) -> str:
    """One line about a parameter: name, type, whether it is required, default, and its English name."""
    parts = [f"{spec.field} ({spec.type or 'text'}{', required' if spec.required else ''})"]
    if spec.default_value is not None and spec.type != "password":
        parts.append(f"default {spec.default_value}")
    if spec.name and (title := spec.name.get("en-US")):
        parts.append(title)
    return ": ".join((parts[0], ", ".join(parts[1:]))) if parts[1:] else parts[0]


def zone_of(parameters: Mapping[str, Parameter]) -> tzinfo | None:
    """The zone named by the parameter ``timezone``; None where the definition has none, meaning local time."""
    parameter = parameters.get(TIME_ZONE)
    name = (parameter.value or "").strip() if parameter else ""
    if not name:
        return None
    return UTC if name == "UTC" else _zone(name)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - UTC, the usual one, needs no database

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ParameterError(
            f"parameter timezone: {name!r} is no time zone; expected a name such as UTC or Europe/Berlin"
        ) from None


def _missing(specs: Sequence[ParamSpec], given: Given) -> Iterator[str]:
    for spec in specs:
        value = given.get(spec.field or "", spec.default_value)
        if spec.required and not (value or "").strip():
            yield f"parameter {spec.field} is {'empty' if spec.field in given else 'missing'}"


def _unknown(specs: Sequence[ParamSpec], given: Given) -> Iterator[str]:
    names = [spec.field or "" for spec in specs]
    for name in given:
        if name not in names:
            close = nearest_name(name, names)
            yield f"parameter {name} is unknown" + (f"; did you mean {close}?" if close else "")


def _unfit(specs: Sequence[ParamSpec], given: Given) -> Iterator[str]:
    # A key that slipped into another parameter is not shown there either.
    secrets = {(given.get(spec.field or "") or "").strip() for spec in specs if spec.type == "password"} - {""}
    for spec in specs:
        value = (given.get(spec.field or "") or "").strip()
        if value and (expected := _expectation(spec, value)):
            hidden = spec.type == "password" or any(secret in value for secret in secrets)
            shown = " not shown here" if hidden else f" {value!r}"
            yield f"parameter {spec.field} is{shown}; expected {expected}"


def _expectation(spec: ParamSpec, value: str) -> str | None:
    if spec.type == "boolean":
        return None if value.lower() in _BOOLEANS else "true or false"
    if spec.type == "number":
        return _number_expectation(spec, value)
    if spec.type == "radio" and spec.options:
        options = [option.value for option in spec.options if option.value]
        return None if value in options else "one of " + ", ".join(options)
    return None


def _number_expectation(spec: ParamSpec, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "a number"
    bounds = _RANGE.fullmatch((spec.range or "").strip())
    if bounds and not float(bounds[1]) <= number <= float(bounds[2]):
        return f"a number from {bounds[1]} to {bounds[2]}"
    return None
