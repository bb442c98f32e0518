"""What a person, a file and a calling script learn of a round: rows, messages, and the exit code."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal
from openai_monitor.cli.files import check_folder, check_place, make_folder, save
from openai_monitor.errors import ParameterError, SettingsError
from openai_monitor.outputs import render
from openai_monitor.rows import FieldType, MetricSetResult, Round

if TYPE_CHECKING:
    from openai_monitor.cli.conditions import Condition

COLLECTED, INCOMPLETE, CONDITION_HOLDS = 0, 1, 3
MOST_WARNINGS = 5
REFUSED_KEY = (401, 403)


class Report:
    """How one round is to be printed and judged; its options are checked here, before anything is asked."""

    def __init__(
        self, arguments: argparse.Namespace, conditions: Sequence["Condition"], metric_sets: Sequence[str]
    ) -> None:
        wanted = arguments.metrics
        self._shown = tuple(wanted if wanted is not None else metric_sets)
        self._conditions = tuple(conditions)
        self._format = arguments.format or ("table" if _to_person(arguments) else "ndjson")
        self._define = arguments.define
        self._output = Path(arguments.output) if arguments.output else None
        self.needed = None if wanted is None else self._with_conditions()
        """The sets to collect: those to show and those that conditions read; None means all."""
        self._count = sum(name in self._shown for name in metric_sets)
        self._prepare()

    def _with_conditions(self) -> tuple[str, ...]:
        judged = (name for condition in self._conditions for name in condition.metric_sets)
        return tuple(dict.fromkeys((*self._shown, *judged)))

    @property
    def _is_csv_folder(self) -> bool:
        return self._format == "csv" and self._output is not None and (self._count > 1 or self._output.is_dir())

    def _prepare(self) -> None:
        if self._format != "csv" or self._count <= 1:
            if self._output is not None and not self._is_csv_folder:
                check_place(self._output)
            return
        if self._output is None:
            raise ParameterError(
                f"a csv holds one metric set, and these are {self._count}: "
                "name one with --metrics, or give a folder with --output, which gets a file for each"
            )
        check_folder(self._output)

    def give(self, collected: Round) -> int:
        """Print the round and everything there is to say about it, and return the exit code."""
        shown = replace(
            collected,
            results=tuple(_cleaned(result) for result in collected.results if result.name in self._shown),
            skipped=tuple(skipped for skipped in collected.skipped if skipped.name in self._shown),
        )
        unwritten: SettingsError | None = None
        try:
            self._write(shown)
        except SettingsError as error:  # the conditions are judged all the same
            unwritten = error
        self._tell(collected)
        code = self._judge(collected)
        if unwritten is None:
            return code
        if code != CONDITION_HOLDS:
            raise unwritten
        terminal.say(f"error: {unwritten}")
        return code

    def _write(self, collected: Round) -> None:
        if self._is_csv_folder and self._output is not None:
            from openai_monitor.outputs.csv_table import files  # noqa: PLC0415 - only for csv

            make_folder(self._output)
            private = map(_is_private, collected.results)
            for (name, text), is_private in zip(files(collected).items(), private, strict=True):
                save(self._output / name, terminal.as_data(text), private=is_private)
        elif self._output is not None:
            is_private = any(map(_is_private, collected.results))
            save(self._output, terminal.as_data(render(self._format, collected)), private=is_private)
        elif self._format == "table":
            terminal.write(render("table", collected, terminal.style()))
        else:
            terminal.write_data(render(self._format, collected))

    def _tell(self, collected: Round) -> None:
        """Say on standard error what standard output does not: only the table tells of failures."""
        in_table = self._shown if self._format == "table" and self._output is None else ()
        who = f"{collected.name}: " if collected.name else ""
        for result in collected.results:
            if result.name not in in_table:
                for line in _remarks(result):
                    terminal.say(f"{who}{line}")
        for skipped in collected.skipped:
            if skipped.name not in in_table:
                terminal.say(f"{who}{skipped.name} was skipped: {skipped.reason}")
        if any(result.status in REFUSED_KEY for result in collected.results):
            terminal.say(f"which key this needs, and how to get one: openai-monitor params --define {self._define}")

    def _judge(self, collected: Round) -> int:
        who = f"{collected.name}: " if collected.name else ""
        verdicts = [condition.judge(collected) for condition in self._conditions]
        for verdict in verdicts:
            if verdict.sentence:
                terminal.say(f"{who}{verdict.sentence}")
        if any(verdict.holds for verdict in verdicts):
            return CONDITION_HOLDS
        found = collected.ok and all(result.found for result in collected.results)
        complete = found and all(verdict.holds is False for verdict in verdicts)
        return COLLECTED if complete else INCOMPLETE


def _is_private(result: MetricSetResult) -> bool:
    """Tell whether a file with these rows is its owner's alone: whom bills go to, or what a definition calls secret."""
    from openai_monitor.sinks.private import is_private  # noqa: PLC0415 - only for files

    return any(field.type is FieldType.SECRET or is_private(field.name) for field in result.fields)


def _cleaned(result: MetricSetResult) -> MetricSetResult:
    """Mask keys in what is said about a set, also those that no parameter of type password holds."""
    return replace(
        result,
        message=terminal.clean(result.message),
        warnings=tuple(map(terminal.clean, result.warnings)),
    )


def _to_person(arguments: argparse.Namespace) -> bool:
    return not arguments.output and terminal.is_terminal(sys.stdout)


def _remarks(result: MetricSetResult) -> list[str]:
    if not result.ok:
        return [f"{result.name} failed ({result.code.name}): {result.message}"]
    notes = [text for text in (result.message, *result.warnings) if text]
    if len(notes) > MOST_WARNINGS:
        notes[MOST_WARNINGS:] = [f"and {len(notes) - MOST_WARNINGS} more remarks"]
    return [f"{result.name}: {note}" for note in notes]
