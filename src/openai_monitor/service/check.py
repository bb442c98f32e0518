"""What ``run --check`` looks at beside the file itself."""

import shutil
from pathlib import Path

from openai_monitor.collect.transport.tls import client_context
from openai_monitor.errors import SettingsError
from openai_monitor.schedule.secrets import CommandSecret, SecretError, SecretSource
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.reading import Setup
from openai_monitor.service.sections import make_sink
from openai_monitor.service.web.tls import Certificate


async def unreadable_secrets(setup: Setup) -> list[str]:
    """A sentence for each secret that can't be read here and now. Commands are looked for, not run."""
    sentences: list[str] = []
    known: dict[SecretSource, str | None] = {}
    for spec in setup.monitors:
        for source in spec.sources() if spec.enabled else ():
            if source not in known:
                known[source] = await _problem(source)
            if problem := known[source]:
                sentences.append(f"{spec.name}: {problem}")
    return sentences


async def _problem(source: SecretSource) -> str | None:
    if isinstance(source, CommandSecret):
        found = shutil.which(source.command[0])
        return None if found else f"{source} can't be run: there is no such program on this machine"
    try:
        await source.read()
    except SecretError as error:
        return str(error)
    return None


async def unusable_outputs(setup: Setup) -> list[str]:
    """A sentence for each output that can't be made here, such as for want of a library. Nothing is written."""
    sentences: list[str] = []
    for name, settings in setup.outputs.items():
        try:
            make_sink(name, settings, Stats(), tuple)
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
