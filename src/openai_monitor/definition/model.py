"""The definition document, part by part: plain dataclasses, which ``read_part`` and pydantic both read.

pydantic gives the JSON Schema and says what is wrong with a document; it is not imported for one that is right,
since that takes longer than all the rest of a collection.

Attribute names are HertzBeat's keys in snake case (``aliasFields`` is ``alias_fields``). Properties that
HertzBeat types as text hold the raw text of the YAML scalar: ``010``, ``yes`` and ``1.0`` stay as written,
``~`` is None. Docstrings and descriptions are what an editor shows: the language's JSON Schema holds them.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform

from openai_monitor.definition.yaml.scalars import read_boolean, read_integer

T = TypeVar("T")

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
    elif type(value) is int and -(2**63) < value < 2**63:
        return value
    raise ValueError("a whole number")


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
    raise ValueError("true or false")


def read_priority(value: object) -> int:
    """The order of a set; HertzBeat's last one for null. Raises ValueError for what is no whole number."""
    return 127 if value is None else _integer(value)


def _items(value: object) -> object:
    return [] if value is None else value


def _drop_sections(data: object) -> object:
    """Leave out other protocols' sections, whatever they hold."""
    if isinstance(data, dict) and not PROTOCOL_SECTIONS.isdisjoint(data):
        return {key: value for key, value in data.items() if key not in PROTOCOL_SECTIONS}
    return data


def yaml_key(name: str) -> str:
    """HertzBeat's key for an attribute: ``alias_fields`` is ``aliasFields``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class ReadAs:
    """How a value of the document is read, for ``read_part`` and, by its two methods, for pydantic.

    ``first`` is applied before the type is looked at, ``read`` in place of it; both raise ValueError with what was
    expected. ``schema`` is what the JSON Schema says instead of the type.
    """

    def __init__(
        self,
        schema: dict[str, Any] | None = None,
        *,
        first: Callable[[object], object] | None = None,
        read: Callable[[object], object] | None = None,
    ) -> None:
        self.schema = schema
        self.first = first
        self.read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema  # noqa: PLC0415 - only pydantic asks, so it is there

        if self.read is not None:
            return core_schema.no_info_plain_validator_function(self.read)
        inner = handler(source)
        return core_schema.no_info_before_validator_function(self.first, inner) if self.first is not None else inner

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(schema) if self.schema is None else dict(self.schema)


Text = Annotated[str | None, ReadAs({"type": ["string", "number", "boolean", "null"]})]
I18n = dict[str, Text]
Integer = Annotated[int, ReadAs({"type": "integer"}, read=_integer)]
Byte = Annotated[int, ReadAs({"type": "integer"}, read=_byte)]
Priority = Annotated[
    int, ReadAs({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 127}, {"type": "null"}]}, read=read_priority)
]
Boolean = Annotated[bool, ReadAs({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}]}, read=_boolean)]


def key(*, default: Any = MISSING, description: str, **more: Any) -> Any:
    """One key of a part. pydantic takes its description, and ``json_schema_extra``, from the metadata."""
    metadata = {"description": description, **more}
    if isinstance(default, list):
        metadata["json_schema_extra"] = {"default": default}
        return field(default_factory=list, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(key,))
def part(kind: type[T]) -> type[T]:
    """Make a class a part of the document: it can't be changed, and is equal to itself alone."""
    return dataclass(frozen=True, kw_only=True, eq=False)(kind)


@part
class Model:
    """What all parts of the document share: no unknown keys."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "alias_generator": yaml_key}


@part
class Authorization(Model):
    """How a request says who asks. Without ``type`` nothing is sent."""

    type: Text = key(
        default=None,
        description="`Bearer Token`, `Basic Auth` or `Digest Auth`, or a placeholder.",
        json_schema_extra=one_of(*AUTHORIZATION_TYPES),
    )
    bearer_token_token: Text = key(default=None, description="The token of `Bearer Token`, usually `^_^token^_^`.")
    basic_auth_username: Text = key(default=None, description="The user of `Basic Auth`.")
    basic_auth_password: Text = key(default=None, description="The password of `Basic Auth`.")
    digest_auth_username: Text = key(default=None, description="The user of `Digest Auth`.")
    digest_auth_password: Text = key(default=None, description="The password of `Digest Auth`.")

    def secrets(self) -> list[str]:
        """The texts that are secrets whatever stands in them: HertzBeat's own definitions call a token text."""
        texts = (self.bearer_token_token, self.basic_auth_password, self.digest_auth_password)
        return [text for text in texts if text is not None]

    def users(self) -> list[str]:
        """The user names: who asks, and no secret."""
        return [text for text in (self.basic_auth_username, self.digest_auth_username) if text is not None]


