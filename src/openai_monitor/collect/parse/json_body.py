"""The JSON of an answer, and what else an answer may hold instead of it."""

import json
import re

from openai_monitor.collect.answer import Answer
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

_NO_CONTENT = (204, 205)
_DOCUMENT = "json"

_LENIENT = json.JSONDecoder(strict=False)
"""Raw control characters in a text are taken; whatever else is not JSON is refused."""

_PIECE = 2**18
_MAY_HOLD_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def has_no_content(answer: Answer) -> bool:
    """Whether the answer rightly has no body, so that there are no rows; whoever let it in has allowed its status."""
    return answer.status in _NO_CONTENT and not answer.body


def read_json(answer: Answer) -> object:
    """The document in the body, decoded once: whole numbers exact, NaN and infinities as floats.

    Raises CollectionError (FAIL) when the body is empty, a page, cut off or otherwise no JSON, or has too many values.
    """
    if _DOCUMENT not in answer.memo:
        _refuse_oversize(answer)
        answer.memo[_DOCUMENT] = _decode(answer.text)
    return answer.memo[_DOCUMENT]


def _refuse_oversize(answer: Answer) -> None:
    """Count values before they are made: 4 MiB of ``{},`` are a hundred in memory."""
    most, text = answer.limits.values, answer.text
    if len(text) > most and _separators(text) > most and _separators_outside_texts(text) > most:
        raise _failure(
            f"the answer has more than {most:,} values, objects and lists: ask for less, "
            "or raise limits.answer in a monitors file"
        )


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _separators_outside_texts(text: str) -> int:
    """As ``_separators``, without those in JSON's texts; by pieces, since a search keeps the whole process waiting."""
    text = text.replace("\\\\", "").replace('\\"', "")
    count, outside = 0, 0
    for start in range(0, len(text), _PIECE):
        parts = text[start : start + _PIECE].split('"')
        count += _separators("".join(parts[outside::2]))
        outside = (outside + len(parts) - 1) % 2
    return count


def _decode(text: str) -> object:
    if _MAY_HOLD_HALVES.search(text):
        text = _ESCAPES.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)
    try:
        document: object = _LENIENT.decode(text)
    except json.JSONDecodeError as error:
        raise _failure(_what_is_wrong(text, error)) from None
    except RecursionError:
        raise _failure(
            "the answer's lists and objects are nested too deep; no API needs that, so check the url"
        ) from None
    except ValueError:
        raise _failure(
            "the answer holds a number of thousands of digits; no API needs that, so check the url"
        ) from None
    return document


def _failure(message: str) -> CollectionError:
    return CollectionError(Code.FAIL, message)


def _what_is_wrong(text: str, error: json.JSONDecodeError) -> str:
    body = text.strip()
    if not body:
        return (
            "the answer is empty where JSON was expected; check the url and its parameters, "
            "or list the status in successCodes if it is 204 or 205"
        )
    if body.startswith("<"):
        if body.startswith("<?xml"):
            return "the answer is XML where JSON was expected; use parseType xmlPath, or ask the API for JSON"
        return (
            "the answer is an HTML page where JSON was expected; "
            "check host and url, and whether a login page or a proxy stands in between"
        )
    place = f"line {error.lineno}, column {error.colno}"
    reason = error.msg[:1].lower() + error.msg[1:]
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"the answer is JSON that breaks off (at {place}); ask again, or look for a limit on its way"
    if error.msg == "Extra data":
        return f"the answer is JSON with something after its end (at {place}); check the url"
    return f"the answer is not JSON (at {place}: {reason}); check the url and what the API says it sends"
