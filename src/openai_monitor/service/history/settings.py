"""The ``history:`` section of the monitors file."""

from pathlib import Path

from pydantic import Field

from openai_monitor.service.history.place import default_path
from openai_monitor.sinks.settings import FilePath, Settings


class HistorySettings(Settings):
    """Rows, hours and daily costs, kept in a SQLite file. It is written unless `enabled` is false."""

    enabled: bool = Field(True, description="Whether history is kept.")
    path: FilePath | None = Field(
        None, description="The file (default: history.sqlite in the folder for state of this user)."
    )
    rows_days: int = Field(7, ge=1, le=36_500, description="Days for which rows are kept as collected.")
    hourly_days: int = Field(400, ge=1, le=36_500, description="Days for which hours are kept. Daily costs stay.")

    @property
    def file(self) -> Path:
        """The file to write to."""
        return self.path or default_path()
