"""Everything that can be said about definition files without running them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from openai_monitor.definition.lint import oldest_release, validate, validate_for_hertzbeat
from openai_monitor.definition.load import read, read_bytes
from openai_monitor.definition.shipped import find_path
from openai_monitor.errors import DefinitionError, Problem, SettingsError, Severity
from openai_monitor.paths import is_folder

NOT_A_DEFINITION = ".test"
"""``NAME.test.yml`` holds the tests of ``NAME.yml``."""

_SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class HertzBeat:
    """Which HertzBeat loads a definition: ``oldest`` names the first release, None where 1.8 refuses it."""

    accepts: bool
    oldest: str | None = None

    def __str__(self) -> str:
        return f"HertzBeat {self.oldest} and newer load it" if self.accepts else "HertzBeat 1.8 refuses it"


@dataclass(frozen=True, slots=True)
class Check:
    """One file and all that is wrong with it, in the order of the file."""

    file: str
    problems: tuple[Problem, ...]
    hertzbeat: HertzBeat | None = None

    def count(self, severity: Severity) -> int:
        """How many problems have this severity."""
        return sum(problem.severity == severity for problem in self.problems)

    @property
    def unreadable(self) -> bool:
        """Whether the file could not be read at all."""
        return any(problem.rule == "unreadable" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a rule spoke, and of how many files."""

    severity: Severity
    rule: str
    problems: int
    files: int


def definition_files(name: str) -> list[Path]:
    """The files meant by a path, a folder or a shipped name; in a folder all but ``*.test.yml``.

    Raises SettingsError when there are none.
    """
    folder = Path(name)
    if not is_folder(folder):
        return [find_path(name)]
    found = files_in(folder, tests=False)
    if not found:
        raise SettingsError(f"the folder {folder} holds no definitions (*.yml)")
    return found


def files_in(folder: Path, *, tests: bool) -> list[Path]:
    """The YAML files of a folder, sorted: those that hold tests, or the others."""
    try:
        found = [path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()]
    except OSError as error:
        raise SettingsError(f"the folder {folder} can't be read: {error.strerror}") from None
    return sorted(path for path in found if path.stem.endswith(NOT_A_DEFINITION) is tests)


def check(path: Path, *, hertzbeat: bool = False) -> Check:
    """Check a file by our rules, or by those of HertzBeat's manager."""
    file = str(path)
    try:
        data = read_bytes(path)
    except DefinitionError as error:
        return Check(file, error.problems)
    if not hertzbeat:
        return Check(file, tuple(validate(data, file)))
    problems = tuple(validate_for_hertzbeat(data, file))
    accepts = all(problem.severity != "error" for problem in problems)
    oldest = oldest_release(read(data, file).definition) if accepts else None
    return Check(file, problems, HertzBeat(accepts, oldest))


def tally(checks: Iterable[Check]) -> list[Tally]:
    """What was found, rule by rule: errors first, then by name."""
    problems: Counter[tuple[Severity, str]] = Counter()
    files: Counter[tuple[Severity, str]] = Counter()
    for each in checks:
        rules = [(problem.severity, problem.rule) for problem in each.problems]
        problems.update(rules)
        files.update(set(rules))
    return [Tally(*rule, count, files[rule]) for rule, count in sorted(problems.items())]


def summary(checks: Sequence[Check]) -> str:
    """One line for a person: ``3 files: 1 with errors (2), 2 with warnings (5)``."""
    head = f"{len(checks)} file{'s' if len(checks) != 1 else ''}"
    return f"{head}: {', '.join(_summary_of(checks))}"


def _summary_of(checks: Sequence[Check]) -> Iterator[str]:
    severities: tuple[Severity, Severity] = ("error", "warning")
    for severity in severities:
        counts = [count for each in checks if (count := each.count(severity))]
        what = f"{sum(counts)} {severity}{'s' if sum(counts) != 1 else ''}"
        yield f"{what} in {len(counts)}" if counts and len(checks) > 1 else what if counts else f"no {severity}s"
