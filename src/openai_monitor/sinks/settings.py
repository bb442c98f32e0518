"""The outputs' sections of the monitors file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from openai_monitor.paths import expanded
from openai_monitor.schedule.secrets import SECRET_SCHEMA, SecretSource, parse_source
from openai_monitor.sinks.private import is_private


class Settings(BaseModel):
    """A section of the monitors file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Values


def _folder(info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder") or "")


def _beside(path: Path, info: ValidationInfo) -> Path:
    if "\0" in str(path):
        raise PydanticCustomError("nul", "a path holds no NUL character")
    return _folder(info) / expanded(path)


FilePath = Annotated[Path, AfterValidator(_beside)]
"""A path; a relative one starts from the folder of the monitors file (``folder`` of the validation's context)."""


def _text_or_secret(value: Any, info: ValidationInfo) -> str | SecretSource:
    if isinstance(value, str | SecretSource):
        return value
    if isinstance(value, Mapping):
        return parse_source(value, _folder(info))
    raise PydanticCustomError("text_or_secret", "expected a text, or a secret such as `{env: NAME}` or `{file: PATH}`")


TextOrSecret = Annotated[
    str | SecretSource,
    PlainValidator(_text_or_secret),
    WithJsonSchema({"oneOf": [{"type": "string"}, *SECRET_SCHEMA["oneOf"]]}),
]
"""A text in the clear, or where a secret one is."""


def _address(value: str | SecretSource) -> str | SecretSource:
    if isinstance(value, str):
        check_address(value)
    return value


def check_address(text: str) -> None:
    """Refuse what is no http or https address; raises PydanticCustomError, which does not show it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise PydanticCustomError("address", "expected an address such as `https://example.com/path`")
    if parts.username or parts.password:
        raise PydanticCustomError(
            "address", "a user name or password does not stand in an address: give an Authorization header instead"
        )


Address = Annotated[TextOrSecret, AfterValidator(_address)]
"""Where to send to; given as a secret when it holds one, as chat services' do."""


def _plain_address(value: str) -> str:
    check_address(value)
    return value


PlainAddress = Annotated[str, AfterValidator(_plain_address)]
"""Where to send to, by a library whose log shows it; secrets go in headers."""

Headers = Annotated[
    dict[str, TextOrSecret], Field(description="Headers of each request; texts, or secrets.", repr=False)
]


# What several have


class Rows(Settings):
    """An output of rows, which may carry private fields where they are named."""

    include: tuple[str, ...] = Field(
        (), description="Private fields (e-mail and postal addresses, tax and order numbers) to write nevertheless."
    )
    leave_out: tuple[str, ...] = Field((), description="Fields to leave out.")


class Buffering(Rows):
    """An output that keeps what it can't write at once."""

    buffer_rows: int = Field(100_000, ge=1, description="Rows kept in memory while it is down; more drop the oldest.")


class Sending(Settings):
    """An output that asks another machine."""

    ca_file: FilePath | None = Field(None, description="Certificates to trust beside the system's.")
    timeout: float = Field(10.0, gt=0, le=300, description="Seconds for one request.")
    allow_plaintext_token: bool = Field(
        False, description="Send secrets over plain http to other machines than this one."
    )


class Present(Settings):
    """An output of what holds at present, in Prometheus's text."""

    info_labels: tuple[str, ...] = Field(
        ("plan", "trust_tier", "billing_mechanism"),
        description="Text fields to show, as labels of a set's `_info` series. Private ones are refused.",
    )
    staleness: float = Field(
        900.0, ge=0, description="Seconds for which a failing set's last values are shown; none after a refused key."
    )

    @field_validator("info_labels")
    @classmethod
    def _public(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if is_private(name):
                raise PydanticCustomError(
                    "private", "{name} is private: it is never shown here; take it out", {"name": name}
                )
        return names


# The outputs


class PrometheusSettings(Present):
    """``prometheus``: the page ``/metrics`` of the listener."""


class TextfileSettings(Present):
    """``textfile``: the same page as a file for node_exporter."""

    path: FilePath = Field(description="The file, in node_exporter's textfile folder; its name ends in `.prom`.")
    interval: float = Field(15.0, ge=1, description="Seconds between two writings.")

    @field_validator("path")
    @classmethod
    def _prom(cls, path: Path) -> Path:
        if path.suffix != ".prom":
            raise PydanticCustomError("suffix", "node_exporter reads only files whose name ends in `.prom`")
        return path


class InfluxSettings(Buffering, Sending):
    """``influx``: line protocol to a server, a file or standard output. Exactly one of the three."""

    url: Address | None = Field(
        None,
        description="A server's write address, such as `http://influx:8086/api/v2/write?org=o&bucket=b`.",
        repr=False,
    )
    token: TextOrSecret | None = Field(None, description="Sent as `Authorization: Token …`; a secret.", repr=False)
    path: FilePath | None = Field(None, description="A file to append to.")
    stdout: bool = Field(False, description="Write to standard output, for Telegraf's execd.")
    rotate_bytes: int = Field(50_000_000, ge=1000, description="Size at which the file is put aside.")
    keep: int = Field(5, ge=0, description="How many files put aside are kept.")

    @model_validator(mode="after")
    def _one_way(self) -> "InfluxSettings":
        if (self.url is not None) + (self.path is not None) + self.stdout != 1:
            raise PydanticCustomError("one_way", "give exactly one of `url`, `path` and `stdout: true`")
        if self.token is not None and self.url is None:
            raise PydanticCustomError("one_way", "`token` goes with `url`")
        return self


class NdjsonSettings(Buffering):
    """``ndjson``: a line of JSON for each row, in one file."""

    path: FilePath = Field(description="The file to append to.")
    rotate_bytes: int = Field(50_000_000, ge=1000, description="Size at which the file is put aside.")
    keep: int = Field(5, ge=0, description="How many files put aside are kept.")


class CsvSettings(Buffering):
    """``csv``: a file for each metric set."""

    folder: FilePath = Field(description="The folder of the files; it is made when it is missing.")
    rotate_bytes: int = Field(50_000_000, ge=1000, description="Size at which a file is put aside.")
    keep: int = Field(5, ge=0, description="How many files put aside are kept, for each metric set.")


class WebhookSettings(Buffering, Sending):
    """``webhook``: rounds posted as JSON."""

    url: Address = Field(description="Where to post to; as a secret when it holds one.", repr=False)
    headers: Headers = Field(default_factory=dict)


class OtlpSettings(Buffering, Sending):
    """``otlp``: gauges to an OpenTelemetry collector, over HTTP."""

    url: PlainAddress | None = Field(
        None,
        description="The collector's address for metrics, such as `http://127.0.0.1:4318/v1/metrics`; "
        "default: what the variables OTEL_EXPORTER_OTLP_… say.",
    )
    headers: Headers = Field(default_factory=dict)
    resource: dict[str, str] = Field(default_factory=dict, description="Resource attributes beside `service.name`.")
