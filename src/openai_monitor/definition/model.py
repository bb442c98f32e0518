"""The definition document as pydantic models.

Attribute names are HertzBeat's keys in snake case (``aliasFields`` is ``alias_fields``). Properties that
HertzBeat types as text hold the raw text of the YAML scalar: ``010``, ``yes`` and ``1.0`` stay as written,
``~`` is None. Docstrings and descriptions are what an editor shows: the language's JSON Schema holds them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from openai_monitor.definition.yaml.scalars import read_boolean, read_integer

PARSE_TYPES = (
    "default",
    "jsonPath",
    "prometheus",
    "PromQL",
    "xmlPath",
    "website",
    "sitemap",
    "header",
    "config",
)
AUTHORIZATION_TYPES = ("Bearer Token", "Basic Auth", "Digest Auth")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
PARAMETER_TYPES = (
    "text",
    "textarea",
    "password",
    "host",
    "number",
    "boolean",
    "radio",
    "checkbox",
    "key-value",
    "array",
    "metrics-field",
)
PROTOCOL_SECTIONS = frozenset(
    (
        *(
            "icmp",
            "telnet",
            "smtp",
            "ntp",
            "websocket",
            "memcached",
            "nebulaGraph",
            "udp",
            "jdbc",
            "ssh",
            "redis",
        ),
        *(
            "mongodb",
            "jmx",
            "snmp",
            "ftp",
            "rocketmq",
            "push",
            "prometheus",
            "dns",
            "nginx",
            "pop3",
            "registry",
        ),
        *(
            "redfish",
            "ngql",
            "imap",
            "script",
            "mqtt",
            "ipmi",
            "kclient",
            "plc",
            "modbus",
            "s7",
            "sdProtocol",
        ),
        *("http_sd", "dns_sd", "eureka_sd", "consul_sd", "nacos_sd", "zookeeper_sd"),
    )
)
"""Keys of a metric set that belong to protocols other than http; what they hold is not looked at."""

BOOKKEEPING = "HertzBeat's own bookkeeping; ignored."

_PLACEHOLDER = {"type": "string", "pattern": r"\^_\^|\^o\^"}


def one_of(*values: str | int) -> dict[str, Any]:
    """A piece of JSON Schema: one of these values, which editors complete, or a text with a placeholder."""
    return {"anyOf": [{"enum": list(values)}, _PLACEHOLDER, {"type": "null"}]}


def _integer(value: object) -> int:
    if isinstance(value, str):
        try:
            return read_integer(value)
        except ValueError:
            pass
    elif type(value) is int:
        return value
    raise PydanticCustomError("whole_number", "a whole number is expected")


def _byte(value: object) -> int:
    """A whole number as Java holds it in a signed byte, so that 256 is 0 and 200 is -56."""
    return (_integer(value) + 128) % 256 - 128


def _boolean(value: object) -> bool:
    if isinstance(value, str):
        try:
            return read_boolean(value)
        except ValueError:
            pass
    elif type(value) is bool:
        return value
    raise PydanticCustomError("boolean", "true or false is expected")


def _priority(value: object) -> int:
    return 127 if value is None else _integer(value)


def _items(value: object) -> object:
    return [] if value is None else value


def _key(name: str) -> str:
    """HertzBeat's key for an attribute: ``alias_fields`` is ``aliasFields``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean", "null"]}
Text = Annotated[str | None, WithJsonSchema(_SCALAR_SCHEMA)]
I18n = dict[str, Text]
Integer = Annotated[int, BeforeValidator(_integer), WithJsonSchema({"type": "integer"})]
Byte = Annotated[int, BeforeValidator(_byte), WithJsonSchema({"type": "integer"})]
Priority = Annotated[
    int,
    BeforeValidator(_priority),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 127}, {"type": "null"}]}),
]
Boolean = Annotated[
    bool,
    BeforeValidator(_boolean),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}]}),
]