@part
class Http(Model):
    """What to ask and how to read the answer. Every text may hold placeholders such as `^_^host^_^`."""

    host: Text = key(default=None, description="Host name or address; with a scheme in front it decides about TLS.")
    port: Text = key(default=None, description="Port, usually `^_^port^_^`.")
    url: Text = key(default=None, description="Path, and a query if it is fixed, beginning with `/`.")
    timeout: Text = key(
        default=None,
        description="Milliseconds one request may take; without it only the round's deadline holds.",
    )
    ssl: Text = key(default=None, description="`true` asks over https, with the certificate checked.")
    method: Text = key(default=None, description="HTTP method in capital letters.", json_schema_extra=one_of(*METHODS))
    headers: dict[str, Text] | None = key(
        default=None,
        description="Headers by name; one with an empty or absent text is left out. "
        "A key `^_^name^_^` gives way to the entries of that key-value parameter.",
    )
    params: dict[str, Text] | None = key(
        default=None, description="Query parameters; values may hold time expressions such as `${@date-1d}`."
    )
    payload: Text = key(default=None, description="Body of a POST or PUT; may hold time expressions.")
    authorization: Authorization | None = key(default=None, description="How the request says who asks.")
    parse_type: Text = key(
        default=None,
        description="How the answer is read; `default` when it is absent.",
        json_schema_extra=one_of(*PARSE_TYPES),
    )
    parse_script: Text = key(
        default=None, description="What selects the rows: a JSONPath for `jsonPath`, an XPath for `xmlPath`."
    )
    keyword: Text = key(default=None, description="A regular expression whose matches `keyword` counts.")
    success_codes: list[Text] | None = key(
        default=None, description="The statuses that count as success; 200 alone when it is absent."
    )
    enable_url_encoding: Text = key(
        default=None,
        description="`false` sends path and query as they are written; otherwise they are percent-encoded.",
    )


@part
class FieldSpec(Model):
    """One column of a metric set."""

    field: Text = key(default=None, description="Name of the field.")
    type: Byte = key(
        default=1,
        description="0 number, 1 text, 2 secret text (masked in outputs), 3 time (`HH:mm:ss` as seconds).",
        json_schema_extra={"enum": [0, 1, 2, 3]},
    )
    unit: Text = key(default=None, description="Unit of the field's values, such as `MB`, `%` or `USD`.")
    label: Boolean = key(default=False, description="Whether the field tells the rows of the set apart.")
    i18n: I18n | None = key(default=None, description="Name of the field by language, such as `en-US`.")


def _with_sections(schema: dict[str, Any]) -> None:
    section = {
        "type": ["object", "null"],
        "description": "Another protocol's section; its sets are not collected here.",
    }
    schema["properties"] |= dict.fromkeys(sorted(PROTOCOL_SECTIONS), section)


@part
class MetricSet(Model):
    """One request and the table its answer becomes."""

    __pydantic_config__: ClassVar[Any] = {**Model.__pydantic_config__, "json_schema_extra": _with_sections}

    name: Text = key(default=None, description="Name of the metric set, unique in the definition.")
    i18n: I18n | None = key(default=None, description="Name of the set by language, such as `en-US`.")
    priority: Priority = key(
        default=127,
        description="0 to 127: sets run in this order, equal ones side by side. "
        "When a set of priority 0 fails, the round ends; at least one must have it.",
    )
    protocol: Text = key(
        default=None,
        description="`http`; sets of other protocols load and fail.",
        json_schema_extra={"examples": ["http"]},
    )
    visible: Boolean = key(default=True, description="Whether HertzBeat's pages show the set.")
    interval: Integer = key(default=0, description="Seconds between two collections of this set; 0 is every round.")
    collect_time: Integer = key(default=0, description=BOOKKEEPING)
    fields: Annotated[list[FieldSpec], ReadAs(first=_items)] = key(
        default=[], description="The columns of the set, in their order."
    )
    alias_fields: list[Text] | None = key(
        default=None,
        description="What is read from each row of the answer: keys, or paths beginning with `$.`; "
        "the names of the fields when it is absent.",
    )
    calculates: list[Text] | None = key(
        default=None,
        description="`field=expression` over the aliases; a field without one takes the alias of its name.",
    )
    filters: list[Text] | None = key(
        default=None, description="Expressions over the finished row; it is kept when one of them is true."
    )
    units: list[Text] | None = key(default=None, description="`field=B->MB`: converts the values of a field.")
    http: Http | None = key(default=None, description="What to ask and how to read the answer.")


