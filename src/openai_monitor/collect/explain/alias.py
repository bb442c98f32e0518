"""Why an alias has no value in a row, in words."""

from openai_monitor.collect.explain.offer import Offer
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.wording import nearest_name, quote
from openai_monitor.errors import PathSyntaxError

_MOST_KEYS = 1_000
_KEYS_NAMED = 8


def why_empty(alias: str, row: object, offer: Offer) -> str:
    """Tell what keeps this alias from a value. ``row`` is the row in the answer, where the offer has rows."""
    if isinstance(row, dict):
        return _in_object(alias, row, paths=offer.paths)
    return f"the answer has no {quote(alias)} for this row{_meant(alias, list(offer.names))}"


def _in_object(alias: str, row: dict[str, object], *, paths: bool) -> str:
    if alias in row:
        return f"{quote(alias)} is null in the answer"
    if alias.startswith("`") and paths:
        return f"nothing around the row answers to {alias}"
    if alias.startswith("$."):
        return _of_path(alias, row) if paths else f"parseType default reads keys, not paths such as {quote(alias)}"
    if paths and (path := _deeper(alias, row)):
        return f"the row has no {quote(alias)}; one level deeper it has: write {quote(path)}"
    return f"the row has no {quote(alias)}{_meant(alias, list(row)[:_MOST_KEYS])}"


def _of_path(alias: str, row: dict[str, object]) -> str:
    broken = compile_path(alias).explain(row)
    if broken:
        return f"{broken}, where `$` is the row"
    return f"{quote(alias)} finds nothing, or null, in the row"


def _deeper(alias: str, row: dict[str, object]) -> str | None:
    """The path of the alias in an object inside the row, or of what it says with dots."""
    inside = (f"$.{key}.{alias}" for key, value in row.items() if isinstance(value, dict) and alias in value)
    return next((path for path in (f"$.{alias}", *inside) if _finds(path, row)), None)


def _finds(path: str, row: dict[str, object]) -> bool:
    try:
        return compile_path(path).first(row) is not None
    except PathSyntaxError:
        return False


def _meant(alias: str, names: list[str]) -> str:
    if (near := nearest_name(alias, names)) is not None:
        return f"; did you mean {quote(near)}?"
    shown = ", ".join(map(quote, names[:_KEYS_NAMED]))
    more = ", …" if len(names) > _KEYS_NAMED else ""
    return f"; it has {shown}{more}" if shown else ""
