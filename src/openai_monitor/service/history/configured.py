"""What a monitors file says of the history, for those who only read it: all else in the file may be wrong."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from openai_monitor.definition.load import decode, read_bytes
from openai_monitor.definition.yaml.tree import plain
from openai_monitor.errors import DefinitionError, SettingsError
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.yamlfile import read_tree


def read_configured(config: Path) -> tuple[Path, list[str]]:
    """Read where the history is, and the names of the monitors that are to run.

    Raises SettingsError when the file can't be read as YAML, or keeps no history.
    """
    try:
        content = plain(read_tree(decode(read_bytes(config), str(config)), str(config)).root)
    except DefinitionError as error:
        raise SettingsError("\n".join(map(str, error.problems))) from None
    mapping = content if isinstance(content, Mapping) else {}
    return _history_file(mapping.get("history"), config), list(_names(mapping.get("monitors")))


def _history_file(section: object, config: Path) -> Path:
    try:
        settings = HistorySettings.model_validate(section or {}, context={"folder": config.parent})
    except ValidationError as error:
        key = ".".join(map(str, ("history", *error.errors()[0]["loc"])))
        raise SettingsError(f"{config}: {key}: {error.errors()[0]['msg']}: see run --check") from None
    if not settings.enabled:
        raise SettingsError(f"{config}: history.enabled is false, so there is none")
    return settings.file


def _names(section: object) -> list[str]:
    entries = [entry for entry in section if isinstance(entry, Mapping)] if isinstance(section, list) else []
    running = [entry for entry in entries if str(entry.get("enabled")).lower() not in ("false", "no", "off")]
    return [name.strip() for entry in running if isinstance(name := entry.get("name"), str)]
