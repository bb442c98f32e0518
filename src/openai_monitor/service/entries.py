"""From the entries of a monitors file to monitors: definitions found and read, values merged and checked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from openai_monitor.collect.parameters import TIME_ZONE, check_parameters, resolve_parameters, zone_of
from openai_monitor.definition.definition import Definition, KeyPath
from openai_monitor.definition.keys import kind_of, refuse_other_vendors
from openai_monitor.definition.load import parse_definition, read_bytes
from openai_monitor.definition.model import ParamSpec
from openai_monitor.definition.shipped import shipped_folder, shipped_names
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.definition.yaml.scalars import read_boolean
from openai_monitor.errors import DefinitionError, OtherVendor, ParameterError, Severity
from openai_monitor.paths import expanded, is_folder, is_missing
from openai_monitor.schedule.monitors import MonitorSpec, Value, host_of, is_this_machine
from openai_monitor.schedule.secrets import SecretSource
from openai_monitor.service.config import DEFAULT_PERIOD, LEAST_PERIOD, Defaults, MonitorEntry

DEFAULT_DEFINITION = "openai"
SAFE_PERIOD = 120
"""Seconds: OpenAI's billing endpoints answer 429 to those that ask more often."""

_OPENAI_HOST = "api.openai.com"


class Tell(Protocol):
    """Takes a problem at a key path of the file."""

    def __call__(self, severity: Severity, rule: str, path: KeyPath, message: str, hint: str = "") -> None:
        """Take it."""


@dataclass(slots=True)
class Definitions:
    """Definition files that were read; one whose bytes are the same is the same object, so that nothing restarts."""

    _known: dict[Path, tuple[bytes, Definition]] = field(default_factory=dict)

    def read(self, path: Path) -> Definition:
        """Read a definition file. Raises DefinitionError."""
        data = read_bytes(path)
        known = self._known.get(path)
        if known is None or known[0] != data:
            self._known[path] = known = (data, parse_definition(data, str(path)))
        return known[1]


