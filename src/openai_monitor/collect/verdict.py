"""Whether an answer counts as one: its status, the success condition of its set, and failures told inside a success."""

import json
import re
from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from openai_monitor.collect.answer import Answer, moment_of
from openai_monitor.collect.envelope import failure_inside, words_of
from openai_monitor.collect.fields import operand_of
from openai_monitor.collect.parse import Aliases
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.collect.values import text_of
from openai_monitor.definition.keys import vendor_at
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import Path
from openai_monitor.definition.success import Success
from openai_monitor.errors import CollectionError, EvaluationError
from openai_monitor.rows import Code

_LONGEST_QUOTE = 5000
_LONGEST_VALUE = 80
_ONLY_200: frozenset[int] = frozenset()
_DEFAULT = (200,)
_LONGEST_ERROR_BODY = 1_000_000

_ADVICE = {
    400: "the request's parameters do not suit the API: check the definition's url and params",
    401: "the key is wrong, expired or missing: get a new one",
    402: "the account has to pay before it is answered",
    403: "this key may not read this: use another kind of key, or give it the rights",
    404: "there is no such address there: check host and url",
    405: "the address does not take this method: check the definition's method",
    407: "the proxy wants credentials: put them into the proxy address",
    408: "the server gave up waiting: try again",
    429: "asked too often: ask less often; every 120 seconds or more is safe",
}
_USED_UP = (
    "the key is wrong, expired, disabled or used up: one-api and new-api answer so too where nothing is left; "
    "a gateway of new-api tells more by --define new_api"
)
_GATEWAYS_ERROR = ("one_api_error", "new_api_error")
_SERVER_ADVICE = "the server has a problem of its own: try again later"


Origin = tuple[str, str, int]
"""Scheme, host in small letters, and port."""


def listed_codes(http: Http | None) -> frozenset[int]:
    """The status codes of ``successCodes``; empty when there are none."""
    if http is None or not http.success_codes:
        return _ONLY_200
    codes = (code for code in http.success_codes if code and re.fullmatch(r"\d+", code, re.ASCII))
    return frozenset(map(int, codes))


def is_accepted(answer: Answer, listed: Collection[int]) -> bool:
    """Whether the status counts as success: it is listed, or 200 when nothing is."""
    return answer.status in (listed or _DEFAULT)


def check_status(answer: Answer, listed: Collection[int], now: datetime, *, asked: Origin | None = None) -> None:
    """Raise CollectionError (FAIL) unless the status is accepted. ``asked`` is the origin that was asked first."""
    if is_accepted(answer, listed):
        return
    said = server_message(answer)
    advice = _advice(answer, now)
    redirected_to = _other_origin(answer, asked) if asked and answer.status in (401, 403) else None
    if redirected_to:
        advice = (
            f"the request was redirected to {redirected_to}, and no key goes to another origin: "
            "give that host as the parameter host if it is the right one"
        )
    sentences = [f"HTTP {answer.status}: {advice}"]
    if said:
        sentences.append(f"the server said: {said}")
    raise CollectionError(Code.FAIL, "; ".join(sentences), status=answer.status, retry_after=retry_after(answer, now))


def check_error_object(answer: Answer, aliases: Aliases, listed: Collection[int]) -> None:
    """Raise CollectionError (FAIL) for a non-empty ``error`` object or text at the root of a JSON answer.

    Gateways answer 200 with it when their own lookup failed. An alias that reads ``error``, or a status listed in
    ``successCodes``, says that the author wants to see it. An answer that is no JSON raises CollectionError too.
    """
    if b'"error"' not in answer.body or answer.status in listed or _reads_error(aliases):
        return
    document = read_json(answer)
    error = document.get("error") if isinstance(document, dict) else None
    if error and isinstance(error, (dict, str)):
        message = _quote(words_of(document) or json.dumps(error, ensure_ascii=False))
        raise CollectionError(Code.FAIL, f"HTTP {answer.status} with an error inside: the server said: {message}")


def check_success(answer: Answer, holds: "Holds") -> None:
    """Raise CollectionError (FAIL) unless the answer fulfils its set's success condition, and when it is no JSON."""
    document = read_json(answer)
    if holds(document):
        return
    said = _quote(words_of(document))
    told = f"the server said: {said}" if said else holds.values(document)
    raise CollectionError(Code.FAIL, f"HTTP {answer.status}, but `{holds.text}` is not true: {told}")


