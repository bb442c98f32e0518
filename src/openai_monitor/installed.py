"""How this program was installed, so that a hint can say how more of it is."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_NAME = "openai-monitor"


def how_to_add(extra: str) -> str:
    """The command that installs an extra from where this program came: a checkout, a wheel, a repository, an index."""
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - slow, and seldom needed

    try:
        found = distribution(_NAME)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return f"pip install '.[{extra}]' in the checkout"
    wanted, editable = _wanted(found, extra)
    prefix = Path(sys.prefix).parts
    if "pipx" in prefix:
        return f"pipx install --force {wanted}"
    if "uv" in prefix:
        return f"uv tool install --force {wanted}" if "tools" in prefix else f"uvx --from {wanted} {_NAME}"
    installer = "uv pip" if (found.read_text("INSTALLER") or "").strip() == "uv" else "pip"
    return f"{installer} install {'--editable ' if editable else ''}{wanted}"


def _wanted(found: "Distribution", extra: str) -> tuple[str, bool]:
    """What to install, quoted for a shell, and whether in place (PEP 610 says where it came from)."""
    try:
        told = json.loads(found.read_text("direct_url.json") or "null")
    except ValueError:
        told = None
    url = told.get("url") if isinstance(told, dict) else None
    if not isinstance(url, str):
        return shlex.quote(f"{_NAME}[{extra}]"), False
    if url.startswith("file:"):
        editable = bool((told.get("dir_info") or {}).get("editable"))
        return shlex.quote(f"{unquote(urlsplit(url).path)}[{extra}]"), editable
    version_control = (told.get("vcs_info") or {}).get("vcs")
    return shlex.quote(f"{_NAME}[{extra}] @ {f'{version_control}+' if version_control else ''}{url}"), False
