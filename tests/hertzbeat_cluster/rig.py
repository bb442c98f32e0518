"""Jobs of our own making, in the form in which a manager issues them; the recorded ones are in ``samples``."""

import base64
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import TypeAdapter

from openai_monitor.definition.definition import Definition
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.model import Document

_DOCUMENT = TypeAdapter(Document)
KEY = "key-of-this-rig!"
PASSWORD = "s3cret-pw"
MONITOR = 4100200300400
TYPES = {"number": 0, "password": 2, "key-value": 3}
"""Types of a configmap's entries; all others are text."""

_DEFINITION = """
app: rig
name: {en-US: A rig for tests}
params:
  - {field: host, name: {en-US: Host}, type: host, required: true}
  - {field: port, name: {en-US: Port}, type: number, required: true, defaultValue: 80, range: '[0,65535]'}
  - {field: username, name: {en-US: User}, type: text}
  - {field: password, name: {en-US: Password}, type: password}
  - {field: extra, name: {en-US: Extra}, type: text, defaultValue: dflt}
metrics:
  - name: basic
    priority: 0
    fields:
      - {field: name, type: 1, label: true}
      - {field: load, type: 0, unit: '%'}
      - {field: temp, type: 1}
      - {field: responseTime, type: 0, unit: ms}
    protocol: http
    http:
      host: ^_^host^_^
      port: ^_^port^_^
      url: /basic
      ssl: 'false'
      method: GET
      parseType: default
      authorization: {type: Basic Auth, basicAuthUsername: ^_^username^_^, basicAuthPassword: ^_^password^_^}
  - name: detail
    priority: 1
    interval: 30
    fields:
      - {field: name, type: 1, label: true}
      - {field: uptime, type: 0, unit: s}
    aliasFields: [name, up]
    calculates: [uptime=up*2]
    protocol: http
    http: {host: ^_^host^_^, port: ^_^port^_^, url: /detail, ssl: 'false', method: GET, parseType: default}
"""


def job() -> dict[str, Any]:
    """A job as it comes when its monitor is made: labels are there, defaults of parameters are not."""
    definition = parse_definition(_DEFINITION, "rig.yml")
    given = {"host": "127.0.0.1", "port": "11599", "username": "bob", "password": encrypt(PASSWORD, KEY)}
    return {
        **job_of(definition, MONITOR, **given),
        "metadata": {"instance": "127.0.0.1:11599", "instancename": "rig"},
        "labels": {"team": "ops"},
        "annotations": {"note": "hi"},
        "defaultInterval": 10,
    }


def issued_again() -> dict[str, Any]:
    """The same job after a reconnect: another id, no labels, defaults of parameters appended."""
    first = job()
    more = {"key": "extra", "value": "dflt", "type": 1}
    return {
        **first,
        "id": first["id"] + 1,
        "labels": None,
        "annotations": None,
        "configmap": [*first["configmap"], more],
    }


def job_of(definition: Definition, monitor_id: int, **config: str) -> dict[str, Any]:
    """A job as a manager makes it of a definition: the document with nulls for what it does not say, and more."""
    document = _DOCUMENT.dump_python(definition.document, mode="json", by_alias=True)
    kinds = {spec.field: TYPES.get(spec.type or "", 1) for spec in definition.params}
    entries = [{"key": key, "value": value, "type": kinds.get(key, 1)} for key, value in config.items()]
    return {
        **document,
        "id": monitor_id + 1000,
        "monitorId": monitor_id,
        "tenantId": 0,
        "configmap": entries,
        "metadata": {"instance": "i", "instancename": f"m{monitor_id}"},
        "labels": None,
        "annotations": None,
        "metrics": [{**each, "hasSubTask": False, "jdbc": None, "icmp": None} for each in document["metrics"]],
        "isCyclic": True,
        "isSd": False,
        "cyclic": True,
        "sd": False,
        "defaultInterval": 300,
        "scheduleType": "interval",
    }


def encrypt(text: str, key: str, vector: bytes | None = None) -> str:
    """As managers do: up to 1.8 with the key as the vector, later with a random one in front."""
    data = text.encode()
    padding = 16 - len(data) % 16
    iv = vector or key.encode()[:16]
    cipher = Cipher(algorithms.AES(key.encode()), modes.CBC(iv)).encryptor()
    body = cipher.update(data + bytes([padding]) * padding) + cipher.finalize()
    return base64.b64encode((b"HBA2" + iv if vector else b"") + body).decode()
