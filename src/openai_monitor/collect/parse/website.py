"""``parseType: website``: one row about the answer itself, whatever its body is.

``statusCode``, ``responseTime`` (milliseconds) and ``keyword`` (how often the pattern of that name matches in
the body), whatever their case; every other alias is null. An empty body is a fine answer here.
"""

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse
from openai_monitor.collect.parse.body import read_figures
from openai_monitor.definition.model import Http


def compile(http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Read the figures of an answer; raises PatternSyntaxError when ``keyword`` is no pattern."""
    figures_of = read_figures(http, aliases)

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        figures = figures_of(answer)
        return Extracted([tuple(_value(alias, figures, answer) for alias in aliases)])

    return parse


def _value(alias: str, figures: dict[str, object], answer: Answer) -> object:
    return answer.status if alias.lower() == "statuscode" else figures.get(alias)
