"""XML: rows by an XPath, aliases inside a row, and what is refused."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.collect.parse.xml_body import MAX_BYTES
from openai_monitor.collect.parse.xml_path import MAX_ROWS
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError, PathSyntaxError, PatternSyntaxError
from openai_monitor.rows import Code

BILL = (
    '<?xml version="1.0"?><bill currency="EUR"><line id="1"><sku>gpu</sku><cost>12.50</cost><note/></line>'
    '<line id="2"><sku>disk &amp; net</sku><cost> 3 </cost><note> </note></line><total>15.5</total></bill>'
)


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def extract(
    body: str | bytes,
    *aliases: str,
    script: str | None = "//line",
    keyword: str | None = None,
    status: int = 200,
    content_type: str = "application/xml",
) -> Extracted:
    parse = compile_parse(Http(parse_type="xmlPath", parse_script=script, keyword=keyword), aliases, "usage")
    content = body.encode() if isinstance(body, str) else body
    answer = Answer(status, Headers([("Content-Type", content_type)]), content, 12, "http://host/")
    return asyncio.run(finish(parse(answer, no_more)))


def rows(body: str | bytes, *aliases: str, script: str = "//line", **more: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in extract(body, *aliases, script=script, **more).rows]


def message(body: str | bytes, *aliases: str, script: str = "//line") -> str:
    start = time.process_time()
    with pytest.raises(CollectionError) as failed:
        extract(body, *(aliases or ("sku",)), script=script)
    assert time.process_time() - start < 3
    assert failed.value.code is Code.FAIL
    return str(failed.value)


@pytest.mark.parametrize(
    ("script", "ids"),
    [
        ("//line", ["1", "2"]),
        ("/bill/line[2]", ["2"]),
        ("//line[last()]", ["2"]),
        ("//line[@id='1' or sku='disk & net']", ["1", "2"]),
        ("/*/*[*][*][*]", ["1", "2"]),
        (" /bill/line ", ["1", "2"]),
        ("/bill/line/../line/../line/../line/../line", ["1", "2"]),
        ("//nothing", []),
    ],
)
def test_parse_script_selects_the_rows(script: str, ids: list[str]) -> None:
    assert rows(BILL, "@id", script=script) == [(name,) for name in ids]


@pytest.mark.parametrize(
    ("alias", "values"),
    [
        ("sku", ["gpu", "disk & net"]),
        ("sku/text()", ["gpu", "disk & net"]),
        (".//sku", ["gpu", "disk & net"]),
        ("*[2]", ["12.50", " 3 "]),
        ("cost", ["12.50", " 3 "]),
        ("note", [None, None]),
        ("missing", [None, None]),
        ("a.b", [None, None]),
        ("name()", ["line", "line"]),
        ("count(*)", [3, 3]),
        ("sum(//cost)", [15.5, 15.5]),
        ("/bill/@currency", ["EUR", "EUR"]),
        ("../total", ["15.5", "15.5"]),
        ("number(cost) * 2", [25, 6]),
        ("cost > 5", ["true", "false"]),
        ("concat(@id, '-', sku)", ["1-gpu", "2-disk & net"]),
        ("translate(sku, 'gpu', 'GPU')", ["GPU", "disk & net"]),
        ("'x'", ["x", "x"]),
        ("''", [None, None]),
        ("last()", [None, None]),
        ("", [None, None]),
    ],
)
def test_an_alias_is_an_xpath_inside_its_row(alias: str, values: list[Any]) -> None:
    assert rows(BILL, alias) == [(value,) for value in values]


def test_the_first_of_several_nodes_counts_with_all_its_text() -> None:
    body = "<bill><line>head<sku>a<b>c</b>d<!-- no --></sku><sku>x</sku>tail</line></bill>"
    assert rows(body, "sku", ".") == [("acd", "headacdxtail")]


@pytest.mark.parametrize(
    ("script", "alias", "values"),
    [
        ("//line/@id", ".", ["1", "2"]),
        ("//line/@id", "..", ["gpu12.50", "disk & net 3  "]),
        ("//line/@id", "../sku", ["gpu", "disk & net"]),
        ("//sku/text()", "string()", ["gpu", "disk & net"]),
        ("//sku/text()", "../../@id", ["1", "2"]),
        ("//line/@id", "/bill/total", ["15.5", "15.5"]),
        ("//line/@id", "sku", [None, None]),
    ],
)
def test_rows_may_be_attributes_and_texts(script: str, alias: str, values: list[Any]) -> None:
    assert rows(BILL, alias, script=script) == [(value,) for value in values]


def test_a_text_behind_an_element_belongs_to_the_element_around_both() -> None:
    assert rows('<bill id="b"><line id="x"/>tail</bill>', ".", "../@id", script="/bill/text()") == [("tail", "b")]


def test_time_and_keyword_are_known_beside_the_xpaths() -> None:
    assert rows(BILL, "responseTime", "KEYWORD", "@id", keyword="cost") == [(12, 4, "1"), (12, 4, "2")]


def test_without_rows_time_and_keyword_are_a_row_of_their_own() -> None:
    assert rows(BILL, "keyword", "@id", script="//zip", keyword="cost") == [(4, None)]


def test_an_element_called_keyword_comes_before_the_count() -> None:
    body = "<a><line><keyword>mine</keyword></line><line/></a>"
    assert rows(body, "keyword", keyword="line") == [("mine",), (3,)]


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ('<bill xmlns="urn:x"><line id="1"><sku>a</sku></line></bill>', ["1"]),
        ('<b:bill xmlns:b="urn:x"><b:line id="1"/><line id="2"/></b:bill>', ["2"]),
        ('<bill><x:line id="1"/><line id="2" y:z="3"/></bill>', ["2"]),
        ('<bill><line id="1" xmlns="urn:x" xmlns:p="urn:y"><p:line id="2"/></line></bill>', ["1"]),
    ],
    ids=["default", "prefix", "undeclared", "both"],
)
def test_prefixes_are_part_of_names_and_namespaces_are_not(body: str, ids: list[str]) -> None:
    assert rows(body, "@id") == [(name,) for name in ids]


def test_an_xpath_with_a_prefix_selects_nothing_and_local_name_finds_it() -> None:
    body = '<b:bill xmlns:b="urn:x"><b:line id="1"/></b:bill>'
    assert rows(body, "@id", script="//b:line") == []
    assert rows("<b:bill><line/></b:bill>", "@id", script="//none") == []
    assert rows(body, "@id", script="//*[local-name()='line']") == [("1",)]


@pytest.mark.parametrize(
    "body",
    [
        "  <bill><line id='é'/></bill>",
        "<?xml version='1.1'?><bill><line id='é'/></bill>",
        "\ufeff<bill><line id='é'/></bill>",
        "<?xml version='1.0' encoding='iso-8859-1'?><bill><line id='é'/></bill>".encode("iso-8859-1"),
        "<?xml version='1.0' encoding='utf-16'?><bill><line id='é'/></bill>".encode("utf-16"),
        "<bill><line id='é'/></bill>".encode("utf-16-be"),
    ],
    ids=["blanks", "1.1", "mark", "declared", "utf-16", "utf-16-be"],
)
def test_encodings_are_those_of_xml(body: str | bytes) -> None:
    assert rows(body, "@id") == [("é",)]


def test_a_charset_in_the_content_type_wins() -> None:
    body = "<?xml version='1.0' encoding='utf-8'?><bill><line id='é'/></bill>".encode("iso-8859-1")
    assert rows(body, "@id", content_type="text/xml; charset=ISO-8859-1") == [("é",)]


def test_cdata_and_characters_are_text() -> None:
    assert rows("<bill><line><sku><![CDATA[<raw & ready>]]>&#65;</sku></line></bill>", "sku") == [("<raw & ready>A",)]


def test_only_the_first_1000_nodes_are_rows() -> None:
    extracted = extract("<bill>" + "<line>7</line>" * 1203 + "</bill>", ".")
    assert extracted.rows == [("7",)] * MAX_ROWS
    assert extracted.warnings == ["parseScript selects more than 1000 nodes, the rows are the first 1000"]


@pytest.mark.parametrize(
    "script",
    [
        None,
        "",
        "  ",
        "/",
        "//",
        "//* | //@*",
        "//@*|//line",
        "//node() | //line",
        "//NODE() | //line",
        "/descendant-or-self::node()/line",
        "/bill/line/../line/../line/../line/../line/.",
        "/*/*/*/*/*/*",
        "//line[",
        "$.line",
    ],
)
def test_a_script_that_is_no_xpath_for_rows_is_refused_before_a_request(script: str | None) -> None:
    with pytest.raises(PathSyntaxError):
        extract(BILL, "sku", script=script)


def test_so_is_an_alias_or_a_keyword_that_does_not_compile() -> None:
    with pytest.raises(PathSyntaxError):
        extract(BILL, "$.sku")
    with pytest.raises(PatternSyntaxError):
        extract(BILL, "keyword", keyword="[")


def test_a_script_that_gives_a_number_fails() -> None:
    assert "count(//line)" in message(BILL, script="count(//line)")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "empty"),
        ("null", "no XML"),
        ("<bill><line></bill>", "line 1"),
        ("  <?xml version='1.0'?><bill/>", "no XML"),
        ("<bill>&nbsp;</bill>", "'nbsp'"),
        ("<!doctype html><html><body>Bad gateway</body></html>", "HTML page"),
        ("<html><body>Bad gateway</body></html>", "HTML page"),
        ("<a b='1' b='2'/>", "no XML"),
    ],
)
def test_what_is_no_xml_fails_with_the_place(body: str, words: str) -> None:
    assert words in message(body)


def test_well_formed_html_is_read_where_rows_are_found_in_it() -> None:
    assert rows("<html><body>up</body></html>", "body", script="/html") == [("up",)]


def test_no_content_has_no_rows() -> None:
    assert extract("", "sku", status=204) == Extracted([])


_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(10))
_BOMB = f'<!DOCTYPE bill [{_ENTITIES}]><bill><line a="&e9;">&e9;</line></bill>'


@pytest.mark.parametrize(
    "body",
    [
        _BOMB,
        "<?xml version='1.0'?>\n<!-- a - b --><?pi?>" + _BOMB,
        _BOMB.encode("utf-16"),
        _BOMB.encode("utf-16-be"),
        "\ufeff" + _BOMB,
        '<!DOCTYPE b SYSTEM "http://127.0.0.1:1/x.dtd"><bill/>',
        '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/hostname">]><bill>&x;</bill>',
        "<!DOCTYPE bill><bill/>",
    ],
    ids=["bomb", "behind comments", "utf-16", "utf-16-be", "mark", "external", "file", "plain"],
)
def test_a_doctype_is_refused_before_its_entities_are_read(body: str | bytes) -> None:
    assert message(body) == "the answer has a DOCTYPE, which is not read for safety; ask for XML without one"


def test_a_doctype_that_an_encoding_hides_is_refused_too() -> None:
    plain = '<!DOCTYPE bill [<!ENTITY x "y">]><bill>&x;</bill>'
    hidden = "<?xml version='1.0' encoding='UTF-7'?>" + plain.replace("<!", "+ADwAIQ-", 1)
    assert "DOCTYPE" in message(hidden.encode())
    assert message(b"<?xml version='1.0' encoding='UTF-7'?>" + _BOMB.replace("<!", "+ADwAIQ-").encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<line>" * 100_000, "depth"),
        ("<bill>" + "<a/>" * 1_000_000 + "</bill>", "tags and attributes"),
        ("<bill " + " ".join(f'a{n}="1"' for n in range(300_000)) + "/>", "tags and attributes"),
        ("<bill>" + "x" * MAX_BYTES + "</bill>", "bytes of XML"),
        ("<!--" + "-x" * 2_000_000, "no XML"),
    ],
    ids=["deep", "wide", "attributes", "long", "comment"],
)
def test_hostile_documents_are_refused(body: str, words: str) -> None:
    assert words in message(body)


@pytest.mark.parametrize(
    "script",
    [
        "//i[count(//i[count(//i)>0])>0]",
        "//i/following::i",
        '//i[../i="no"]',
        "//i[//i[//i]]",
        "//i[contains(., /r)]",
        "//ancestor::*[.//i]",
    ],
)
def test_an_xpath_that_could_take_minutes_is_refused(script: str) -> None:
    body = "<r>" + "<i>7</i>" * 20_000 + "</r>"
    assert "could take too long" in message(body, script=script)


def test_an_alias_that_searches_all_for_each_row_is_refused() -> None:
    body = "<r>" + "<i>7</i>" * 20_000 + "</r>"
    assert "could take too long" in message(body, "preceding::i", script="/r/i")


def test_plain_paths_are_fine_on_large_documents() -> None:
    body = "<r>" + "<i n='1'><v>7</v></i>" * 50_000 + "</r>"
    assert rows(body, "v", "@n", "sum(/r/i/v)", script="//i[v='7']")[0] == ("7", "1", 350_000)


@given(st.text(alphabet="<>/a b=\"'&;![]-?x:", max_size=40))
def test_only_a_collection_error_escapes(body: str) -> None:
    with contextlib.suppress(CollectionError):
        extract(body, "a", "@b", script="//a")
