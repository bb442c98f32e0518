"""Hostile files and answers are refused or answered at once, in little memory, whoever asks.

The bounds are generous, since the machine that runs this may be slow or busy: what they keep out takes minutes or
gigabytes. Each case runs in a process of its own, which reports its processor time and its largest size.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.cli.conftest import clean_environment

MOST_SECONDS = 5.0
"""Of processor time; a plain run takes half a second of it."""

MOST_MEGABYTES = 250
"""A plain run takes 50. Only Linux tells; a process's largest size as others tell it may be its parent's."""

MEASURED = """\
import re, sys, time
from pathlib import Path
from openai_monitor.cli import main
code = main(sys.argv[1:])
status = Path("/proc/self/status")
peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
sys.stdout.flush()
print(f"\\nMEASURED {code} {time.process_time()} {int(peak[1]) / 1024 if peak else 0}", file=sys.stderr)
"""

HEAD = "category: custom\napp: a\nname: {en-US: a}\nparams: [{field: host, name: {en-US: h}, type: host}]\n"


def definition(
    fields: str = "{field: a, type: 1}, {field: n, type: 0}",
    aliases: str = "[a, n]",
    calculates: str = "[]",
    filters: str = "[]",
    http: str = "parseType: jsonPath, parseScript: '$.rows[*]'",
) -> str:
    return (
        f"{HEAD}metrics:\n- name: s\n  priority: 0\n  protocol: http\n  fields: [{fields}]\n  aliasFields: {aliases}\n"
        f"  calculates: {calculates}\n  filters: {filters}\n"
        f"  http: {{host: ^_^host^_^, url: /, method: GET, {http}}}\n"
    )


def measured(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command; its exit code and all it said. Fails when it took too long or too much."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        capture_output=True, encoding="utf-8", errors="replace", env=clean_environment(), cwd=folder, timeout=60, check=False,
    )  # fmt: skip
    said, _, figures = done.stderr.rpartition("MEASURED ")
    assert figures, f"the process died ({done.returncode}): {done.stderr[-500:]}"
    code, seconds, megabytes = figures.split()
    assert "internal error" not in said
    assert float(seconds) < MOST_SECONDS, f"{seconds} s"
    assert float(megabytes) < MOST_MEGABYTES, f"{megabytes} MB"
    return int(code), done.stdout + said


def laughs(levels: int = 9) -> str:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(levels)]
    return "\n".join(rows)


def many(text: str, count: int) -> str:
    return ", ".join([text] * count)


CATASTROPHE = "(a+)+(b+)+$"

FILES: dict[str, Callable[[], str]] = {
    "alias bomb": laughs,
    "alias bomb of scalars": lambda: definition(calculates=f"[&x 'n={'a + ' * 20_000}a', {many('*x', 20_000)}]"),
    "alias bomb of texts": lambda: definition().replace(
        "name: {en-US: a}", f"name: {{en-US: &x {'y' * 1_000_000}, {', '.join(f'l{n}: *x' for n in range(20_000))}}}"
    ),
    "merge bomb": lambda: "\n".join(
        [f"a0: &a0 {{{', '.join(f'k{n}: 1' for n in range(500))}}}"]
        + [f"a{n}: &a{n} {{<<: [{many(f'*a{n - 1}', 90)}], x{n}: 1}}" for n in range(1, 9)]
    ),
    "10 MB scalar": lambda: f"app: {'x' * 10_000_000}",
    "3 MB scalar": lambda: definition().replace("app: a", f"app: {'x' * 3_000_000}"),
    "3 MB alias": lambda: definition(aliases=f"['{'x' * 1_500_000}', '$.{'y' * 1_500_000}']"),
    "deep flow": lambda: "a: " + "[" * 100_000,
    "deep mappings": lambda: "{a: " * 100_000,
    "deep blocks": lambda: "\n".join(f"{' ' * n}a:" for n in range(2_000)),
    "deep list": lambda: "- " * 100_000,
    "many keys": lambda: definition() + "\n".join(f"k{n}: 1" for n in range(49_000)),
    "many sets": lambda: definition() + "".join(f"- {{name: s{n}}}\n" for n in range(12_000)),
    "many fields": lambda: definition(fields=many("{field: a}", 12_000)),
    "many unknown placeholders": lambda: definition(aliases=f"[{', '.join(f'^_^p{n}^_^' for n in range(12_000))}]"),
    "many parameters": lambda: definition(calculates="['n=^_^hots^_^']").replace(
        "params: [", f"params: [{many('{field: abcdefgh, type: text}', 10_000)}, "
    ),
    "many expressions": lambda: definition(
        aliases=f"[{', '.join(f'x{n}' for n in range(9_000))}]",
        calculates=f"[{', '.join(f'n=y{n} + 1' for n in range(9_000))}]",
        filters=f"[{', '.join(f'y{n} > 1' for n in range(9_000))}]",
    ),
    "many directives": lambda: "%X\n" * 100_000 + definition(),
    "10,000 parentheses": lambda: definition(calculates=f"['n={'(' * 10_000}1{')' * 10_000}']"),
    "10,000 parentheses in a filter": lambda: definition(filters=f"['{'(' * 10_000}1{')' * 10_000}']"),
    "100,000 operators": lambda: definition(calculates=f"['n=a{'+a' * 100_000}']"),
    "100,000 signs": lambda: definition(calculates=f"['n={'-' * 100_000}a']"),
    "100,000 negations": lambda: definition(filters=f"['{'!' * 100_000}a']"),
    "unclosed quote": lambda: definition(calculates="[\"n='" + "x" * 1_000_000 + '"]'),
    "deep path": lambda: definition(http=f"parseType: jsonPath, parseScript: '${'.a' * 100_000}'"),
    "filters inside filters": lambda: definition(http=f"parseType: jsonPath, parseScript: '${'[?(@.a' * 5_000}'"),
    "scans": lambda: definition(http=f"parseType: jsonPath, parseScript: '${'..a' * 400}'"),
    "large index": lambda: definition(http=f"parseType: jsonPath, parseScript: '$[{'9' * 100_000}]'"),
    "regex in a path": lambda: definition(
        http=f"parseType: jsonPath, parseScript: \"$.rows[?(@.a =~ /{'(' * 5_000}a{')*' * 5_000}/)]\""
    ),
    "regex in a keyword": lambda: definition(http=f"parseType: website, keyword: '{'(a{1000}){1000}' * 100}'"),
    "regex of brackets": lambda: definition(http=f"parseType: website, keyword: '{'[[:alpha:]' * 50_000}'"),
    "deep xpath": lambda: definition(http=f"parseType: xmlPath, parseScript: '/a{'[a' * 50_000}'"),
    "xpath of predicates": lambda: definition(
        http="parseType: xmlPath, parseScript: '/a', keyword: x", aliases=f"['{'(' * 100_000}']"
    ),
    "long unit": lambda: definition().replace("  filters", f"  units: ['{'=' * 500_000}', 'n={'>-' * 200_000}']\n  filters"),
    "far times": lambda: definition(
        http=f"params: {{start: '${{@date+{'9' * 100_000}d}}', end: '${{@date{'+1d' * 100_000}}}'}}, parseType: default"
    ),
    "controls": lambda: "app: \x01\x02" + "\x00" * 1_000_000,
    "surrogates and marks": lambda: "app: " + "\u202e\ufeff" * 500_000,
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_definition_is_judged_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.yml").write_text(FILES[name](), encoding="utf-8")
    code, said = measured(tmp_path, "validate", "x.yml")
    assert code in (0, 1)
    assert "x.yml:" in said or "no errors" in said
    assert max(map(len, said.splitlines())) < 2_000


def test_a_hostile_definition_is_judged_for_hertzbeat_too(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(FILES["alias bomb of texts"](), encoding="utf-8")
    assert measured(tmp_path, "validate", "--hertzbeat", "--format", "json", "x.yml")[0] in (0, 1)


# Answers


def bomb(kind: str) -> str:
    entities = "".join(f'<!ENTITY e{n} "{many(f"&e{n - 1};", 10)}">' for n in range(1, 12))
    attributes = " ".join(f'a{n}="1"' for n in range(100_000))
    return {
        "laughs": f'<!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><r><row><a>&e11;</a></row></r>',
        "quadratic": f'<!DOCTYPE r [<!ENTITY e "{"x" * 100_000}">]><r><row><a>{"&e;" * 100_000}</a></row></r>',
        "external": '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r><row><a>&e;</a></row></r>',
        "deep": "<r>" * 100_000,
        "attributes": f"<r {attributes}/>",
    }[kind]


XML = definition(http="parseType: xmlPath, parseScript: /r/row", aliases="[a, n]")
ANSWERS: dict[str, tuple[str, Callable[[], str]]] = {
    "xml laughs": (XML, partial(bomb, "laughs")),
    "xml of a large entity": (XML, partial(bomb, "quadratic")),
    "xml with a file": (XML, partial(bomb, "external")),
    "deep xml": (XML, partial(bomb, "deep")),
    "xml attributes": (XML, partial(bomb, "attributes")),
    "sitemap laughs": (definition(http="parseType: sitemap"), lambda: bomb("laughs")),
    "xpath that searches for each node": (
        definition(http="parseType: xmlPath, parseScript: '//row[count(//row[count(//row) > 1]) > 1]'"),
        lambda: f"<r>{'<row><a>1</a></row>' * 20_000}</r>",
    ),
    "regex in a filter": (
        definition(filters=f'["matches(a, \'{CATASTROPHE}\')"]'),
        lambda: '{"rows": [{"a": "' + "a" * 200_000 + '!"}]}',
    ),
    "regex in a path": (
        definition(http=f'parseType: jsonPath, parseScript: "$.rows[?(@.a =~ /{CATASTROPHE}/)]"'),
        lambda: '{"rows": [{"a": "' + "a" * 200_000 + '!"}]}',
    ),
    "regex in a keyword": (definition(aliases="[keyword]", http=f"parseType: website, keyword: '{CATASTROPHE}'"), lambda: "a" * 500_000),
    "texts that double": (
        definition(calculates="[a=" + "+".join(["a"] * 300) + "]"),
        lambda: '{"rows": [{"a": "' + "x" * 100_000 + '"}]}',
    ),
    "deep JSON": (definition(), lambda: "[" * 1_000_000),
    "10 MB of text": (definition(), lambda: '{"rows": [{"a": "' + "x" * 10_000_000 + '"}]}'),
    "a number of a million digits": (definition(), lambda: '{"rows": [{"n": ' + "9" * 1_000_000 + "}]}"),
    "an exponent of a million": (definition(), lambda: '{"rows": [{"n": 1e1000000}]}'),
    "100,000 keys": (definition(), lambda: '{"rows": [{' + ", ".join(f'"k{n}": 1' for n in range(100_000)) + "}]}"),
    "100,000 empty rows": (definition(), lambda: '{"rows": [' + ", ".join(["{}"] * 100_000) + "]}"),
    "scan of lists inside lists": (
        definition(http="parseType: jsonPath, parseScript: '$..*..*'"),
        lambda: '{"rows": ' + "[" * 100 + ", ".join(["1"] * 500) + "]" * 100 + "}",
    ),
    "exposition of one line": (definition(http="parseType: prometheus"), lambda: "s{" + 'a="b",' * 200_000),
    "properties of backslashes": (definition(http="parseType: config"), lambda: "a=" + "\\\n" * 300_000),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_answer_is_judged_and_explained_at_once(tmp_path: Path, name: str) -> None:
    text, body = ANSWERS[name]
    (tmp_path / "x.yml").write_text(text, encoding="utf-8")
    (tmp_path / "answer").write_text(body(), encoding="utf-8")
    code, said = measured(tmp_path, "test", "x.yml", "--response", "answer", "--explain")
    assert code in (0, 1)
    assert "root:" not in said


@pytest.mark.parametrize(
    "text",
    [
        laughs(),
        "tests: " + "[" * 50_000,
        f"tests: [{{name: a, metrics: s, response: {{a: &a {'x' * 1_000_000}, b: [{many('*a', 40_000)}]}}, expect: {{rows: []}}}}]",
        f"tests: [{{name: a, metrics: s, response: {{}}, expect: {{rows: [{many('{a: 1}', 10_000)}]}}}}]",
    ],
    ids=["aliases", "deep", "large aliases", "many rows"],
)
def test_hostile_tests_are_judged_at_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yml").write_text(definition(), encoding="utf-8")
    (tmp_path / "x.test.yml").write_text(text, encoding="utf-8")
    assert measured(tmp_path, "test", ".")[0] in (1, 2)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 1_000_000,
        '{"a":' * 900 + "1" + "}" * 900,
        "{" + ", ".join(f'"k{n}": {{"x": 1, "y": {{"z": 1}}}}' for n in range(20_000)) + "}",
        "[" + ", ".join(['{"a": 1}'] * 200_000) + "]",
        '{"' + "k" * 5_000_000 + '": 1}',
    ],
    ids=["deep lists", "deep objects", "wide", "long", "long key"],
)
def test_a_draft_of_a_hostile_answer_is_made_or_refused_at_once(tmp_path: Path, body: str) -> None:
    (tmp_path / "answer").write_text(body, encoding="utf-8")
    assert measured(tmp_path, "new", "x", "--from", "answer")[0] in (0, 2)
