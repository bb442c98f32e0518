"""Bodies as XML: parsed without a DTD, entities or a network, bounded in size and depth.

A document type declaration is refused before the parser sees it, and again after, for encodings that hide it.
Elements of a default namespace are found by their plain names and prefixes are part of names, as HertzBeat's
parser, which knows no namespaces, has it: ``line`` finds ``<line xmlns="urn:x">`` and not ``<b:line>``. A
prefix that no element declares is no error.
"""

import re

from lxml import etree

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse.body import failure, is_blank, web_page

MAX_BYTES = 10 * 2**20
"""HertzBeat's limit too."""

MAX_MEMORY = 60 * 10**6
"""Bytes that the nodes may take, by the estimate that ``<`` stands for 120 of them and ``=`` for 300."""

# Groups have no possessive quantifiers, which match wrongly in Python before 3.11.5.
_PROLOG = rb"\s*+(?:<\?(?:[^?]++|\?(?!>))*\?>\s*+|<!--(?:[^-]++|-(?!->))*-->\s*+)*"
_DOCTYPE = re.compile(rb"(?:\xef\xbb\xbf)?" + _PROLOG + rb"<!DOCTYPE(?P<page>\s++html\b)?", re.IGNORECASE)
_LONGEST_PROLOG = 65_536  # a DOCTYPE behind more than that is found when the document is parsed
_CHARSET = re.compile(r"charset\s*=", re.IGNORECASE)
_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}


def parse_xml(answer: Answer) -> etree._Element:
    """The root element; raises CollectionError when the body is no XML or has a DTD."""
    if is_blank(answer):
        raise failure("the answer is empty where XML was expected; check the url")
    body, encoding = _encoded(answer)
    _refuse_oversize(body)
    _refuse_doctype(body)
    root = _parse(body, encoding)
    if root.getroottree().docinfo.internalDTD is not None:
        raise failure("the answer has a DOCTYPE, which is not read for safety; ask for XML without one")
    if b"xmlns" in body:
        _drop_default_namespaces(root)
    return root


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace and prefix, declared or not."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def _encoded(answer: Answer) -> tuple[bytes, str | None]:
    """The body and its encoding, None when the XML declaration has the last word on it."""
    if _CHARSET.search(answer.headers.get("content-type") or ""):
        return answer.text.encode("utf-8", "replace"), "utf-8"
    for start, encoding in _WIDE.items():
        if answer.body.startswith(start):
            return answer.body.decode(encoding, "replace").encode("utf-8", "replace"), "utf-8"
    return answer.body, None


def _refuse_oversize(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise failure(f"the answer has {len(body)} bytes of XML, at most {MAX_BYTES} are read; ask for less")
    if 120 * body.count(b"<") + 300 * body.count(b"=") > MAX_MEMORY:
        raise failure("the answer has hundreds of thousands of tags and attributes, too many; ask for less")


def _refuse_doctype(body: bytes) -> None:
    found = _DOCTYPE.match(body[:_LONGEST_PROLOG])
    if found and found["page"]:
        raise web_page("XML")
    if found:
        raise failure("the answer has a DOCTYPE, which is not read for safety; ask for XML without one")


def _parse(body: bytes, encoding: str | None) -> etree._Element:
    strict = _parser(encoding)
    try:
        return etree.fromstring(body, strict)
    except etree.XMLSyntaxError as error:
        if any(entry.domain_name != "NAMESPACE" for entry in strict.error_log):
            raise failure(f"the answer is no XML: {_first_line(error)}") from None
    root = etree.fromstring(body, _parser(encoding, recover=True))
    if root is None:
        raise failure("the answer is no XML")
    return root


def _parser(encoding: str | None, *, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=recover,
        encoding=encoding,
    )


def _first_line(error: etree.XMLSyntaxError) -> str:
    """The parser's words, which hold line and column, without the name of the source."""
    return " ".join((error.msg or "it can't be parsed").split())[:300]


def _drop_default_namespaces(root: etree._Element) -> None:
    for element in root.iter("{*}*"):
        if element.prefix is None and element.tag.startswith("{"):
            element.tag = element.tag.partition("}")[2]
