"""What the parse types for text ask of a body before they read it, and what else they share."""

import re
from collections.abc import Callable

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases
from openai_monitor.definition.model import Http
from openai_monitor.definition.pattern import compile_pattern
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

FIGURES = frozenset({"responsetime", "keyword"})

_WEB_PAGE = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)


def failure(message: str) -> CollectionError:
    """The error of an answer that can't be read."""
    return CollectionError(Code.FAIL, message)


def is_blank(answer: Answer) -> bool:
    """Whether the body holds blanks at most."""
    return not answer.body or answer.body.isspace()


def is_web_page(text: str) -> bool:
    """Whether a text begins as an HTML page does."""
    return _WEB_PAGE.match(text) is not None


def data_text(answer: Answer, expected: str) -> str:
    """The body as text; raises CollectionError when it is empty or a web page, not ``expected``."""
    if is_blank(answer):
        raise failure(f"the answer is empty where {expected} was expected; check the url")
    text = answer.text
    if is_web_page(text):
        raise web_page(expected)
    return text


def web_page(expected: str) -> CollectionError:
    """The error of an answer that is HTML and should not be."""
    return failure(
        f"the answer is an HTML page where {expected} was expected; "
        "check host and url, and whether a login page or a proxy stands in between"
    )


def read_figures(http: Http, aliases: Aliases) -> Callable[[Answer], dict[str, object]]:
    """The function from an answer to the figures that aliases ask for.

    ``responseTime`` is milliseconds, ``keyword`` counts the matches of the pattern of that name in the body,
    0 without one; both whatever their case. What the data itself calls so comes first, as with JSON.
    Raises PatternSyntaxError.
    """
    wanted = [(alias, alias.lower()) for alias in aliases if alias.lower() in FIGURES]
    keyword = http.keyword or ""
    counted = keyword.strip() and any(figure == "keyword" for _, figure in wanted)
    pattern = compile_pattern(keyword) if counted else None

    def read(answer: Answer) -> dict[str, object]:
        matches = pattern.count(answer.text) if pattern and answer.body else 0
        values = {"responsetime": answer.elapsed_ms, "keyword": matches}
        return {alias: values[figure] for alias, figure in wanted}

    return read
