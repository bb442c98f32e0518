"""A definition for the tests of the command line, and the two ways to have it."""

import argparse
from pathlib import Path

from openai_monitor.definition.load import Definition, parse_definition

TEXT = """\
category: custom
app: little.api
name: {en-US: Little API}
help: {en-US: Reads the little API at api.example.com. It is small., zh-CN: 读取小接口。很小。}
params:
  - {field: host, name: {en-US: Host}, type: host, required: true, defaultValue: api.example.com}
  - {field: port, name: {en-US: Port}, type: number, range: '[0,65535]', required: true, defaultValue: 443}
  - {field: ssl, name: {en-US: TLS}, type: boolean, required: false, defaultValue: true}
  - {field: token, name: {en-US: Key, zh-CN: 密钥}, type: password, required: true}
  - {field: region-name, name: {en-US: Region}, type: text, required: false}
  - {field: labels, name: {en-US: Labels}, type: array, required: false}
metrics:
  - name: credit
    priority: 0
    protocol: http
    fields: [{field: left, type: 0, unit: USD}]
    aliasFields: [left]
    http: &http
      host: ^_^host^_^
      port: ^_^port^_^
      ssl: ^_^ssl^_^
      url: /credit
      method: GET
      parseType: jsonPath
      parseScript: $
      authorization: {type: Bearer Token, bearerTokenToken: ^_^token^_^}
"""

DEFINITION: Definition = parse_definition(TEXT, "little.yml")


def write(folder: Path, text: str = TEXT) -> str:
    path = folder / "little.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def arguments(
    *,
    param: list[str] | None = None,
    params: Path | str | None = None,
    token_file: Path | str | None = None,
    token_stdin: bool = False,
) -> argparse.Namespace:
    return argparse.Namespace(
        param=param or [],
        params=None if params is None else str(params),
        token_file=None if token_file is None else str(token_file),
        token_stdin=token_stdin,
    )
