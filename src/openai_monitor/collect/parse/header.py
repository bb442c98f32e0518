"""``parseType: header``: one row, each alias the name of a response header.

The first of several headers of a name counts, names compare without regard to case, and a header that is
missing is null. Values stay as they were sent; HertzBeat turns ``1`` into ``1.0`` even for text fields.
"""

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse
from openai_monitor.definition.model import Http


def compile(_http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Read the headers named by the aliases."""

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        return Extracted([tuple(map(answer.headers.get, aliases))])

    return parse
