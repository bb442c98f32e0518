"""From a monitors file to what the service runs: every problem with its line and column, or a Setup."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from openai_monitor.definition.definition import KeyPath, in_order, make_problem
from openai_monitor.definition.load import decode, read_bytes
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.definition.yaml.tree import Mapping as YamlMapping
from openai_monitor.definition.yaml.tree import Node, Scalar, Tree, follow, plain
from openai_monitor.definition.yaml.tree import Sequence as YamlSequence
from openai_monitor.errors import DefinitionError, Problem, SettingsError, Severity
from openai_monitor.hertzbeat.settings import HertzbeatSection
from openai_monitor.paths import expanded
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.service.complaints import complain, found
from openai_monitor.service.config import Defaults, Limits, Log, MonitorEntry, MonitorsFile, Network
from openai_monitor.service.entries import Definitions, Entries
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.sections import PROMETHEUS, section_models
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.service.yamlfile import read_tree, repeated_keys

_MOST_PROBLEMS = 100

M = TypeVar("M", bound=BaseModel)


class MonitorsFileError(SettingsError):
    """The monitors file can't be used; ``problems`` lists why, in the order of the file.

    ``files`` are the definitions it names, as far as they were found.
    """

    def __init__(self, file: str, problems: Sequence[Problem], files: Collection[Path] = ()) -> None:
        self.problems = tuple(problems)
        self.files = frozenset(files)
        more = len(self.problems) - _MOST_PROBLEMS
        shown = [*map(str, self.problems[:_MOST_PROBLEMS]), *([f"… and {more} more"] if more > 0 else [])]
        super().__init__("\n".join([f"the monitors file {file} can't be used", *shown]))


@dataclass(frozen=True, slots=True)
class Setup:
    """A monitors file that was read and found good. ``outputs`` are their settings by kind.

    ``web`` is None where nothing is to be listened on: there is no such section and no page that it would serve.

    ``files`` are those whose change means another setup. ``warnings`` are about what is probably not meant.
    """

    file: Path
    monitors: tuple[MonitorSpec, ...]
    outputs: Mapping[str, BaseModel] = field(default_factory=dict)
    history: HistorySettings = field(default_factory=HistorySettings)
    web: WebSettings | None = None
    hertzbeat: HertzbeatSection | None = None
    limits: Limits = field(default_factory=Limits)
    network: Network = field(default_factory=Network)
    log: Log = field(default_factory=Log)
    warnings: tuple[Problem, ...] = ()
    files: frozenset[Path] = frozenset()


def read_setup(path: Path, definitions: Definitions | None = None) -> Setup:
    """Read a monitors file and the definitions it names. Raises MonitorsFileError with everything that is wrong.

    ``definitions`` remembers what an earlier reading loaded: a definition whose text is the same is the same object.
    """
    try:
        tree = _tree(path)
    except DefinitionError as error:
        raise MonitorsFileError(str(path), error.problems) from None
    reader = _Reader(tree, path, definitions or Definitions())
    setup = reader.setup()
    if errors := [problem for problem in reader.problems if problem.severity == "error"]:
        raise MonitorsFileError(str(path), in_order(errors), setup.files)
    return setup


def _tree(path: Path) -> Tree:
    tree = read_tree(decode(read_bytes(path), str(path)), str(path))
    if not isinstance(tree.root, YamlMapping):
        root = tree.root
        raise DefinitionError(
            [
                Problem(
                    str(path),
                    root.line,
                    root.column,
                    "error",
                    "wrong-type",
                    f"expected a mapping of keys, found {found(root)}",
                    hint="begin with `monitors:` and a list",
                )
            ]
        )
    return tree


class _Reader:
    """Reads one tree; ``problems`` gathers what is wrong in no order."""

    def __init__(self, tree: Tree, path: Path, definitions: Definitions) -> None:
        self._tree = tree
        self._path = path
        self._definitions = definitions
        self.problems: list[Problem] = repeated_keys(tree, str(path))

    def setup(self) -> Setup:
        """The setup, of the parts that are good."""
        self._check_keys()
        defaults = self._section(("defaults",), Defaults) or Defaults()
        entries = Entries(defaults, self._definitions, self._path.parent, self._tell)
        self._check_names()
        monitors = tuple(entries.specs(self._monitors()))
        models = section_models()
        outputs = self._outputs(models.outputs)
        web = self._section(("web",), models.web)
        cluster = self._section(("hertzbeat",), models.hertzbeat)
        if cluster is None and not any(spec.enabled for spec in monitors):
            self._tell("warning", "no-monitors", ("monitors",), "no monitor is enabled: nothing will be collected")
        return Setup(
            file=self._path,
            monitors=monitors,
            outputs=outputs,
            history=self._section(("history",), models.history) or models.history(),
            web=models.web() if web is None and PROMETHEUS in outputs else web,
            hertzbeat=cluster,
            limits=self._section(("limits",), Limits) or Limits(),
            network=self._network(),
            log=self._section(("log",), Log) or Log(),
            warnings=tuple(in_order(problem for problem in self.problems if problem.severity == "warning")),
            files=frozenset({self._path, *entries.files}),
        )

    def _tell(self, severity: Severity, rule: str, path: KeyPath, message: str, hint: str = "") -> None:
        at_key = rule == "unknown-key"
        self.problems.append(
            make_problem(self._tree, str(self._path), path, rule, message, hint=hint, severity=severity, at_key=at_key)
        )

    def _node(self, path: KeyPath) -> Node | None:
        steps = list(follow(self._tree.root, path))
        return steps[-1][1] if len(steps) == len(path) + 1 else None

    def _check_keys(self) -> None:
        known = list(MonitorsFile.model_fields)
        for key in self._keys(()):
            if key not in known:
                self._tell("error", "unknown-key", (key,), f"unknown key {quote(key)}", nearest(key, known))
        if "monitors" not in self._keys(()):
            self._tell("error", "missing-key", (), "the monitors file has no `monitors`", "add `monitors:` and a list")

    def _keys(self, path: KeyPath) -> list[str]:
        node = self._node(path)
        return list(node.entries) if isinstance(node, YamlMapping) else []

    def _monitors(self) -> Iterator[tuple[int, MonitorEntry]]:
        node = self._node(("monitors",))
        if node is None:
            return
        if not isinstance(node, YamlSequence):
            self._tell("error", "wrong-type", ("monitors",), f"expected a list, found {found(node)}", "begin with `- `")
            return
        for index in range(len(node.items)):
            if (entry := self._section(("monitors", index), MonitorEntry)) is not None:
                yield index, entry

    def _check_names(self) -> None:
        node, taken = self._node(("monitors",)), dict[str, Scalar]()
        for index, item in enumerate(node.items if isinstance(node, YamlSequence) else ()):
            entry = item.entries.get("name") if isinstance(item, YamlMapping) else None
            scalar = entry.value if entry else None
            if not isinstance(scalar, Scalar) or scalar.value is None:
                continue
            first = taken.setdefault(scalar.value.strip(), scalar)
            if first is not scalar:
                message = f"the name {quote(scalar.value)} is taken by the monitor at {first.line}:{first.column}"
                self._tell("error", "repeated-name", ("monitors", index, "name"), message, "give each its own name")

    def _section(self, path: KeyPath, model: type[M]) -> M | None:
        """The part of the file at this path as its model; None when it is not there, or wrong, which is told."""
        node = self._node(path)
        if node is None:
            return None
        data = plain(node)
        if data is None and path[0] != "monitors":
            data = {}  # a section with nothing under it has all its defaults
        try:
            return model.model_validate(data, context={"folder": self._path.parent})
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        self.problems += [complain(detail, path, model, self._tree, str(self._path)) for detail in details]
        return None

    def _network(self) -> Network:
        network = self._section(("network",), Network) or Network()
        if network.ca_file is None:
            return network
        return network.model_copy(update={"ca_file": str(self._path.parent / expanded(network.ca_file))})

    def _outputs(self, kinds: Mapping[str, type[BaseModel]]) -> dict[str, BaseModel]:
        settings: dict[str, BaseModel] = {}
        node = self._node(("outputs",))
        if node is not None and not isinstance(node, YamlMapping) and plain(node) is not None:
            self._tell("error", "wrong-type", ("outputs",), f"expected a mapping, found {found(node)}")
        for kind in self._keys(("outputs",)):
            if kind not in kinds:
                hint = nearest(kind, kinds)
                self._tell("error", "unknown-key", ("outputs", kind), f"unknown output {quote(kind)}", hint)
            elif (section := self._section(("outputs", kind), kinds[kind])) is not None:
                settings[kind] = section
        return settings
