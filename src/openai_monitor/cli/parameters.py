"""Where a person's values for a definition's parameters come from, strongest first.

``--param``; ``--params``; ``--token-file`` or ``--token-stdin``; the environment; the definition's default
(filled in later, by the plan); a hidden prompt for a missing key.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from openai_monitor import system
from openai_monitor.cli import terminal
from openai_monitor.cli.language import choose
from openai_monitor.errors import OtherVendor, ParameterError, SettingsError

if TYPE_CHECKING:
    from openai_monitor.definition.load import Definition
    from openai_monitor.definition.model import ParamSpec

Values = dict[str, str | None]

ANY_KEY = "a key"
"""What the definition is called that asks for a key before it is known what for."""

LONGEST_KEY = 65_536
"""No key has as many characters; a wrong file or an endless one may."""

# What Kubernetes puts into OPENAI_MONITOR_PORT beside a service named openai-monitor is no parameter.
_OF_KUBERNETES = re.compile(r"(?:tcp|udp|sctp)://")

_PAIRS = {"--param": "host=api.openai.com", "--tag": "team=search", "--row": "id=7"}

_ON_COMMAND_LINE = (
    "warning: a key on the command line can be read in the list of processes and in the shell's history; "
    "better: {variable}, --token-file, --token-stdin, or the hidden prompt"
)


def gather(definition: "Definition", arguments: argparse.Namespace, fixed: Mapping[str, str] | None = None) -> Values:
    """Collect what was given for the definition and remember which of it is secret.

    ``fixed`` are values that take the place of key files and environment (the sandbox's). Raises
    SettingsError for a source that can't be read, ParameterError for a badly written one.
    """
    key = key_parameter(definition)
    typed = split_pairs("--param", arguments.param)
    filed = _from_file(arguments.params) if arguments.params else {}
    if fixed is None:
        values = {**_from_surroundings(definition, key, arguments), **filed, **typed}
        if key is not None and _is_missing(key, values):
            values |= _from_openais_own(definition, key)
    else:
        _refuse_beside_sandbox({**filed, **typed}, arguments)
        values = {**fixed, **filed, **typed}
    _hide_secrets(definition, values)
    _warn_of_open_keys(definition, typed)
    if key is not None and key.field and _is_missing(key, values) and terminal.can_prompt():
        _prompt(definition, key, values)
    return values


def split_pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """``name=value`` texts, as values by name.

    Raises ParameterError, without repeating a text, which may be a key, when one is no pair or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(f"{option} takes NAME=VALUE, such as {option} {_PAIRS[option]}")
        if name in pairs:
            raise ParameterError(f"{option} {name} is given twice: leave one of the two out")
        pairs[name] = value
    return pairs


def key_parameter(definition: "Definition") -> "ParamSpec | None":
    """Find the parameter that --token-file, <APP>_TOKEN and the prompt are for.

    The one of type password; of several, the one called ``token``. Where none has that type, a ``token`` of
    another.
    """
    passwords = [spec for spec in definition.params if spec.type == "password"]
    if len(passwords) == 1:
        return passwords[0]
    return next((spec for spec in passwords or definition.params if spec.field == "token"), None)


def how_to_give_key(definition: "Definition", values: Values) -> str:
    """Say where a missing key can come from; empty when none is missing."""
    key = key_parameter(definition)
    if key is None or not _is_missing(key, values):
        return ""
    variable = environment_names(definition, key)[0]
    sources = f"{variable}, --token-file, --token-stdin or, on a terminal, a hidden prompt"
    return f"\n{key.field} can come from {sources}"


def next_step(error: ParameterError, definition: "Definition", values: Values) -> str:
    """What a person may do about parameters that can't be used; empty when the error says it."""
    if isinstance(error, OtherVendor):
        return " (--send-anyway sends it all the same)"
    return how_to_give_key(definition, values)


def environment_names(definition: "Definition", spec: "ParamSpec") -> tuple[str, ...]:
    """Name the variables that are read for a parameter, strongest first."""
    # Of <APP>_… only the key is read: Kubernetes sets OPENAI_PORT beside any service named openai.
    own = f"OPENAI_MONITOR_{_shout(spec.field or '')}"
    if spec is not key_parameter(definition) or not definition.app:
        return (own,)
    family = ("OPENAI_TOKEN",) if definition.app.startswith("openai_") else ()
    return (f"{_shout(definition.app)}_TOKEN", *family, own)


def _shout(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII).upper()


def _refuse_beside_sandbox(given: Mapping[str, object], arguments: argparse.Namespace) -> None:
    address = [name for name in ("host", "port", "ssl") if name in given]
    if address or arguments.token_file is not None or arguments.token_stdin:
        what = " and ".join(address) or "key"
        raise ParameterError(
            f"--sandbox brings its own {what}: leave out one of the two (to try a wrong key, use --param)"
        )


def _warn_of_open_keys(definition: "Definition", typed: Mapping[str, str]) -> None:
    for spec in definition.params:
        if (spec.type == "password" or spec is key_parameter(definition)) and typed.get(spec.field or ""):
            terminal.say(_ON_COMMAND_LINE.format(variable=environment_names(definition, spec)[0]))


def _from_file(name: str) -> Values:
    from openai_monitor.cli.params_file import read_params  # noqa: PLC0415 - only for --params

    return read_params(name)


def _from_surroundings(definition: "Definition", key: "ParamSpec | None", arguments: argparse.Namespace) -> Values:
    values: Values = {}
    for spec in definition.params:
        given = map(os.environ.get, environment_names(definition, spec))
        found = next((text for text in given if text and not _OF_KUBERNETES.match(text)), None)
        if spec.field and found is not None:  # an empty variable is how compose files say "not set"
            values[spec.field] = found
    if arguments.token_file is not None or arguments.token_stdin:
        if key is None or not key.field:
            raise ParameterError(
                f"{definition.app} has no key parameter for --token-file or --token-stdin: use --param"
            )
        values[key.field] = _read_key(arguments.token_file)
    return values


def _from_openais_own(definition: "Definition", key: "ParamSpec") -> Values:
    """The key in a variable that OpenAI's own libraries read, if it fits this definition; say why if it does not."""
    from openai_monitor.definition.keys import kind_of  # noqa: PLC0415 - only without a key

    if not definition.app.startswith("openai") or not key.field:
        return {}
    for variable in ("OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        text = (os.environ.get(variable) or "").strip()
        kind = kind_of(text) if text else None
        if kind is not None and _fits(definition, kind.definitions):
            terminal.say(f"using the key in {variable}")
            return {key.field: text}
        if kind is not None:
            use = kind.advice or f"use it with --define {' or '.join(kind.definitions)}"
            terminal.say(f"{variable} is set and holds {kind.name} of {kind.vendor}, which is not used here: {use}")
        elif text:
            terminal.say(f"{variable} is set and not used: nothing tells whose key it holds")
    return {}


def _fits(definition: "Definition", names: Iterable[str]) -> bool:
    """Whether a definition is one of these shipped ones, or the one that stands for all of them."""
    from openai_monitor.definition.shipped import shipped_folder  # noqa: PLC0415 - only without a key

    file = Path(definition.file)
    return bool(names) if file.name == ANY_KEY else file.parent == shipped_folder() and file.stem in names


def _read_key(path: str | None) -> str:
    try:
        if path is None:
            return _key_from_stdin()
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST_KEY + 1)
        from openai_monitor.owned import exposure  # noqa: PLC0415 - only for --token-file

        if exposed := exposure(Path(path), "the key's file"):
            terminal.say(f"warning: {exposed}")
    except OSError as error:
        raise SettingsError(f"--token-file {path}: {system.words(error)}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path or 'standard input'} is not text: expected a key and nothing else") from None
    return _checked_key(text, path or "standard input")


def _key_from_stdin() -> str:
    if sys.stdin is None:
        raise SettingsError("--token-stdin: there is no standard input")
    if terminal.can_prompt():
        return _checked_key(_ask("key: "), "standard input")
    if reconfigure := getattr(sys.stdin, "reconfigure", None):
        reconfigure(encoding="utf-8-sig", errors="strict")  # as a file with a key is read
    return _checked_key(sys.stdin.read(LONGEST_KEY + 1), "standard input")


def _checked_key(text: str, source: str) -> str:
    if len(text) > LONGEST_KEY:
        raise SettingsError(f"{source} is too long for a key: expected a key and nothing else")
    if not text.strip():
        raise SettingsError(f"{source} is empty: expected a key")
    return text.rstrip("\r\n")


def _hide_secrets(definition: "Definition", values: Values) -> None:
    key = key_parameter(definition)
    secret = [spec for spec in definition.params if spec.type == "password" or spec is key]
    terminal.hide((values.get(spec.field or "", spec.default_value) for spec in secret), public=[values.get("host")])


def _is_missing(key: "ParamSpec", values: Values) -> bool:
    return key.required and key.field not in values and not key.default_value


def _prompt(definition: "Definition", key: "ParamSpec", values: Values) -> None:
    """Ask for the key, unless something else is wrong: all of that is then said, and nobody types."""
    from openai_monitor.collect.parameters import check_parameters  # noqa: PLC0415 - only when there is a question

    name = key.field or ""
    try:
        check_parameters(definition.params, {**values, name: "any"})
    except ParameterError:
        return
    label = choose(key.name) or name
    text = _ask(f"{label} ({name} of {definition.app}), not shown: ")
    if text.strip():
        values[name] = text
        terminal.hide([text])


def _ask(question: str) -> str:
    import getpass  # noqa: PLC0415 - only when there is a question

    try:
        return getpass.getpass(question)
    except EOFError:
        return ""
