"""The parameters of a job: what its configmap gives, decrypted, and defaults for what it does not."""

from openai_monitor.collect.parameters import check_parameters, resolve_parameters
from openai_monitor.definition.definition import Definition
from openai_monitor.definition.placeholder import Parameter
from openai_monitor.errors import ParameterError
from openai_monitor.hertzbeat.cipher import decrypt
from openai_monitor.hertzbeat.errors import JobError
from openai_monitor.hertzbeat.jobs import ENCRYPTED, Config, Job

_TYPES = {0: "number", ENCRYPTED: "password", 3: "key-value", 4: "array"}
"""Types of entries that the definition does not declare; others are text."""


def parameters_of(job: Job, definition: Definition, key: str | None) -> dict[str, Parameter]:
    """All parameters by name. What the manager encrypts is a password here, whatever the definition calls it.

    Raises JobError that names what is missing, unfit, or does not open with the key.
    """
    values = {item.key: _value(item, key) for item in job.config}
    declared = {spec.field or "": spec.type or "text" for spec in definition.params}
    given = {name: value for name, value in values.items() if name in declared}
    try:
        check_parameters(definition.params, given)
    except ParameterError as error:
        raise JobError(str(error).partition("\nthis definition takes:")[0]) from None
    unset = {name: Parameter(None, kind) for name, kind in declared.items()}
    found = {**unset, **resolve_parameters(definition.params, given)}
    for item in job.config:
        if item.type == ENCRYPTED or item.key not in declared:
            found[item.key] = Parameter(values[item.key], _TYPES.get(item.type, "text"))
    return found


def _value(item: Config, key: str | None) -> str | None:
    if item.type != ENCRYPTED or not item.value:
        return item.value
    try:
        return decrypt(item.value, key)
    except JobError as error:
        raise JobError(f"parameter {item.key}: {error}") from None
