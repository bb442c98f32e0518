"""Asking an API without a key: what is sent, and whether what comes back is the API speaking."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from openai_monitor.collect.answer import Answer, moment_of
from openai_monitor.collect.parameters import Given, resolve_parameters, zone_of
from openai_monitor.collect.plan import asking_names, authorizing_names
from openai_monitor.collect.request import KEY_HEADERS, Request, build_request
from openai_monitor.collect.verdict import check_status, listed_codes, server_message
from openai_monitor.definition.definition import Definition
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.definition.placeholder import Parameter, row_fields, substitute_parameters
from openai_monitor.errors import CollectionError, ParameterError
from openai_monitor.reached import Step
from openai_monitor.rows import Code

_COMPLAINS = (400, 403, 405, 422)
"""What an API may say to a bare GET: it is there, and it is itself."""

_READS_PAGES = ("website", "sitemap", "xmlPath")

WRONG = timedelta(seconds=60)
"""A clock is wrong beyond this; certificates, the day of a cost and the age of a value depend on it."""


def keyless_request(
    definition: Definition, values: Given, now: datetime, secret: Collection[str] = ()
) -> tuple[Request, Http]:
    """Build a GET of the first address that needs no earlier answer, with nothing secret in it.

    No value have: parameters that are passwords, stand in an authorization or become headers, and those that ``secret``
    names. Raises ParameterError when the definition has no such address, CollectionError for one that is none.
    """
    metric_set = next((each for each in definition.sets if each.http and not row_fields(each)), None)
    if metric_set is None:
        raise ParameterError(f"{definition.app} has no address that could be asked, so there is nothing to check")
    bare = _bare(metric_set, definition, values, secret)
    zone = zone_of(resolve_parameters(definition.params, values))
    request = build_request(bare, now=now.astimezone(zone), sensitive=False)
    headers = tuple(header for header in request.headers if header[0].lower() not in KEY_HEADERS)
    return replace(request, method="GET", body=None, headers=headers, sensitive=False), bare.http or Http()


def _bare(metric_set: MetricSet, definition: Definition, values: Given, secret: Collection[str]) -> MetricSet:
    hidden = {name for each in definition.sets for name in authorizing_names(each) | asking_names(each)}.union(secret)
    hidden |= {spec.field or "" for spec in definition.params if spec.type in ("password", "key-value")}
    given = resolve_parameters(definition.params, values)
    unset = {spec.field or "": Parameter(None, spec.type or "text") for spec in definition.params}
    public = {name: parameter for name, parameter in given.items() if name not in hidden}
    http = replace(metric_set.http or Http(), authorization=None)
    return substitute_parameters(replace(metric_set, http=http), {**unset, **public})


def judge(answer: Answer, request: Request, http: Http, now: datetime) -> str:
    """Say what the answer to a keyless request means; raises CollectionError when it is not the API that speaks."""
    status, location = answer.status, answer.headers.get("location")
    if 300 <= status < 400 and location is not None:
        return _redirect(answer, location, request)
    if status != 401 and _is_page(answer) and http.parse_type not in _READS_PAGES:
        advice = _TURNED_AWAY if status == 403 else _OTHER_PAGE
        raise _fail(status, f"HTTP {status} with an HTML page, so it is not the API that speaks: {advice}")
    if status == 403 and _OTHER_COUNTRY in answer.text:
        raise _fail(status, f"HTTP 403: {_OTHER_COUNTRY_ADVICE}")
    if status == 401:
        return "HTTP 401 without a key, as it should be"
    if status in _COMPLAINS:
        return f"HTTP {status} without a key: the API is there{_said(answer)}"
    check_status(answer, listed_codes(http), now)
    return f"HTTP {status} without a key"


_OTHER_PAGE = "check host and url, and whether a login page or a proxy stands in between"
_TURNED_AWAY = "something turns this machine away, such as a firewall or the API's own guard; try from another network"


_OTHER_COUNTRY = "unsupported_country_region_territory"
"""What OpenAI says to everyone from there, with a key or without."""

_OTHER_COUNTRY_ADVICE = (
    "the API does not serve the country or region that this machine seems to be in: "
    "check where the way out leads (proxy, VPN, cloud region)"
)


def _redirect(answer: Answer, location: str, request: Request) -> str:
    try:
        place = urlsplit(urljoin(answer.url, location))
        port = place.port or (443 if place.scheme == "https" else 80)
    except ValueError:
        place = None
    if place is None:
        raise _fail(answer.status, f"HTTP {answer.status} points to an address that can't be read: {_OTHER_PAGE}")
    there = f"{place.scheme}://{place.netloc.rpartition('@')[2]}"
    if (place.scheme, place.hostname, port) == request.origin:
        return f"HTTP {answer.status}, on to {place.path} there"
    advice = "set ssl to true, and the port" if place.scheme == "https" != request.scheme else "give that host"
    raise _fail(
        answer.status,
        f"HTTP {answer.status} points to {there}, where no key goes along: {advice} if it is the right one, "
        "or look for a login page in between",
    )


def _is_page(answer: Answer) -> bool:
    kind = (answer.headers.get("content-type") or "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or answer.text.lstrip()[:14].lower().startswith(
        ("<!doctype html", "<html")
    )


def _said(answer: Answer) -> str:
    """Quote the server: its complaint may be about this machine and not about the key."""
    said = server_message(answer)
    return f"; the server said: {said}" if said else ""


def _fail(status: int, message: str) -> CollectionError:
    return CollectionError(Code.FAIL, message, status=status)


def clock_step(answer: Answer, sent: datetime, received: datetime) -> Step:
    """Compare this machine's clock with the Date of an answer, which is whole seconds."""
    told = _date(answer)
    if told is None:
        return Step("clock", ok=True, seconds=None, message="not known, since the answer has no Date")
    behind = told + timedelta(seconds=0.5) - (sent + (received - sent) / 2)
    facts = {"skew_s": round(-behind.total_seconds(), 1)}
    if abs(behind) <= WRONG:
        return Step("clock", ok=True, seconds=None, message=_difference(behind), facts=facts)
    advice = (
        "days begin and certificates end at the wrong moment; set this machine's clock, best by NTP "
        "(if it is right, the server's is not)"
    )
    return Step("clock", ok=False, seconds=None, message=f"{_difference(behind)}: {advice}", facts=facts)


def _date(answer: Answer) -> datetime | None:
    moment = moment_of(answer.headers.get("date") or "")
    age = answer.headers.get("age") or ""  # a cache in between tells for how long it has kept the answer
    try:
        return moment and moment + timedelta(seconds=int(age) if age.isdecimal() else 0)
    except (ValueError, OverflowError):
        return None


def _difference(behind: timedelta) -> str:
    seconds = abs(behind.total_seconds())
    if seconds < 2:
        return "as the server's"
    amount = next(
        f"{seconds / size:.0f} {unit}"
        for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "s"))
        if seconds >= 2 * size
    )
    return f"{amount} {'behind' if behind > timedelta() else 'ahead of'} the server's"