def check_envelope(answer: Answer, read: frozenset[str] | None, *, has_values: bool) -> str:
    """What to warn about where a JSON answer may tell a failure; raises CollectionError (FAIL) where it must.

    See ``envelope``; for an answer whose set has no success condition.
    """
    found = failure_inside(read_json(answer), read, has_values=has_values)
    if found is None:
        return ""
    said = f": the server said: {_quote(found.words)}" if found.words else ""
    if found.is_certain:
        advice = f"; {_ADVICE[found.status]}" if found.status in _ADVICE else ""
        message = f"HTTP {answer.status} with a failure inside, {found.sign}{said}{advice}"
        raise CollectionError(Code.FAIL, message, status=found.status)
    return (
        f"the answer may tell a failure, {found.sign}{said}. An annotation SET.success says what a success is, "
        "such as $.success == true"
    )


class Holds:
    """A success condition over documents. ``text`` is the condition as it is written."""

    def __init__(self, success: Success) -> None:
        names = sorted(success.expression.names)
        lists = sorted(success.expression.lists)
        self.text = success.text
        self._paths = [success.paths[name] for name in names]
        self._lists = [success.paths[name] for name in lists]
        self._names = names
        self._evaluate = success.expression.bind(names, lists=lists)

    def __call__(self, document: object) -> bool:
        """Whether the condition is true; what can't be evaluated is not."""
        values = [operand_of(path.first(document)) for path in self._paths]
        try:
            return self._evaluate([*values, *(_whole(path, document) for path in self._lists)]) in (True, "true")
        except EvaluationError:
            return False

    def values(self, document: object) -> str:
        """What the names of the condition are in this document."""
        found = [(name, path.first(document)) for name, path in zip(self._names, self._paths, strict=True)]
        return ", ".join(f"`{name}` is {_quote(text_of(value) or 'null')[:_LONGEST_VALUE]}" for name, value in found)


def _whole(path: Path, document: object) -> object:
    """What a path finds for a function that takes lists."""
    if not path.selects_one:
        return path.all(document)
    value = path.first(document)
    return value if isinstance(value, list | dict) else operand_of(value)


def server_message(answer: Answer) -> str:
    """What the server itself says is wrong, on one line; empty when it says nothing readable."""
    if len(answer.body) > _LONGEST_ERROR_BODY:
        return ""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict | list):
        return _quote(words_of(document))
    text = answer.text.strip()
    return "" if text.startswith("<") or not text.isprintable() else _quote(text)


def _other_origin(answer: Answer, asked: Origin) -> str | None:
    """Where a redirect led, when that is another origin, to which no key goes along."""
    parts = urlsplit(answer.url)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not host or (parts.scheme, host, port) == asked:
        return None
    return f"{parts.scheme}://{parts.netloc}"


def _reads_error(aliases: Aliases) -> bool:
    return any(re.match(r"(\$\.)?error(\W|$)|\$\.?\[['\"]error['\"]\]", alias) for alias in aliases)


def _quote(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


def _advice(answer: Answer, now: datetime) -> str:
    if answer.status in (429, 503) and (pause := retry_after(answer, now)) is not None:
        when = "at once" if pause <= 0 else f"in {pause:.0f} s"
        return f"{_ADVICE[429] if answer.status == 429 else _SERVER_ADVICE} (it may be asked again {when})"
    if answer.status == 304:
        return "nothing has changed, says the server: ask without If-None-Match and If-Modified-Since"
    if 300 <= answer.status < 400:
        return "the server points elsewhere, and this method does not follow: put the final address into the definition"
    if answer.status >= 500:
        return _SERVER_ADVICE
    if 200 <= answer.status < 300:
        return "only 200 counts as success: list this status in successCodes if it should"
    if answer.status == 401 and _is_gateways(answer):
        return _USED_UP
    return _ADVICE.get(answer.status, "the server refused the request")


def _is_gateways(answer: Answer) -> bool:
    """Whether a gateway answered: it says so, or the path is OpenAI's billing page on another host than OpenAI's."""
    parts = urlsplit(answer.url)
    if "/dashboard/billing/" in parts.path:
        return vendor_at(parts.hostname or "") is None
    return any(name.encode() in answer.body[:_LONGEST_ERROR_BODY] for name in _GATEWAYS_ERROR)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds until the server wants to be asked again, from ``Retry-After`` (seconds or a date); None without one."""
    value = (answer.headers.get("retry-after") or "").strip()
    if re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return float(value)
    moment = moment_of(value) if value else None
    return None if moment is None else max(0.0, (moment - now).total_seconds())
