"""The monitors file as a JSON Schema (2020-12), for editors that complete, explain and underline."""

from typing import Any

from pydantic import create_model

from openai_monitor.definition.schema import DIALECT
from openai_monitor.service.config import MonitorsFile, Section
from openai_monitor.service.sections import section_models

Schema = dict[str, Any]


def monitors_schema() -> Schema:
    """The schema of a monitors file, as an object that ``json.dumps`` takes."""
    models = section_models()
    kinds: dict[str, Any] = {name: (model | None, None) for name, model in models.outputs.items()}
    outputs = create_model("Outputs", __base__=Section, __doc__="Where the rows go, by kind.", **kinds)
    own: dict[str, Any] = {
        "outputs": (outputs | None, None),
        "history": (models.history | None, None),
        "web": (models.web | None, None),
        "hertzbeat": (models.hertzbeat | None, None),
    }
    whole = create_model("MonitorsFile", __base__=MonitorsFile, __doc__=MonitorsFile.__doc__, **own)
    schema = whole.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        part.pop("title", None)
        for value in part.get("properties", {}).values():
            value.pop("title", None)
    return {"$schema": DIALECT, "title": "Monitors file of openai-monitor", **schema}
