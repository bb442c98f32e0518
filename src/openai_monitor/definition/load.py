"""Reading a definition: YAML text to a checked Definition, or all that is wrong with it at once."""

from dataclasses import dataclass, replace
from pathlib import Path

from openai_monitor import system
from openai_monitor.definition.definition import Definition, KeyPath, in_order, starts_with
from openai_monitor.definition.model import Document
from openai_monitor.definition.parts import read_part
from openai_monitor.definition.rules.refusals import REFUSALS
from openai_monitor.definition.yaml.tree import MAX_SIZE, Mapping, Tree, plain, read_tree
from openai_monitor.errors import DefinitionError, Problem

__all__ = ["Definition", "Reading", "parse_definition", "read", "read_definition"]

_MOST_BYTES = 4 * MAX_SIZE
_MOST_COMPLAINTS = 100


def read_definition(path: Path) -> Definition:
    """Read a definition file. Raises DefinitionError with everything that is wrong with it."""
    return parse_definition(read_bytes(path), str(path))


def parse_definition(text: str | bytes, file: str) -> Definition:
    """Read a definition's text. ``file`` is the name messages use.

    Raises DefinitionError with all problems: what HertzBeat refuses too, and what it would get wrong.
    """
    reading = read(text, file)
    problems = in_order([*reading.problems, *reading.refusals()])
    if problems:
        raise DefinitionError(problems)
    return reading.definition


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a text: the definition without its broken parts, and the problems of those.

    ``broken`` are the paths that were left out; a misspelt key is no such part, it is read as the key that is meant.
    Without problems, HertzBeat's loader takes the text too.
    """

    definition: Definition
    problems: tuple[Problem, ...] = ()
    broken: tuple[KeyPath, ...] = ()

    def refusals(self) -> list[Problem]:
        """What HertzBeat's loader takes and is refused here, except in broken parts."""
        return [problem for problem, path in REFUSALS.problems(self.definition) if not self.touches(path)]

    def touches(self, path: KeyPath) -> bool:
        """Whether a path leads into, or around, a broken part: its finding may be of our own making."""
        return any(starts_with(path, part) or starts_with(part, path) for part in self.broken)


def read(text: str | bytes, file: str) -> Reading:
    """Read a text as HertzBeat's loader does. Raises DefinitionError only for what is no YAML mapping."""
    text = decode(text, file) if isinstance(text, bytes) else text
    tree = read_tree(text, file)
    if type(tree.root) is not Mapping:
        problem = Problem(
            file, tree.root.line, tree.root.column, "error", "wrong-type", "a definition is a mapping of keys"
        )
        raise DefinitionError([replace(problem, hint="begin with `app: …`")])
    data = plain(tree.root)
    document, problems, broken = _validate(data, tree, file)
    definition = Definition(document, file, text, tree, tuple(_repeated_keys(tree, file)))
    return Reading(definition, tuple(problems), tuple(broken))


def _validate(data: object, tree: Tree, file: str) -> tuple[Document, list[Problem], list[KeyPath]]:
    try:
        return read_part(Document, data), [], []
    except ValueError:
        # pydantic takes long to import, and is needed only to say what is wrong.
        from openai_monitor.definition.complaints import examine  # noqa: PLC0415

        return examine(data, tree, file)


def _repeated_keys(tree: Tree, file: str) -> list[Problem]:
    return [
        Problem(
            file,
            key.line,
            key.column,
            "warning",
            "repeated-key",
            f"`{key.value}` stands here again: the value at {earlier.line}:{earlier.column} does not count",
            hint="remove one of the two",
        )
        for key, earlier in tree.repeated[:_MOST_COMPLAINTS]
    ]


def read_bytes(path: Path) -> bytes:
    """The bytes of a definition file, up to what one may have; DefinitionError when it can't be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = system.words(error)
        message, hint = f"the file can't be read: {reason}", "check the path, and who may read it"
        problem = Problem(str(path), 1, 1, "error", "unreadable", message, hint=hint)
        raise DefinitionError([problem]) from None


def decode(data: bytes, file: str) -> str:
    """The text of bytes in UTF-8, or UTF-16 with a byte-order mark. Raises DefinitionError for others."""
    if len(data) > _MOST_BYTES:
        problem = Problem(file, 1, 1, "error", "too-large", f"the file is larger than {MAX_SIZE // 2**20} MiB")
        raise DefinitionError([problem])
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = f"a byte here is not {encoding.upper()}"
        problem = Problem(file, line, column, "error", "encoding", message, hint="save the file as UTF-8")
        raise DefinitionError([problem]) from None