class Entries:
    """Makes monitors of entries; ``files`` are the definition files that are not shipped."""

    def __init__(self, defaults: Defaults, definitions: Definitions, folder: Path, tell: Tell) -> None:
        self._defaults = defaults
        self._definitions = definitions
        self._folder = folder
        self._tell = tell
        self._found: dict[str, Definition | None] = {}
        self._unused_defaults = set(defaults.params)
        self.files: set[Path] = set()

    def specs(self, entries: Iterable[tuple[int, MonitorEntry]]) -> Iterator[MonitorSpec]:
        """The monitors of the entries that are good, in their order."""
        for index, entry in entries:
            if (spec := self._spec(("monitors", index), entry)) is not None:
                yield spec
        for name in sorted(self._unused_defaults):
            message = f"no monitor's definition has a parameter {quote(name)}"
            self._tell("warning", "unused", ("defaults", "params", name), message, "correct or remove it")

    def _spec(self, path: KeyPath, entry: MonitorEntry) -> MonitorSpec | None:
        definition = self._definition(path, entry)
        if definition is None:
            return None
        params = self._params(definition, entry)
        period = entry.period or self._defaults.period or DEFAULT_PERIOD
        self._check_params(path, entry, definition, params)
        self._check_period(path, entry, definition, period, host_of(definition, params))
        return MonitorSpec(
            name=entry.name,
            definition=definition,
            params=tuple(params.items()),
            period=period,
            tags=tuple({**self._defaults.tags, **entry.tags}.items()),
            description=entry.description,
            enabled=entry.enabled,
            collector=entry.collector,
            metrics=self._metrics(path, entry, definition),
            retries=self._defaults.retries if entry.retries is None else entry.retries,
        )

    # Definitions

    def _definition(self, path: KeyPath, entry: MonitorEntry) -> Definition | None:
        name = entry.define or self._defaults.define or DEFAULT_DEFINITION
        if name not in self._found:
            where: KeyPath = (*path, "define") if entry.define else ("defaults", "define")
            self._found[name] = self._read(name, where)
        return self._found[name]

    def _read(self, name: str, where: KeyPath) -> Definition | None:
        file = self._folder / expanded(name)
        if is_missing(file) or is_folder(file):
            if name not in shipped_names():
                hint = nearest(name, shipped_names()) or "give the path of a YAML file beside this one"
                self._tell("error", "no-definition", where, f"there is no definition {quote(name)}", hint)
                return None
            file = shipped_folder() / f"{name}.yml"
        else:
            self.files.add(file)
        try:
            definition = self._definitions.read(file)
        except DefinitionError as error:
            for problem in error.problems:
                self._tell("error", f"definition:{problem.rule}", where, f"the definition can't be used: {problem}")
            return None
        for problem in definition.warnings:
            self._tell("warning", f"definition:{problem.rule}", where, str(problem))
        return definition

    # Parameters

    def _params(self, definition: Definition, entry: MonitorEntry) -> dict[str, Value]:
        """The entry's parameters over those of the defaults which the definition declares."""
        declared = {spec.field for spec in definition.params}
        shared = {name: value for name, value in self._defaults.params.items() if name in declared}
        self._unused_defaults -= shared.keys()
        params = {**shared, **entry.params}
        for spec in definition.params:
            if spec.type == "boolean" and isinstance(value := params.get(spec.field or ""), str):
                params[spec.field or ""] = _boolean(value)
        return params

    def _check_params(
        self, path: KeyPath, entry: MonitorEntry, definition: Definition, params: dict[str, Value]
    ) -> None:
        specs = {spec.field: spec for spec in definition.params}
        elsewhere = {name for name, value in params.items() if isinstance(value, SecretSource) and name in specs}
        given = {name: _shown(value) for name, value in params.items() if name not in elsewhere}
        checked = [spec for spec in definition.params if spec.field not in elsewhere]
        for name, sentence in _complaints(checked, given):
            where = (*path, "params", name) if name in entry.params else self._default_or(path, name)
            self._tell("error", "parameter", where, sentence, "see `openai-monitor params`")
        for name, value in params.items():
            if not isinstance(value, str) or (spec := specs.get(name)) is None:
                continue
            host = host_of(definition, params)
            if spec.type == "password" or kind_of(value):
                self._warn_of_open_key(path, entry, name, host)
            try:
                refuse_other_vendors([(name, value)], [host or ""])
            except OtherVendor as error:
                where = (*path, "params", name) if name in entry.params else self._default_or(path, name)
                self._tell("error", "other-vendor", where, str(error))

    def _default_or(self, path: KeyPath, name: str) -> KeyPath:
        return ("defaults", "params", name) if name in self._defaults.params else path

    def _warn_of_open_key(self, path: KeyPath, entry: MonitorEntry, name: str, host: str | None) -> None:
        if is_this_machine(host):
            return
        where: KeyPath = (*path, "params", name) if name in entry.params else ("defaults", "params", name)
        hint = f"write `{name}: {{file: PATH}}` or `{{env: NAME}}`: it is read again each round, so it can be renewed"
        self._tell("warning", "open-key", where, f"the key {name} stands in the file itself", hint)

    # Period and metric sets

    def _check_period(
        self, path: KeyPath, entry: MonitorEntry, definition: Definition, period: float, host: str | None
    ) -> None:
        if is_this_machine(host):
            return
        where: KeyPath = (*path, "period") if entry.period else ("defaults", "period")
        whose, fastest = _fastest(definition, entry, period)
        if fastest < LEAST_PERIOD:
            message = f"{whose} of {fastest:g} s is too short for {host or 'another machine'}"
            self._tell("error", "period", where, message, f"give {LEAST_PERIOD} s or more; less is for this machine")
        elif fastest < SAFE_PERIOD and (definition.app.startswith("openai") or host == _OPENAI_HOST):
            message = f"with {whose} of {fastest:g} s OpenAI answers 429 (asked too often)"
            self._tell("warning", "period", where, message, f"give {SAFE_PERIOD} s or more")

    def _metrics(self, path: KeyPath, entry: MonitorEntry, definition: Definition) -> tuple[str, ...] | None:
        if entry.metrics is None:
            return None
        known = [metric_set.name or "" for metric_set in definition.sets]
        key = "include" if entry.metrics.include is not None else "leave_out"
        named = (entry.metrics.include if key == "include" else entry.metrics.leave_out) or []
        for index, name in enumerate(named):
            if name not in known:
                message = f"{definition.app} has no metric set {quote(name)}"
                self._tell("error", "metrics", (*path, "metrics", key, index), message, nearest(name, known))
        kept = tuple(name for name in known if (name in named) == (key == "include"))
        if not kept:
            self._tell("error", "metrics", (*path, "metrics"), "no metric set is left to collect", "name other ones")
        return kept


def _fastest(definition: Definition, entry: MonitorEntry, period: float) -> tuple[str, float]:
    """What asks most often, and every how many seconds: the monitor, or a metric set with an interval of its own."""
    include, leave_out = (entry.metrics.include, entry.metrics.leave_out) if entry.metrics else (None, None)
    kept = [
        each
        for each in definition.sets
        if (include is None or each.name in include) and each.name not in (leave_out or ())
    ]
    own = [(float(each.interval), f"the interval of {each.name}") for each in kept if each.interval > 0]
    seconds, whose = min([(period, "a period"), *own])
    return whose, seconds


def _boolean(text: str) -> str:
    """A boolean as YAML writes it (``no``, ``On``) as the ``true`` or ``false`` that a parameter takes."""
    try:
        return "true" if read_boolean(text.strip()) else "false"
    except ValueError:
        return text


def _shown(value: Value) -> str | None:
    return "x" if isinstance(value, SecretSource) else value


def _complaints(specs: list[ParamSpec], given: dict[str, str | None]) -> Iterator[tuple[str, str]]:
    """(name, sentence) for everything that is wrong with parameters."""
    try:
        check_parameters(specs, given)
    except ParameterError as error:
        for sentence in str(error).partition("\nthis definition takes:")[0].splitlines():
            yield sentence.split(" ")[1], sentence
        return
    try:
        zone_of(resolve_parameters(specs, given))
    except ParameterError as error:
        yield TIME_ZONE, str(error)
