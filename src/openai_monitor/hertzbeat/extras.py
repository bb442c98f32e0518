"""What only a collector of a cluster needs, loaded when it is first needed."""

from functools import cache
from importlib import import_module
from types import ModuleType

from openai_monitor.errors import SettingsError
from openai_monitor.installed import how_to_add

MODULES = ("nanoarrow", "cryptography")


@cache
def load(module: str) -> ModuleType:
    """Import a module of the extra ``hertzbeat``. Raises SettingsError that says how to install it."""
    try:
        return import_module(module)
    except ImportError:
        raise SettingsError(
            f"a HertzBeat cluster needs {module.partition('.')[0]}, which is not installed: {how_to_add('hertzbeat')}"
        ) from None


def check() -> None:
    """Raise SettingsError when something of the extra is missing, before anything else begins."""
    for module in MODULES:
        load(module)