class Model(BaseModel):
    """What all parts of the document share: no unknown keys, no changes after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=_key, populate_by_name=True, defer_build=True
    )


class Authorization(Model):
    """How a request says who asks. Without ``type`` nothing is sent."""

    type: Text = Field(
        default=None,
        description="`Bearer Token`, `Basic Auth` or `Digest Auth`, or a placeholder.",
        json_schema_extra=one_of(*AUTHORIZATION_TYPES),
    )
    bearer_token_token: Text = Field(default=None, description="The token of `Bearer Token`, usually `^_^token^_^`.")
    basic_auth_username: Text = Field(default=None, description="The user of `Basic Auth`.")
    basic_auth_password: Text = Field(default=None, description="The password of `Basic Auth`.")
    digest_auth_username: Text = Field(default=None, description="The user of `Digest Auth`.")
    digest_auth_password: Text = Field(default=None, description="The password of `Digest Auth`.")


class Http(Model):
    """What to ask and how to read the answer. Every text may hold placeholders such as `^_^host^_^`."""

    host: Text = Field(default=None, description="Host name or address; with a scheme in front it decides about TLS.")
    port: Text = Field(default=None, description="Port, usually `^_^port^_^`.")
    url: Text = Field(default=None, description="Path, and a query if it is fixed, beginning with `/`.")
    timeout: Text = Field(
        default=None,
        description="Milliseconds one request may take; without it only the round's deadline holds.",
    )
    ssl: Text = Field(default=None, description="`true` asks over https, with the certificate checked.")
    method: Text = Field(
        default=None, description="HTTP method in capital letters.", json_schema_extra=one_of(*METHODS)
    )
    headers: dict[str, Text] | None = Field(
        default=None,
        description="Headers by name; one with an empty or absent text is left out. "
        "A key `^_^name^_^` gives way to the entries of that key-value parameter.",
    )
    params: dict[str, Text] | None = Field(
        default=None, description="Query parameters; values may hold time expressions such as `${@date-1d}`."
    )
    payload: Text = Field(default=None, description="Body of a POST or PUT; may hold time expressions.")
    authorization: Authorization | None = Field(default=None, description="How the request says who asks.")
    parse_type: Text = Field(
        default=None,
        description="How the answer is read; `default` when it is absent.",
        json_schema_extra=one_of(*PARSE_TYPES),
    )
    parse_script: Text = Field(
        default=None, description="What selects the rows: a JSONPath for `jsonPath`, an XPath for `xmlPath`."
    )
    keyword: Text = Field(default=None, description="A regular expression whose matches `keyword` counts.")
    success_codes: list[Text] | None = Field(
        default=None, description="The statuses that count as success; 200 alone when it is absent."
    )
    enable_url_encoding: Text = Field(
        default=None,
        description="`false` sends path and query as they are written; otherwise they are percent-encoded.",
    )


class FieldSpec(Model):
    """One column of a metric set."""

    field: Text = Field(default=None, description="Name of the field.")
    type: Byte = Field(
        default=1,
        description="0 number, 1 text, 2 secret text (masked in outputs), 3 time (`HH:mm:ss` as seconds).",
        json_schema_extra={"enum": [0, 1, 2, 3]},
    )
    unit: Text = Field(default=None, description="Unit of the field's values, such as `MB`, `%` or `USD`.")
    label: Boolean = Field(default=False, description="Whether the field tells the rows of the set apart.")
    i18n: I18n | None = Field(default=None, description="Name of the field by language, such as `en-US`.")


def _with_sections(schema: dict[str, Any]) -> None:
    section = {
        "type": ["object", "null"],
        "description": "Another protocol's section; its sets are not collected here.",
    }
    schema["properties"] |= dict.fromkeys(sorted(PROTOCOL_SECTIONS), section)


class MetricSet(Model):
    """One request and the table its answer becomes."""

    model_config = ConfigDict(json_schema_extra=_with_sections)

    name: Text = Field(default=None, description="Name of the metric set, unique in the definition.")
    i18n: I18n | None = Field(default=None, description="Name of the set by language, such as `en-US`.")
    priority: Priority = Field(
        default=127,
        description="0 to 127: sets run in this order, equal ones side by side. "
        "When a set of priority 0 fails, the round ends; at least one must have it.",
    )
    protocol: Text = Field(
        default=None,
        description="`http`; sets of other protocols load and fail.",
        json_schema_extra={"examples": ["http"]},
    )
    visible: Boolean = Field(default=True, description="Whether HertzBeat's pages show the set.")
    interval: Integer = Field(default=0, description="Seconds between two collections of this set; 0 is every round.")
    collect_time: Integer = Field(default=0, description=BOOKKEEPING)
    fields: Annotated[list[FieldSpec], BeforeValidator(_items)] = Field(
        default=[], description="The columns of the set, in their order."
    )
    alias_fields: list[Text] | None = Field(
        default=None,
        description="What is read from each row of the answer: keys, or paths beginning with `$.`; "
        "the names of the fields when it is absent.",
    )
    calculates: list[Text] | None = Field(
        default=None,
        description="`field=expression` over the aliases; a field without one takes the alias of its name.",
    )
    filters: list[Text] | None = Field(
        default=None, description="Expressions over the finished row; it is kept when one of them is true."
    )
    units: list[Text] | None = Field(default=None, description="`field=B->MB`: converts the values of a field.")
    http: Http | None = Field(default=None, description="What to ask and how to read the answer.")

    @model_validator(mode="before")
    @classmethod
    def _drop_sections(cls, data: object) -> object:
        """Leave out other protocols' sections, whatever they hold."""
        if isinstance(data, dict) and not PROTOCOL_SECTIONS.isdisjoint(data):
            return {key: value for key, value in data.items() if key not in PROTOCOL_SECTIONS}
        return data


