"""A failure that an answer tells inside a status of success, by the envelopes that APIs have in common.

``{"success": false, "message": …}``, ``{"code": 401, "msg": …}``, ``{"errors": […]}``, ``{"detail": …}``: only the keys
beside the data are looked at, never those that the metric set reads, and an answer that gave values does not fail.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice

from openai_monitor.collect.parse import Aliases
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.path.steps import Key

_FLAGS = ("success", "ok", "succeeded", "successful", "issuccess", "issuccessful")
_CODES = (
    *("code", "errcode", "errorcode", "errno", "statuscode", "retcode", "ret", "resultcode", "status", "error"),
    "responsecode",
)
_WORDS = (
    "message",
    "msg",
    "errormessage",
    "errmsg",
    "errormsg",
    "statusmsg",
    "statusmessage",
    "reason",
    "retmsg",
    "resultmsg",
    "faultstring",
)
_ENVELOPES = ("baseresp", "meta", "status", "head", "header", "responsestatus", "result")
"""Objects inside of which some APIs have their code and message."""

_ABOUT = frozenset(
    (
        *_FLAGS, *_CODES, *_WORDS, *_ENVELOPES, "errors", "detail", "errordescription", "errordetail", "details",
        "title", "type", "instance", "requestid", "traceid", "timestamp", "time", "path", "params", "extra", "debug",
        "hint", "documentationurl", "helpurl", "links", "messages", "description", "context", "trace", "version",
        "apiversion", "fault",
    )
)  # fmt: skip
_FAILED = re.compile(r"err|error(ed)?|fail|failed|failure|ko|nok|denied|unauthori[sz]ed|forbidden", re.IGNORECASE)
_SUCCEEDED = re.compile(
    r"\s*(ok|okay|success\w*|succeed\w*|done|completed?|accepted|0*|查询成功|.*成功|请求成功)[\s.!]*", re.IGNORECASE
)
_LONGEST_SHOWN = 40
_MOST_KEYS = 200
"""An object with more is data, and no envelope."""
_DEEPEST = 5
_MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class InsideFailure:
    """A failure that an answer tells: ``sign`` is the key that says so, ``words`` the server's own.

    ``is_certain`` is False where the answer may mean something else. ``status`` is a code of HTTP that stands there.
    """

    sign: str
    words: str
    is_certain: bool
    status: int | None = None


def keys_read(http: Http, aliases: Aliases) -> frozenset[str] | None:
    """The keys at the root of a JSON answer that a set reads itself; None for all of them, as ``$..x`` may."""
    first: str | None = None
    if (http.parse_type or "default") == "jsonPath":
        steps = compile_path(http.parse_script or "$").steps if (http.parse_script or "").strip() else ()
        if steps:
            step = steps[0]
            if not isinstance(step, Key):
                return None
            first = step.name
    around = {word for alias in aliases if alias.startswith("`") for word in re.findall(r"[\w-]+", alias)}
    if first is not None:
        return frozenset({first, *around})
    return frozenset({*around, *(_first_key(alias) for alias in aliases)})


def _first_key(alias: str) -> str:
    found = re.match(r"\$\.?(?:\[['\"])?([\w-]+)", alias)
    return found[1] if found else alias


def failure_inside(document: object, read: frozenset[str] | None, *, has_values: bool) -> InsideFailure | None:
    """What an answer says of its own failure; None when it says nothing of it.

    ``has_values`` is whether the set found a value in it. What the set reads is its data.
    """
    if not isinstance(document, dict) or read is None or len(document) > _MOST_KEYS:
        return None
    own = {key: value for key, value in document.items() if key not in read}
    if isinstance(own.get("error"), dict | str):  # which verdict.check_error_object has judged, by a rule of its own
        del own["error"]
    part = {_plain(key): value for key, value in own.items()}
    names = {_plain(key): key for key in own}
    found = _certain(part, may_be_empty=_holds_any_data(document))
    if has_values:
        found = found if found in (*_FLAGS, "errors") else ""
    if not found and not has_values:
        return _in_envelope(own) or _uncertain(part, names, document)
    if not found:
        return None
    is_certain = not has_values and not _has_data(own)
    return InsideFailure(_shown(names[found], part[found]), words_of(document), is_certain, _http_code(part))


def _certain(part: Mapping[str, object], *, may_be_empty: bool) -> str:
    """The key that says that the answer is a failure and nothing else; empty when none does.

    ``may_be_empty`` is whether a list, empty perhaps, or an object stands beside it that may be the answer.
    """
    says = bool(_words(part))
    for name in _FLAGS:
        if part.get(name) is False or part.get(name) == "false":
            return name
    error = part.get("error")
    if (error in (True, "true") and says) or (error and isinstance(error, dict | str) and error != "false"):
        return "error"
    if isinstance(part.get("fault"), dict) and words_of(part["fault"]):
        return "fault"
    errors = part.get("errors")
    told = errors if isinstance(errors, list) else list(errors.values()) if isinstance(errors, dict) else []
    if any(isinstance(each, dict | list | str) for each in told):
        return "errors"
    for name in ("status", "result"):
        status = part.get(name)
        if isinstance(status, str) and _FAILED.fullmatch(status.strip()) and (says or len(part) == 1):
            return name
    for name in _CODES:
        code = _number(part.get(name))
        if code is not None and 400 <= code <= 599 and not _SUCCEEDED.fullmatch(_words(part) or "-"):
            return name
    if isinstance(part.get("errordescription"), str) and part["errordescription"]:
        return "errordescription"
    for name in _CODES:
        code = _number(part.get(name))
        fails = name != "status" and _is_code_of_failure(part.get(name)) and says
        if fails and (not may_be_empty or (code is not None and code < 0)):
            return name
    detail = part.get("detail")
    if not detail or not part.keys() <= _ABOUT:
        return ""
    listed = isinstance(detail, list) and isinstance(detail[0], dict) and "msg" in detail[0]
    return "detail" if listed or isinstance(detail, str) else ""


def _in_envelope(own: Mapping[str, object]) -> InsideFailure | None:
    """The same inside ``base_resp``, ``meta`` and the like."""
    for key, value in own.items():
        if isinstance(value, dict) and _plain(key) in _ENVELOPES and len(value) <= _MOST_KEYS:
            part = {_plain(name): inner for name, inner in value.items()}
            found = _certain(part, may_be_empty=_holds_any_data(own))
            if found and found != "detail":
                names = {_plain(name): name for name in value}
                is_certain = not _has_data(own)
                sign = _shown(f"{key}.{names[found]}", part[found])
                return InsideFailure(sign, words_of(value), is_certain, _http_code(part))
    return None


def _uncertain(
    part: Mapping[str, object], names: Mapping[str, str], document: Mapping[str, object]
) -> InsideFailure | None:
    """A message alone, or a code that is not zero beside one: it may be a failure."""
    if not _words(part) or _SUCCEEDED.fullmatch(_words(part)) or any(part.get(name) is True for name in _FLAGS):
        return None
    code = next((name for name in _CODES if name != "status" and _is_code_of_failure(part.get(name))), None)
    if code is None and not part.keys() <= _ABOUT:
        return None
    sign = code or next(name for name in _WORDS if isinstance(part.get(name), str) and part[name])
    return InsideFailure(_shown(names[sign], part[sign]), words_of(document), is_certain=False)


def holds_a_key(document: object, wanted: Collection[str]) -> bool:
    """Whether any of these keys stands anywhere in a document; of a large one nobody looks at all of it."""
    left = [document]
    for _ in range(_MOST_VALUES):
        if not left:
            return False
        if len(left) > _MOST_VALUES:
            break
        value = left.pop()
        if isinstance(value, dict):
            if not value.keys().isdisjoint(wanted):
                return True
            left += islice(value.values(), _MOST_VALUES)
        elif isinstance(value, list):
            left += value[:_MOST_VALUES]
    return True


def words_of(document: object, depth: int = _DEEPEST) -> str:
    """What a server itself says is wrong in a JSON answer, most telling first; empty when it says nothing."""
    if isinstance(document, str):
        return document.strip()
    if depth == 0:
        return ""
    if isinstance(document, list):
        return "; ".join(filter(None, (words_of(item, depth - 1) for item in document[:3])))
    if not isinstance(document, dict) or len(document) > _MOST_KEYS:
        return ""
    part = {_plain(key): value for key, value in document.items()}
    for name in ("error", "fault"):
        if isinstance(part.get(name), dict | list) and (said := words_of(part[name], depth - 1)):
            return said
    if isinstance(part.get("errordescription"), str) and part["errordescription"]:
        return str(part["errordescription"]).strip()
    if said := _words(part):
        return said
    for name in ("errors", "detail"):
        inner = part.get(name)
        if isinstance(inner, dict | list) and (said := words_of(inner, depth - 1) or _first_text(inner, depth - 1)):
            return said
    for name in ("detail", "title", "error", "description", "status"):
        value = part.get(name)
        if isinstance(value, str) and value.strip() and not (name == "status" and not _FAILED.fullmatch(value.strip())):
            return value.strip()
    nested = (value for key, value in part.items() if key in _ENVELOPES and isinstance(value, dict))
    return next(filter(None, (words_of(value, depth - 1) for value in nested)), "")


def _first_text(value: object, depth: int) -> str:
    """The first text in ``{"name": ["can't be blank"]}``, with its key."""
    if isinstance(value, dict):
        for key, inner in islice(value.items(), _MOST_KEYS):
            if said := words_of(inner, depth):
                return f"{key}: {said}"
    return ""


def _words(part: Mapping[str, object]) -> str:
    found = (part.get(name) for name in _WORDS)
    return next((text.strip() for text in found if isinstance(text, str) and text.strip()), "")


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value, re.ASCII) else None


def _is_code_of_failure(value: object) -> bool:
    """Whether a code is none of those that mean success: 0, 200 to 299, 20000, ``ok`` or the like."""
    code = _number(value)
    if code is not None:
        return code not in (0, 20000) and not 200 <= code <= 299
    return isinstance(value, str) and bool(value.strip()) and not _SUCCEEDED.fullmatch(value)


def _http_code(part: Mapping[str, object]) -> int | None:
    codes = (_number(part.get(name)) for name in _CODES)
    return next((code for code in codes if code is not None and 400 <= code <= 599), None)


def _has_data(own: Mapping[str, object]) -> bool:
    """Whether something that may be data stands beside the envelope."""
    return any(isinstance(value, dict | list) and value and _plain(key) not in _ABOUT for key, value in own.items())


def _holds_any_data(document: Mapping[str, object]) -> bool:
    """The same, where an empty list counts too: it may be the answer."""
    return _has_data(document) or any(value == [] and _plain(key) not in _ABOUT for key, value in document.items())


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _shown(key: str, value: object) -> str:
    if isinstance(value, bool):
        return f"`{key}` is {str(value).lower()}"
    if isinstance(value, int | str) and len(str(value)) <= _LONGEST_SHOWN and _plain(key) not in _WORDS:
        return f"`{key}` is {value}"
    return f"there is `{key}`"
