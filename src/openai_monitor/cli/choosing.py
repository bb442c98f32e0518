"""Which definition a key is for, when a person names none."""

import argparse
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal
from openai_monitor.cli.parameters import ANY_KEY, gather, key_parameter
from openai_monitor.cli.params_file import read_params
from openai_monitor.definition.keys import definitions_for, kind_of
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.shipped import (
    expected_prefix,
    load_definition,
    shipped_folder,
    shipped_names,
)
from openai_monitor.errors import CollectionError, ParameterError

if TYPE_CHECKING:
    from openai_monitor.definition.load import Definition

_ANY_KEY = """\
app: openai
name: {en-US: any}
params: [{field: token, name: {en-US: Key of your account}, type: password, required: true}]
metrics: []
"""
"""What asks for a key before it is known what for: it comes from where a definition's key would come from."""


def choose(arguments: argparse.Namespace, metric_sets: Collection[str], command: str) -> "Definition":
    """Find the definition that --define names or, without that, the one the key is for, and say which.

    Only a definition with any of ``metric_sets`` is chosen. A key that was asked for becomes the default of the
    definition's key parameter, and is taken out of the arguments, so that nobody asks again. Raises
    ParameterError when no definition fits, or several do.
    """
    if arguments.define is not None:
        definition = load_definition(arguments.define)
        if _offers(definition, metric_sets):
            return definition
        if other := _other_of_same_key(definition, metric_sets):
            terminal.say(f"{arguments.define} has no figures for {command}: using --define {other}, for the same keys")
            return load_definition(other)
        raise ParameterError(
            f"{command} needs one of the metric sets {', '.join(metric_sets)}, and {arguments.define} has none "
            f"of them: collect it, or use a definition that has them ({', '.join(_offering(metric_sets))})"
        )
    key = _sandbox_key() if arguments.sandbox else _ask_for_key(arguments)
    name = _definition_for(key, metric_sets, None if arguments.sandbox else _given_host(arguments))
    definition = load_definition(name)
    terminal.say(f"using --define {name}{_because(definition)}")
    return definition if arguments.sandbox else _with_key(definition, key)


def _offers(definition: "Definition", metric_sets: Collection[str]) -> bool:
    return any(each.name in metric_sets for each in definition.sets)


def _offering(metric_sets: Collection[str]) -> list[str]:
    return [name for name in shipped_names() if _offers(load_definition(name), metric_sets)]


def _other_of_same_key(definition: "Definition", metric_sets: Collection[str]) -> str | None:
    """Name another shipped definition for the keys of a shipped one; a person's own file may mean another host."""
    if Path(definition.file).parent != shipped_folder():
        return None
    prefix = _key_prefix(definition)
    names = definitions_for(prefix) if prefix else ()
    return next((name for name in names if _offers(load_definition(name), metric_sets)), None)


# Without --define


def _sandbox_key() -> str:
    from openai_monitor.sandbox import key_for  # noqa: PLC0415 - only for --sandbox

    return key_for("openai")


def _ask_for_key(arguments: argparse.Namespace) -> str:
    """Take the key from wherever it was given, or ask a person."""
    tokens = [pair for pair in arguments.param if pair.partition("=")[0].strip() == "token"]
    filed = arguments.params if arguments.params and "token" in read_params(arguments.params) else None
    asking = argparse.Namespace(**{**vars(arguments), "param": tokens, "params": filed})
    key = gather(parse_definition(_ANY_KEY, ANY_KEY), asking).get("token") or ""
    if not key.strip():
        raise ParameterError(
            "there is no key: it can come from OPENAI_TOKEN, --token-file, --token-stdin or, on a terminal, a "
            "hidden prompt; with --define from the definition's own variable too"
        )
    arguments.param = [pair for pair in arguments.param if pair not in tokens]
    arguments.token_file, arguments.token_stdin = None, False
    return key


def _definition_for(key: str, metric_sets: Collection[str], host: str | None) -> str:
    """Name the shipped definition for a key that begins like this one, which ``host`` is asked with, if it is given."""
    bare = _bare(key)
    kind = kind_of(bare)
    if kind is None and bare.startswith("sk-"):
        if host is None:
            raise ParameterError(
                "the key begins with sk- and nothing that tells whose it is. OpenAI's own such keys see nothing about "
                "money (OpenAI answers 403): ask an owner of the organization for an admin key (sk-admin-…). A "
                "gateway's key: add --param host=GATEWAY; DeepSeek's: --define deepseek"
            )
        at_host = [name for name in _offering(metric_sets) if host in _fixed_hosts(name)]
        return (at_host or definitions_for(bare))[0]
    if kind is not None and kind.advice:
        raise ParameterError(
            f"the key is {kind.name} of {kind.vendor} ({kind.prefix}…): {kind.advice}; "
            "a definition of your own goes with --define"
        )
    names = [name for name in definitions_for(bare) if _offers(load_definition(name), metric_sets)]
    if len(names) == 1:
        return names[0]
    problem = "fits several definitions" if names else "begins like no other that is known"
    choice = ", ".join(names or _offering(metric_sets))
    raise ParameterError(f"the key {problem}: name one with --define ({choice})")


def _fixed_hosts(name: str) -> list[str]:
    """The host that a definition asks when nobody names one."""
    return [spec.default_value for spec in load_definition(name).params if spec.field == "host" and spec.default_value]


def _given_host(arguments: argparse.Namespace) -> str | None:
    typed = (pair.partition("=")[2] for pair in arguments.param if pair.partition("=")[0].strip() == "host")
    filed = read_params(arguments.params).get("host") if arguments.params else None
    return next(typed, None) or filed or os.environ.get("OPENAI_MONITOR_HOST")


def _bare(key: str) -> str:
    """Take away what people paste along with a key."""
    from openai_monitor.collect.request import clean_token  # noqa: PLC0415 - only when a key has to be told

    try:
        return clean_token(key)
    except CollectionError as error:
        raise ParameterError(str(error)) from None


def _because(definition: "Definition") -> str:
    prefix = _key_prefix(definition)
    return f", for keys that begin with {prefix}" if prefix else ""


def _key_prefix(definition: "Definition") -> str | None:
    spec = key_parameter(definition)
    return expected_prefix(spec.placeholder) if spec else None


def _with_key(definition: "Definition", key: str) -> "Definition":
    spec = key_parameter(definition)
    params = [replace(each, default_value=key) if each is spec else each for each in definition.params]
    return replace(definition, document=replace(definition.document, params=params))
