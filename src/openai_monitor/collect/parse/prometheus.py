"""``parseType: prometheus``: one row for each sample that is named like the metric set.

An alias is the name of a label; ``value`` and ``metric_value`` are the sample's value where no label has that
name. The text is checked whole: one malformed line anywhere fails the set with its line number, since a text
that is cut or mixed up can't be trusted elsewhere. Timestamps and exemplars are checked and passed over.
Values are doubles, as they are for Prometheus. HertzBeat answers success without rows for a malformed text,
and takes exemplars, tabs, decimal timestamps, leading blanks and backslashes in a HELP line for malformed.
"""

import re
from collections.abc import Callable, Iterator

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.body import data_text, failure
from openai_monitor.collect.parse.json_body import has_no_content
from openai_monitor.definition.model import Http

VALUE_ALIASES = frozenset({"value", "metric_value"})
MAX_LABELS = 100_000
"""Characters of the labels of one sample."""

_BLOCK = 2**16
_CHECKED = "exposition"  # sets that share an answer check it once

# Every text has one reading, so that checking it is linear. Only characters have possessive quantifiers: those of
# groups match wrongly in Python before 3.11.5.
_BLANKS = r"[ \t]*+"
_LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_LABEL_TEXT = r'(?:[^"\\\n]++|\\[\\"n])*'
_LABEL = rf'{_LABEL_NAME}{_BLANKS}={_BLANKS}"{_LABEL_TEXT}"{_BLANKS}'
_LABELS = rf"\{{{_BLANKS}(?:{_LABEL}(?:,{_BLANKS}|(?=\}})))*\}}"
_NUMBER = r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|(?i:inf(?:inity)?|nan))"
_TIMESTAMP = rf"(?:[ \t]++{_NUMBER})?"
_EXEMPLAR = rf"(?:[ \t]++\#{_BLANKS}{_LABELS}{_BLANKS}{_NUMBER}{_TIMESTAMP})?"
_TAIL = rf"(?:{_BLANKS}(?P<labels>{_LABELS}){_BLANKS}|[ \t]++)(?P<number>{_NUMBER})"
_PLAIN_TAIL = _TAIL.replace("?P<labels>", "?:").replace("?P<number>", "?:")
_SAMPLE = rf"[a-zA-Z_:][a-zA-Z0-9_:]*+{_PLAIN_TAIL}{_TIMESTAMP}{_EXEMPLAR}"
_BAD_LINE = re.compile(rf"^(?!{_BLANKS}(?:{_SAMPLE}|\#[^\n]*+)?[ \t\r]*+\n)", re.MULTILINE)
_ANY_SAMPLE = re.compile(rf"^{_BLANKS}(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*+){_TAIL}", re.MULTILINE)
_LABEL_PAIR = re.compile(rf'({_LABEL_NAME}){_BLANKS}={_BLANKS}"({_LABEL_TEXT})"')


def compile(_http: Http, aliases: Aliases, set_name: str) -> Parse:
    """Read the samples called ``set_name``."""
    samples = re.compile(rf"^{_BLANKS}{re.escape(set_name)}{_TAIL}", re.MULTILINE)
    read_row = _row_reader(aliases)

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        if _CHECKED not in answer.memo:
            answer.memo[_CHECKED] = _checked(data_text(answer, "Prometheus exposition text"))
        text = str(answer.memo[_CHECKED])
        rows: list[RawRow] = []
        for start, end in _blocks(text):
            rows += map(read_row, samples.finditer(text, start, end))
            answer.limits.check(len(rows), len(aliases))
        return Extracted(rows, [] if rows else [f"no sample is named {set_name}"])

    return parse


def read_samples(answer: Answer) -> dict[str, list[tuple[dict[str, str], float]]]:
    """All samples of an answer by their names, in the order in which these first come: labels and value of each.

    Raises CollectionError when it is not exposition text, or has too many samples.
    """
    text = _checked(data_text(answer, "Prometheus exposition text"))
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    count = 0
    for start, end in _blocks(text):
        for sample in _ANY_SAMPLE.finditer(text, start, end):
            labels = _labels(sample["labels"]) if sample["labels"] else {}
            found.setdefault(sample["name"], []).append((labels, float(sample["number"])))
            count += 1
        answer.limits.check(count, 1)
    return found


def _checked(text: str) -> str:
    """The text with a last newline; raises CollectionError with the number of the first bad line."""
    text += "\n"
    found = (_BAD_LINE.search(text, start, end) for start, end in _blocks(text))
    bad = next((match.start() for match in found if match and match.start() < match.endpos), None)
    if bad is None:
        return text
    raise failure(
        f"line {text.count(chr(10), 0, bad) + 1} of the answer is no exposition text: "
        'expected a sample such as name{label="text"} 1.5, a comment or an empty line; '
        "check that the url is a Prometheus exporter's"
    )


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """The text by lines, some 64 KiB of them at once: a search keeps the whole process waiting until it ends."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        yield start, end
        start = end


def _row_reader(aliases: Aliases) -> Callable[[re.Match[str]], RawRow]:
    needs_labels = not VALUE_ALIASES.issuperset(aliases)

    def read(sample: re.Match[str]) -> RawRow:
        text, number = sample.group("labels", "number")
        value = float(number)
        labels = _labels(text) if text and (needs_labels or "value" in text) else {}
        return tuple([labels.get(alias, value if alias in VALUE_ALIASES else None) for alias in aliases])

    return read


def _labels(text: str) -> dict[str, str]:
    if len(text) > MAX_LABELS:
        raise failure(f"the labels of a sample have {len(text)} characters, at most {MAX_LABELS} are read")
    pairs = _LABEL_PAIR.findall(text)
    labels: dict[str, str] = dict(pairs)
    if len(labels) < len(pairs):
        raise failure("a sample has the same label twice, so it is not known which one counts; ask whoever exports it")
    if "\\" in text:
        return {name: _unescape(value) for name, value in labels.items()}
    return labels


def _unescape(text: str) -> str:
    """Replace escapes: between doubled backslashes, any other backslash begins one."""
    parts = text.split("\\\\")
    return "\\".join([part.replace("\\n", "\n").replace('\\"', '"') for part in parts])