@part
class Option(Model):
    """One choice of a `radio` or `checkbox` parameter."""

    label: Text = key(default=None, description="What a person chooses from.")
    value: Text = key(default=None, description="The value the choice stands for.")


@part
class ParamSpec(Model):
    """A parameter: what a monitor of this definition is told, taken up by `^_^name^_^`."""

    field: Text = key(default=None, description="Name of the parameter: letters, digits, `_`, `-` and `.`.")
    name: I18n | None = key(default=None, description="What a person sees, by language, such as `en-US`.")
    type: Text = key(
        default=None,
        description="Kind of value; `password` is kept secret everywhere.",
        json_schema_extra={"enum": [*PARAMETER_TYPES, None]},
    )
    required: Boolean = key(default=False, description="Whether a value must be given.")
    default_value: Text = key(default=None, description="The value when none is given.")
    placeholder: Text = key(default=None, description="An example, shown in an empty input.")
    range: Text = key(default=None, description="The numbers a `number` may be, such as `'[0,65535]'` (in quotes).")
    limit: Integer | None = key(default=None, description="How many characters a `text` may have.")
    options: list[Option] | None = key(default=None, description="The choices of a `radio` or `checkbox`.")
    key_alias: Text = key(default=None, description="What the keys of a `key-value` are called.")
    value_alias: Text = key(default=None, description="What the values of a `key-value` are called.")
    hide: Boolean = key(default=False, description="Whether it stands among the advanced inputs.")
    depend: dict[str, list[Any] | None] | None = key(
        default=None,
        description="Shown only when another parameter has one of these values: `{authType: [Basic Auth]}`.",
    )
    id: Integer | None = key(default=None, description=BOOKKEEPING)
    app: Text = key(default=None, description=BOOKKEEPING)
    creator: Text = key(default=None, description=BOOKKEEPING)
    modifier: Text = key(default=None, description=BOOKKEEPING)


@part
class Document(Model):
    """A definition: one API, the parameters a monitor of it takes, and the metric sets it gives."""

    category: Text = key(default=None, description="HertzBeat's menu it stands in, such as `service` or `custom`.")
    app: Text = key(default=None, description="Name of the definition, unique among all.")
    name: I18n | None = key(default=None, description="What a person sees, by language, such as `en-US`.")
    help: I18n | None = key(default=None, description="What to know before using it, by language.")
    help_link: I18n | None = key(default=None, description="Where to read more, by language.")
    params: Annotated[list[ParamSpec], ReadAs(first=_items)] = key(
        default=[], description="The parameters a monitor takes."
    )
    metrics: list[Annotated[MetricSet, ReadAs(first=_drop_sections)]] = key(description="The metric sets.")
    annotations: dict[str, Text] | None = key(
        default=None,
        description="Free notes, text to text; HertzBeat loads them from 1.7.0 on and ignores them.",
    )
    default_interval: Integer = key(default=600, description="HertzBeat's usual seconds between rounds.")
    schedule_type: Text = key(default=None, description="HertzBeat's: `interval` or `cron`; ignored here.")
    cron_expression: Text = key(default=None, description="HertzBeat's schedule of type `cron`; ignored here.")
    hide: Boolean = key(default=True, description="HertzBeat's: not in the main menu; ignored here.")
    id: Integer = key(default=0, description=BOOKKEEPING)
    tenant_id: Integer = key(default=0, description=BOOKKEEPING)
    monitor_id: Integer = key(default=0, description=BOOKKEEPING)
    timestamp: Integer = key(default=0, description=BOOKKEEPING)
    intervals: list[Integer | None] | None = key(default=None, description=BOOKKEEPING)
    metadata: dict[str, Text] | None = key(default=None, description=BOOKKEEPING)
    labels: dict[str, Text] | None = key(default=None, description=BOOKKEEPING)
    configmap: list[dict[str, Any]] | None = key(default=None, description=BOOKKEEPING)
    cyclic: Boolean = key(default=False, description=BOOKKEEPING)
    sd: Boolean = key(default=False, description=BOOKKEEPING)
    prometheus_proxy_mode: Boolean = key(default=False, description=BOOKKEEPING)