class Option(Model):
    """One choice of a `radio` or `checkbox` parameter."""

    label: Text = Field(default=None, description="What a person chooses from.")
    value: Text = Field(default=None, description="The value the choice stands for.")


class ParamSpec(Model):
    """A parameter: what a monitor of this definition is told, taken up by `^_^name^_^`."""

    field: Text = Field(default=None, description="Name of the parameter: letters, digits, `_`, `-` and `.`.")
    name: I18n | None = Field(default=None, description="What a person sees, by language, such as `en-US`.")
    type: Text = Field(
        default=None,
        description="Kind of value; `password` is kept secret everywhere.",
        json_schema_extra={"enum": [*PARAMETER_TYPES, None]},
    )
    required: Boolean = Field(default=False, description="Whether a value must be given.")
    default_value: Text = Field(default=None, description="The value when none is given.")
    placeholder: Text = Field(default=None, description="An example, shown in an empty input.")
    range: Text = Field(default=None, description="The numbers a `number` may be, such as `'[0,65535]'` (in quotes).")
    limit: Integer | None = Field(default=None, description="How many characters a `text` may have.")
    options: list[Option] | None = Field(default=None, description="The choices of a `radio` or `checkbox`.")
    key_alias: Text = Field(default=None, description="What the keys of a `key-value` are called.")
    value_alias: Text = Field(default=None, description="What the values of a `key-value` are called.")
    hide: Boolean = Field(default=False, description="Whether it stands among the advanced inputs.")
    depend: dict[str, list[Any] | None] | None = Field(
        default=None,
        description="Shown only when another parameter has one of these values: `{authType: [Basic Auth]}`.",
    )
    id: Integer | None = Field(default=None, description=BOOKKEEPING)
    app: Text = Field(default=None, description=BOOKKEEPING)
    creator: Text = Field(default=None, description=BOOKKEEPING)
    modifier: Text = Field(default=None, description=BOOKKEEPING)


class Document(Model):
    """A definition: one API, the parameters a monitor of it takes, and the metric sets it gives."""

    category: Text = Field(default=None, description="HertzBeat's menu it stands in, such as `service` or `custom`.")
    app: Text = Field(default=None, description="Name of the definition, unique among all.")
    name: I18n | None = Field(default=None, description="What a person sees, by language, such as `en-US`.")
    help: I18n | None = Field(default=None, description="What to know before using it, by language.")
    help_link: I18n | None = Field(default=None, description="Where to read more, by language.")
    params: Annotated[list[ParamSpec], BeforeValidator(_items)] = Field(
        default=[], description="The parameters a monitor takes."
    )
    metrics: list[MetricSet] = Field(description="The metric sets.")
    annotations: dict[str, Text] | None = Field(
        default=None,
        description="Free notes, text to text; HertzBeat loads them from 1.7.0 on and ignores them.",
    )
    default_interval: Integer = Field(default=600, description="HertzBeat's usual seconds between rounds.")
    schedule_type: Text = Field(default=None, description="HertzBeat's: `interval` or `cron`; ignored here.")
    cron_expression: Text = Field(default=None, description="HertzBeat's schedule of type `cron`; ignored here.")
    hide: Boolean = Field(default=True, description="HertzBeat's: not in the main menu; ignored here.")
    id: Integer = Field(default=0, description=BOOKKEEPING)
    tenant_id: Integer = Field(default=0, description=BOOKKEEPING)
    monitor_id: Integer = Field(default=0, description=BOOKKEEPING)
    timestamp: Integer = Field(default=0, description=BOOKKEEPING)
    intervals: list[Integer | None] | None = Field(default=None, description=BOOKKEEPING)
    metadata: dict[str, Text] | None = Field(default=None, description=BOOKKEEPING)
    labels: dict[str, Text] | None = Field(default=None, description=BOOKKEEPING)
    configmap: list[dict[str, Any]] | None = Field(default=None, description=BOOKKEEPING)
    cyclic: Boolean = Field(default=False, description=BOOKKEEPING)
    sd: Boolean = Field(default=False, description=BOOKKEEPING)
    prometheus_proxy_mode: Boolean = Field(default=False, description=BOOKKEEPING)
