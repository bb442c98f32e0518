"""``default``: a row for the object at the root, or for each object of the list there; aliases are its keys."""

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse
from openai_monitor.collect.parse.json_body import has_no_content, read_json
from openai_monitor.collect.parse.json_rows import RowReader
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import kind


def compile(http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Compile the reader of a set's answers; raises PatternSyntaxError for a keyword that does not compile."""
    reader = RowReader(http, aliases, paths=False)

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        document = read_json(answer)
        items = document if isinstance(document, list) else [document]
        objects = [item for item in items if isinstance(item, dict)]
        return Extracted(reader.read(objects, answer), _why_no_rows(document, objects))

    return parse


def _why_no_rows(document: object, objects: list[dict[str, object]]) -> list[str]:
    if objects or document == []:
        return []
    if isinstance(document, list):
        return ["no rows: the answer is a list without any object; parseType jsonPath selects other rows"]
    return [f"no rows: the answer is {kind(document)}, not an object or a list of objects"]
