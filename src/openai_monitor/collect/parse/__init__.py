"""From an answer to raw rows: one file a ``parseType``, one registry.

A parse type is one function, ``compile``: it takes what the definition says, compiled once, and returns the
function that reads answers. A tenth parse type is a new file and a line in ``PARSE_TYPES``.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import cast

from openai_monitor.collect.answer import Answer
from openai_monitor.definition.model import Http

Aliases = tuple[str, ...]


class AllOf(str):
    """A path among the aliases that stands for the list of all it finds, not for the first; jsonPath reads it."""

    __slots__ = ()


RawRow = Sequence[object]
"""One raw value for each alias of the set, in their order: JSON values, not yet typed."""


@dataclass(slots=True)
class Extracted:
    """The rows of one answer, and what was odd about it."""

    rows: list[RawRow] = field(repr=False)
    warnings: list[str] = field(default_factory=list)


Ask = Callable[[str], Awaitable[Answer]]
"""Fetches one more address for a parse type that needs several answers; raises CollectionError."""

Parse = Callable[[Answer, Ask], Awaitable[Extracted]]
"""Reads one answer; raises CollectionError when it is not what the parse type expects."""

Compile = Callable[[Http, Aliases, str], Parse]
"""(http section, aliases, name of the set) to Parse; raises SyntaxFault when a path or pattern does not compile."""

PARSE_TYPES = {
    "jsonPath": "json_path",
    "default": "default",
    "prometheus": "prometheus",
    "PromQL": "promql",
    "xmlPath": "xml_path",
    "website": "website",
    "sitemap": "sitemap",
    "header": "header",
    "config": "config",
}
"""parseType to the module here that serves it; a module is imported when a definition first needs it."""


def compile_parse(http: Http, aliases: Aliases, set_name: str) -> Parse:
    """The function that reads answers of this set; raises SyntaxFault, or KeyError for an unknown type."""
    module = import_module(f"{__name__}.{PARSE_TYPES[http.parse_type or 'default']}")
    return cast("Compile", module.compile)(http, aliases, set_name)
