"""``check --format json``: what was found as one object.

This shape is kept stable::

    {"app": str, "url": str, "proxy": "host:port" or null, "proxy_from": str or null,
     "time": "2026-11-22T19:50:00.000Z", "ok": bool,
     "steps": [{"step": "name" | "connect" | "proxy" | "tls" | "answer" | "clock", "ok": bool, "ms": number or null,
                "message": str,
                "addresses": [str],                                          (name)
                "address": str,                                              (connect)
                "version", "subject", "issuer", "expires": str, "days_left": int,  (tls)
                "status": int,                                               (answer)
                "skew_s": number}],                                          (clock; above 0: ahead of the server's)
     "wants_key": bool,
     "sets": [{"name": str, "ok": bool, "code": str or null, "status": int or null, "message": str,
               "rows": int, "ms": number or null}] or null}

A fact is there when it is known. ``wants_key``: a key is needed and was not given. ``sets`` is null when no key was
tried; a set that was not asked has the code null. No cell of a row is shown.
"""

from openai_monitor.outputs import utc
from openai_monitor.outputs.json_text import encode
from openai_monitor.reached import Reached, SetRead, Step


def render(reached: Reached) -> str:
    """Write the object, a step and a set on a line."""
    head = {
        "app": reached.app,
        "url": reached.url,
        "proxy": reached.proxy,
        "proxy_from": reached.proxy_from,
        "time": utc(reached.time),
        "ok": reached.ok,
    }
    lines = [f"  {encode(key)}: {encode(value)}" for key, value in head.items()]
    lines.append(f'  "steps": {_array([_step(step) for step in reached.steps])}')
    lines.append(f'  "wants_key": {encode(reached.wants_key)}')
    lines.append(f'  "sets": {"null" if reached.sets is None else _array([_set(each) for each in reached.sets])}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _array(items: list[dict[str, object]]) -> str:
    return "[\n    " + ",\n    ".join(map(encode, items)) + "\n  ]" if items else "[]"


def _step(step: Step) -> dict[str, object]:
    return {"step": step.name, "ok": step.ok, "ms": _milliseconds(step.seconds), "message": step.message, **step.facts}


def _set(each: SetRead) -> dict[str, object]:
    return {
        "name": each.name,
        "ok": each.ok,
        "code": each.code,
        "status": each.status,
        "message": each.message,
        "rows": each.rows,
        "ms": _milliseconds(each.seconds),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
