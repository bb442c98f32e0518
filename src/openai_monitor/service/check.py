"""What ``run --check`` looks at beside the file itself."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from openai_monitor.collect.transport.tls import client_context
from openai_monitor.definition.keys import refuse_other_vendors
from openai_monitor.errors import OtherVendor, SettingsError
from openai_monitor.owned import exposure
from openai_monitor.schedule.secrets import CommandSecret, FileSecret, SecretError, SecretSource
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.reading import Setup
from openai_monitor.service.sections import make_sink
from openai_monitor.service.web.tls import Certificate

_MOST_FILES = 5


async def unusable_secrets(setup: Setup) -> list[str]:
    """A sentence for each secret that can't be read here and now, or is a key of another vendor than the host's.

    Commands are looked for, not run.
    """
    sentences: list[str] = []
    known: dict[SecretSource, str] = {}
    for spec in setup.monitors:
        for name, source in spec.params if spec.enabled else ():
            if isinstance(source, SecretSource) and (problem := await _problem(name, source, spec.host, known)):
                sentences.append(f"{spec.name}: {problem}")
    return sentences


async def _problem(name: str, source: SecretSource, host: str | None, known: dict[SecretSource, str]) -> str | None:
    if isinstance(source, CommandSecret):
        found = shutil.which(source.command[0])
        return None if found else f"{source} can't be run: there is no such program on this machine"
    try:
        if source not in known:
            known[source] = await source.read()
        refuse_other_vendors([(name, known[source])], [host or ""])
    except (SecretError, OtherVendor) as error:
        return str(error)
    return None


def exposed_files(setup: Setup) -> list[str]:
    """A sentence for each file with a secret or the listener's key that others can read; of many only the first."""
    sources = (source for spec in setup.monitors if spec.enabled for source in spec.sources())
    files = {source.path: "the secret file" for source in sources if isinstance(source, FileSecret)}
    files |= {source.path: "the secret file" for source in _file_secrets([*setup.outputs.values(), setup.web])}
    if setup.web is not None and setup.web.tls is not None:
        files[setup.web.tls.key] = "the listener's key"
    sentences = list(filter(None, (exposure(path, what) for path, what in files.items())))
    more = len(sentences) - _MOST_FILES
    return [*sentences[:_MOST_FILES], *([f"… and {more} more such files"] if more > 0 else [])]


def _file_secrets(value: object) -> Iterator[FileSecret]:
    """Find the files that settings take secrets from, wherever they stand in them."""
    if isinstance(value, FileSecret):
        yield value
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for part in dict(value).values() if isinstance(value, BaseModel) else parts:
        yield from _file_secrets(part)


async def unusable_outputs(setup: Setup) -> list[str]:
    """A sentence for each output that can't be made here, such as for want of a library. Nothing is written."""
    sentences: list[str] = []
    for name, settings in setup.outputs.items():
        try:
            make_sink(name, settings, Stats(), tuple, {})
        except SettingsError as error:
            sentences.append(f"output {name}: {error}")
    return sentences


def unusable_certificates(setup: Setup) -> list[str]:
    """A sentence for the listener's certificate and for the authorities that are trusted, where they can't be used."""
    sentences: list[str] = []
    if setup.web is not None and setup.web.tls is not None:
        try:
            Certificate(setup.web.tls)
        except SettingsError as error:
            sentences.append(f"web: {error}")
    if setup.network.ca_file:
        try:
            client_context(Path(setup.network.ca_file))
        except SettingsError as error:
            sentences.append(f"network: {error}")
    return sentences
