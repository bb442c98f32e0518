import pytest

from openai_monitor.cli.language import choose

TEXTS: dict[str, str | None] = {"zh-CN": "中文", "en-US": "English", "pt-BR": "Português", "ja-JP": None}


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, "English"),
        ({"LANG": "C.UTF-8"}, "English"),
        ({"LANG": "zh_CN.UTF-8"}, "中文"),
        ({"LANG": "zh_TW"}, "中文"),
        ({"LANG": "pt_PT@euro"}, "Português"),
        ({"LANG": "ja_JP.UTF-8"}, "English"),
        ({"LANG": "xx"}, "English"),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_GB", "LC_ALL": ""}, "English"),
        ({"LANG": "zh_CN", "LC_ALL": "pt_BR.UTF-8"}, "Português"),
    ],
)
def test_the_language_of_the_locale_or_english(environ: dict[str, str], text: str) -> None:
    assert choose(TEXTS, environ) == text


def test_any_language_is_better_than_none() -> None:
    assert choose({"zh-CN": "中文"}, {}) == "中文"
    assert choose({}, {}) == choose(None, {}) == ""
