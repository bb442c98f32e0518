"""How messages show pieces of a definition, and hints that name what was probably meant."""

from collections.abc import Collection
from itertools import islice

_MANY = 12
_MOST_COMPARED = 200


def quote(text: str, longest: int = 60) -> str:
    """A text of the definition in a message: in one line, cut when it is long."""
    line = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[: longest + 1]
    )
    return f"`{line[: longest - 1]}…`" if len(line) > longest else f"`{line}`"


def nearest(found: str, known: Collection[str]) -> str:
    """``did you mean …?`` where a known name is near, else the known names where they are few."""
    match = nearest_name(found, known)
    if match is not None:
        return f"did you mean `{match}`?"
    return f"known are {_listed(known)}" if 0 < len(known) <= _MANY else ""


def nearest_name(found: str, known: Collection[str]) -> str | None:
    """The known name most like the found one, whatever its case; None when none is near."""
    import difflib  # noqa: PLC0415 - only broken definitions need it

    lowered = {name.lower(): name for name in islice(known, _MOST_COMPARED) if len(name) <= 100}
    wanted = found[:100].lower()
    matches = difflib.get_close_matches(wanted, lowered, n=1, cutoff=0.7)
    matches += [name for name in lowered if len(wanted) > 2 and name.startswith(wanted)]
    return lowered[matches[0]] if matches else None


def _listed(names: Collection[str]) -> str:
    *head, last = (f"`{name}`" for name in names)
    return f"{', '.join(head)} and {last}" if head else last
