"""Where a request goes: scheme, host, port and the target on the request line.

HertzBeat joins the pieces to one address and lets Java's URI and Apache's HttpClient read it. The rules that
follow from that are written down here one by one; the codes of the failures are those that it reports.
"""

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote, unquote_to_bytes

from openai_monitor.definition.model import Http
from openai_monitor.definition.placeholder import parameter_names
from openai_monitor.definition.timeexpr import expand_times
from openai_monitor.errors import CollectionError, EvaluationError
from openai_monitor.rows import Code

_SCHEME_HOST = re.compile(r"(https?)://(\S*)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LARGEST_INT = 2**31 - 1

_SEGMENT_SAFE = "!$&'()*+,;=:@"
_PATH_SAFE = _SEGMENT_SAFE + "/"
_QUERY_SAFE = _PATH_SAFE + "?"
_PIECE_SAFE = "!$'()*+,;:@/?"
_ANY_ASCII = "".join(map(chr, range(33, 127)))

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BAD_ANYWHERE = re.compile(r"[\x00-\x20\"<>\\^`{|}\x7f-\x9f\ud800-\udfff]|\s")
_BAD_IN_PATH = re.compile(_BAD_ANYWHERE.pattern + r"|[\[\]]")


def is_true(text: str | None, default: str = "false") -> bool:
    """Whether a text means yes: ``true`` in any case, nothing else."""
    return (default if text is None else text).lower() == "true"


def has_text(text: str | None) -> bool:
    """Whether there is anything but blanks in a text."""
    return text is not None and text.strip() != ""


def endpoint_of(http: Http) -> tuple[str, str, int]:
    """Return scheme, host (an IPv6 address without brackets) and port.

    A scheme written before the host beats ``ssl``; an empty port is the scheme's own. Raises CollectionError.
    """
    scheme, host = "https" if is_true(http.ssl) else "http", http.host
    check_filled(host, "http.host")
    check_filled(http.port, "http.port")
    if host is None:
        raise CollectionError(Code.UN_REACHABLE, "there is no host to ask: give the parameter that http.host takes")
    if found := _SCHEME_HOST.fullmatch(host):
        scheme, host = found[1].lower(), found[2]
    return scheme, _host(host), _port(http.port, scheme)


def target_of(http: Http, now: datetime) -> str:
    """Return path and query as they stand on the request line: printable ASCII without blanks.

    ``now`` is what time expressions in the values of ``params`` are reckoned from. Raises CollectionError
    (FAIL) for characters that no address may hold, which can only be when ``enableUrlEncoding`` is off.
    """
    encoding = is_true(http.enable_url_encoding, default="true")
    text = _url(http.url, encoding=encoding)
    pieces = "&".join(_query_pieces(http.params or {}, now, encoding=encoding))
    if pieces:
        text += ("&" if "?" in text else "?") + pieces
    if not encoding:
        text = _checked(text)
    path, mark, query = text.partition("?")
    return _normal_path(path) + mark + quote(query, safe=_ANY_ASCII)


def check_filled(text: str | None, needed_by: str) -> None:
    """Raise CollectionError (FAIL) when a parameter's placeholder still stands in the text."""
    missing = parameter_names(text or "")
    if missing:
        raise CollectionError(Code.FAIL, f"parameter {missing[0]} has no value and {needed_by} needs it: give it one")


def timed(text: str, now: datetime) -> str:
    """Return the text with its time expressions replaced; where one has no value, CollectionError (FAIL)."""
    try:
        return expand_times(text, now)
    except EvaluationError as error:
        raise CollectionError(Code.FAIL, str(error)) from None


# Host and port


def _host(host: str) -> str:
    if _BAD_ANYWHERE.search(host):
        raise CollectionError(Code.FAIL, "the host holds a blank or a character that no host name has: check http.host")
    if "[" in host or "]" in host:
        return _bracketed(host)
    if "@" in host:
        raise _no_host("the host holds an @", "put user name and password under http.authorization")
    if "." not in host and _is_ipv6(host):
        return host
    if not host or re.search(r"[:/?#%]", host):
        raise _no_host(
            f"{_shown(host)} is no host name",
            "give a name or an address, with at most http:// or https:// before it; port and path have their own keys",
        )
    return _name(host)


def _bracketed(host: str) -> str:
    address = host.removeprefix("[").removesuffix("]")
    if host != f"[{address}]" or not _is_ipv6(address):
        raise CollectionError(Code.FAIL, f"{_shown(host)} is no IPv6 address in brackets: check http.host")
    return address


def _is_ipv6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True


def _name(host: str) -> str:
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _no_host(f"{_shown(host)} is no host name", "check http.host") from None
    if not all(1 <= len(label) <= 63 for label in name.removesuffix(".").split(".")):
        raise CollectionError(Code.UN_REACHABLE, f"there can be no host {_shown(host)}: check http.host")
    return name


def _port(port: str | None, scheme: str) -> int:
    if port == "":
        return _DEFAULT_PORTS[scheme]
    if port is not None and _BAD_IN_PATH.search(port):
        raise CollectionError(Code.FAIL, "the port holds a character that is no digit: check http.port")
    number = int(port) if port is not None and re.fullmatch(r"[0-9]{1,12}", port) else 0
    if not 0 < number <= _LARGEST_INT:
        found = "nothing" if port is None else _shown(port)
        raise _no_host(f"the port is {found}", "expected a number from 1 to 65535: check http.port")
    if number > 65535:
        raise CollectionError(Code.FAIL, f"port {number} is out of range: expected 1 to 65535")
    return number


def _no_host(found: str, advice: str) -> CollectionError:
    return CollectionError(Code.UN_CONNECTABLE, f"{found}: {advice}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


# Path and query


def _url(url: str | None, *, encoding: bool) -> str:
    """Return the url with a slash before it, as written or percent-encoded (an escape in it then twice)."""
    text = url or ""
    if not text.startswith("/"):
        text = "/" + text.strip()
    if not encoding:
        return text
    path, mark, query = text.partition("?")
    return _quoted(path, _PATH_SAFE) + mark + _quoted(query, _QUERY_SAFE)


def _query_pieces(params: Mapping[str, str | None], now: datetime, *, encoding: bool) -> Iterator[str]:
    """Return ``key=value`` for each entry of ``params``, the bare key where the value is blank."""
    for key, value in params.items():
        if value is None or not has_text(key):
            continue
        pieces: Iterable[str] = (key, timed(value, now)) if has_text(value) else (key,)
        yield "=".join(_quoted(piece, _PIECE_SAFE) if encoding else piece for piece in pieces)


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="replace")


def _checked(text: str) -> str:
    """Return an address as its author encoded it, without its fragment."""
    _check_characters(text)
    return text.partition("#")[0]


def _check_characters(text: str) -> None:
    for part, first, last, bad in _parts(text):
        found = bad.search(text, first, last) or _BAD_ESCAPE.search(text, first, last)
        if found:
            raise CollectionError(
                Code.FAIL,
                f"the {part} of the url holds {_named(found[0])} at character {found.start() + 1}: "
                "percent-encode it, or set enableUrlEncoding to true",
            )


def _parts(text: str) -> Iterator[tuple[str, int, int, re.Pattern[str]]]:
    path_end = min(position for position in (text.find("?"), text.find("#"), len(text)) if position >= 0)
    yield "path", 0, path_end, _BAD_IN_PATH
    yield "query", path_end, len(text), _BAD_ANYWHERE


def _named(character: str) -> str:
    if character == "%":
        return "a % without two hexadecimal digits after it"
    if character == " ":
        return "a blank"
    return character if "!" <= character <= "~" else "a character that can't be shown"


def _normal_path(path: str) -> str:
    """Return the path without empty segments but the last, each escape written in the one usual way."""
    *before, last = path.split("/")[1:]
    segments = [segment for segment in before if segment] + [last]
    return "/" + "/".join(quote(unquote_to_bytes(segment), safe=_SEGMENT_SAFE) for segment in segments)
