"""The monitors file as pydantic models; docstrings and descriptions are what an editor shows.

Scalars arrive as the text that stands in the file: a parameter ``010`` stays ``010``, numbers and booleans are read
from their text. What other rooms own (``outputs``, ``history``, ``web``) is checked by their own models.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from openai_monitor.collect.retry import RETRIES
from openai_monitor.schedule.secrets import SECRET_SCHEMA, SecretSource, parse_source
from openai_monitor.service.complaints import EXPECTATION

LEAST_PERIOD = 30
"""Seconds, unless the host is this machine."""

DEFAULT_PERIOD = 300
LONGEST_PERIOD = 7 * 86_400

_LONGEST_NAME = 200
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError(EXPECTATION, "expected {what}", {"what": what})


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST_NAME:
        raise _expected(f"a name of at most {_LONGEST_NAME} printable characters")
    return value.strip()


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_PERIOD:
        raise _expected(f"seconds, above 0 and at most {LONGEST_PERIOD}")
    return seconds


def _tag_names(tags: dict[str, str]) -> dict[str, str]:
    for name in tags:
        if not _TAG.fullmatch(name):
            what = {"name": name[:60]}
            raise PydanticCustomError("tag", "a tag's name is letters, digits and `_`; `{name}` is not", what)
    return tags


def _parameter(value: object, info: ValidationInfo) -> "str | SecretSource | None":
    if value is None or isinstance(value, str | SecretSource):
        return value
    if isinstance(value, Mapping):
        return parse_source(value, (info.context or {}).get("folder"))
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise _expected("a text, a number, a list of texts, or `{env: …}`, `{file: …}`, `{command: […]}`")


def _count(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,8}", value.strip(), re.ASCII):
        raise _expected("a whole number")
    return value


_SCALARS = {"type": ["string", "number", "boolean", "null"]}

Seconds = Annotated[
    float,
    PlainValidator(_seconds),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_PERIOD}),
]
Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})]
ParameterValue = Annotated[
    str | SecretSource | None,
    PlainValidator(_parameter),
    WithJsonSchema({"oneOf": [_SCALARS, {"type": "array"}, *SECRET_SCHEMA["oneOf"]]}),
]
Parameters = dict[str, ParameterValue]
Tags = Annotated[dict[str, str], AfterValidator(_tag_names)]
_MOST = 100_000
Count = Annotated[
    int,
    BeforeValidator(_count),
    Field(ge=1, le=_MOST),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST}),
]
_MOST_RETRIES = 10
Retries = Annotated[
    int,
    BeforeValidator(_count),
    Field(ge=0, le=_MOST_RETRIES),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _MOST_RETRIES}),
]
_ABOUT_RETRIES = (
    "How often a GET that failed for a moment is asked again in its round; 0 tells of every failure at once."
)
_MOST_CELLS = 10_000_000
LargeCount = Annotated[
    int,
    BeforeValidator(_count),
    Field(ge=1, le=_MOST_CELLS),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MOST_CELLS}),
]


class Section(BaseModel):
    """A mapping of the monitors file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metrics(Section):
    """Which metric sets of the definition to collect: those of `include`, or all but those of `leave_out`."""

    include: list[str] | None = Field(None, description="Only these metric sets; what they need runs too.")
    leave_out: list[str] | None = Field(None, description="All metric sets but these.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Metrics":
        if (self.include is None) == (self.leave_out is None):
            raise PydanticCustomError("metrics", "expected either `include` or `leave_out`, with names of metric sets")
        return self


class Defaults(Section):
    """What holds for every monitor that does not say otherwise."""

    define: str | None = Field(None, description="The definition: a path, or a shipped name such as `openai`.")
    params: Parameters = Field({}, description="Parameters, for the definitions that have one of this name.")
    period: Seconds | None = Field(None, description=f"Seconds between rounds (default: {DEFAULT_PERIOD}).")
    tags: Tags = Field({}, description="Labels on every row.")
    retries: Retries = Field(RETRIES, description=_ABOUT_RETRIES)


class MonitorEntry(Section):
    """One monitor: an account, what to ask of it, and how often."""

    name: Name = Field(description="What you call it, unique in the file.")
    define: str | None = Field(
        None, description="The definition: a path beside this file, or a shipped name (default: `openai`)."
    )
    params: Parameters = Field(
        {}, description="The definition's parameters; a secret as `{env: X}`, `{file: path}` or `{command: […]}`."
    )
    period: Seconds | None = Field(
        None, description=f"Seconds between rounds, at least {LEAST_PERIOD} unless the host is this machine."
    )
    tags: Tags = Field({}, description="Labels on every row, beside those of `defaults`.")
    description: str | None = Field(None, description="For people.")
    enabled: bool = Field(True, description="Whether it runs.")
    collector: Name | None = Field(None, description="Only `run --collector NAME` runs it.")
    metrics: Metrics | None = Field(None, description="Which metric sets to collect (default: all).")
    retries: Retries | None = Field(None, description=f"{_ABOUT_RETRIES} (Default: that of `defaults`.)")


class Limits(Section):
    """How much happens at once, and for how long."""

    in_flight: Count = Field(32, description="Requests at once.")
    per_host: Count = Field(8, description="Requests at once to one host.")
    answer: Count = Field(
        4, description="MiB of one answer, after decompression: a large one keeps the others waiting."
    )
    rows: LargeCount = Field(20_000, description="Rows of one metric set in one round: with more it fails.")
    cells: LargeCount = Field(400_000, description="Cells of one metric set in one round, rows times fields.")
    deadline: Seconds = Field(240, description="Seconds for one round.")
    shutdown: Seconds = Field(8, description="Seconds from the signal to end until the process has ended.")


class Network(Section):
    """How the APIs are reached. Proxies come from HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

    ca_file: str | None = Field(None, description="Certificates to trust beside the system's.")
    allow_plaintext_token: bool = Field(False, description="Send keys over http:// to other machines than this one.")


class Log(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is shown.")
    format: Literal["text", "json", "telegraf"] = Field(
        "text", description="For people, one object a line, or with the marks that Telegraf's execd reads (`W! …`)."
    )


class MonitorsFile(Section):
    """A monitors file: who is asked, how often, and where the rows go."""

    monitors: list[MonitorEntry] = Field(description="The monitors.")
    defaults: Defaults = Field(Defaults(), description="Shared values.")
    outputs: dict[str, Any] | None = Field(None, description="Where the rows go, by kind; several at once are fine.")
    history: Any = Field(None, description="Rows and daily costs, kept in SQLite unless `enabled` is false.")
    web: Any = Field(None, description="The listener for /metrics, /healthz and /readyz.")
    hertzbeat: Any = Field(None, description="A HertzBeat cluster whose monitors are run here too.")
    limits: Limits = Field(Limits(), description="How much happens at once.")
    network: Network = Field(Network(), description="How the APIs are reached.")
    log: Log = Field(Log(), description="What is written to standard error.")
