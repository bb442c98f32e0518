"""The definitions that come with the package, and finding a definition by what a person types."""

import os
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from openai_monitor.definition.wording import nearest_name
from openai_monitor.errors import SettingsError
from openai_monitor.paths import is_folder, is_missing

if TYPE_CHECKING:
    from openai_monitor.definition.load import Definition

_SUFFIXES = (".yml", ".yaml")


@cache
def shipped_folder() -> Path:
    """Where the shipped definitions lie: inside an installed package, or beside ``src`` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "define"
    return inside if inside.is_dir() else package.parent.parent / "define"


def shipped_names() -> list[str]:
    """The names that ``load_definition`` knows without a path."""
    return sorted(path.stem for path in shipped_folder().glob("*.yml") if not path.stem.endswith(".test"))


def find_path(name: str) -> Path:
    """The file meant by a path or a shipped name; a path wins. Raises SettingsError when there is neither."""
    path = Path(name)
    if not is_missing(path) and not is_folder(path):
        return path
    if name in shipped_names():
        return shipped_folder() / f"{name}.yml"
    if is_folder(path):
        raise SettingsError(f"{name} is a folder: name a definition in it")
    raise SettingsError(_not_found(name))


def load_definition(name: str | PathLike[str]) -> "Definition":
    """Read the definition meant by a path or a shipped name (``"openai"``).

    Raises SettingsError when there is none, DefinitionError when it can't be used.
    """
    from openai_monitor.definition.load import read_definition  # noqa: PLC0415 - pydantic loads only when needed

    return read_definition(find_definition(fspath(name)))


def find_definition(name: str) -> Path:
    """As ``find_path``, but for a file that holds the tests of a definition, which is another's to find."""
    path = find_path(name)
    if path.name.endswith((".test.yml", ".test.yaml")):
        definition = path.with_name(path.name.replace(".test.", ".", 1))
        raise SettingsError(f"{name} holds the tests of a definition, not the definition: name {definition}")
    return path


def expected_prefix(placeholder: str | None) -> str | None:
    """How a key begins, told by a parameter's ``placeholder`` such as ``sess-…``; None when it tells nothing."""
    head, dots, _ = (placeholder or "").replace("...", "…").partition("…")
    return head.strip() if dots and head.strip() else None


def _not_found(name: str) -> str:
    looks_like_path = os.sep in name or name.endswith(_SUFFIXES)
    names = ", ".join(shipped_names())
    if looks_like_path:
        return f"no definition file at {name}: give the path of a YAML file, or a shipped name ({names})"
    close = nearest_name(name, shipped_names())
    hint = f"did you mean {close!r}? " if close else ""
    return f"no definition named {name!r}: {hint}shipped are {names}; a path to a YAML file works too"
