"""Which of a definition's languages a person reads."""

import os
from collections.abc import Mapping

FALLBACK = "en-US"


def choose(texts: Mapping[str, str | None] | None, environ: Mapping[str, str] = os.environ) -> str:
    """Choose the text in the locale's language, else in English, else in any; empty when there is none."""
    filled = {tag: text for tag, text in (texts or {}).items() if text}
    for wanted in (_locale(environ), FALLBACK):
        if wanted in filled:
            return filled[wanted]
        language = wanted.partition("-")[0]
        if near := next((tag for tag in filled if tag.partition("-")[0] == language), None):
            return filled[near]
    return next(iter(filled.values()), "")


def _locale(environ: Mapping[str, str]) -> str:
    """``zh_CN.UTF-8`` as definitions write it: ``zh-CN``."""
    named = next((environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(key)), "")
    tag = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return FALLBACK if tag in ("", "C", "POSIX") else tag
