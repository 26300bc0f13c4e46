"""MediaWiki's XML dumps, of any version of their schema: an article is a row."""

import codecs
import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from xml.parsers import expat

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.markup.wiki_markup import strip_wiki
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.lines import LONE_SURROGATES, excerpt
from ulmfit_tfx.transforms.records.record import Refusal, Row

NOT_AN_ARTICLE = "not an article"
REDIRECT = "redirect"
NOT_WIKITEXT = "not wikitext"
EMPTY_ARTICLE = "empty article"

_CHUNK = 1 << 16
_LONGEST_DECLARATION = 1000
_DEEPEST = 32
_LONGEST_NAME = 1000
"""In bytes. MediaWiki's own bound for titles is 255."""
_LONGEST_TAG = 1 << 20
"""In bytes. A dump's are some hundred; the XML parser's time is in the square of it."""

_DECLARED_ENCODING = re.compile(rb"""\s*<\?xml[^<>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE = "\ufdd1"
"""Begins the escapes of what is not in XML. No character: Unicode reserves it for such uses."""

# What old versions do not say otherwise. Each wiki has the word in its own language.
_REDIRECT_TEXT = re.compile(r"\s*#[^\W\d_]+\s*:?\s*\[\[")
_ENGLISH_NAMESPACES = {"talk": "1", "user": "2", "wikipedia": "4", "file": "6", "image": "6", "mediawiki": "8"}
_ENGLISH_NAMESPACES |= {"template": "10", "help": "12", "category": "14", "portal": "100"}
_ARTICLES = "0"
_WITH_HIDDEN_LINKS = ("6", "14")
"""Numbers of the namespaces of files and categories."""


def parse(stream: BinaryIO, source: str, config: SourceConfig) -> Iterator[Row | Refusal | Drop]:
    """Parses a dump, page by page.

    The page

        <page><title>Ada</title><ns>0</ns><revision><text>'''Ada''' was a [[poet]]'s daughter.</text></revision></page>

    gives `Row("Ada was a poet's daughter.")`. The text is that of the last revision, without markup as of `strip_wiki`.
    The title is no part of it: it is no sentence, and articles begin with it as it is used in one.

    The file's encoding is what its XML declaration or byte order mark says, or else `config.encoding`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Encoding and bounds. Memory stays within some multiple of `max_row_bytes`.

    Yields:
        One a page, in the file's order: a `Row`; a `Drop` of pages in other namespaces, redirects, pages with other
        content than wikitext, and articles without any text; or a `Refusal` of an article of more than
        `max_row_bytes`, or with undecodable bytes or control characters. Its line is that of `<page>`.

    Raises:
        DataError: The file is not a whole dump in well-formed XML. It names the line and column.
        UnicodeError: An encoding with shift states cannot be decoded.
    """
    chunk = b""
    while len(chunk) < _LONGEST_DECLARATION and (more := stream.read(_CHUNK)):
        chunk += more
    encoding = _encoding(chunk, source, config)
    reader = _DumpReader(source, config.max_row_bytes)
    decoder = codecs.getincrementaldecoder(encoding)(errors=LONE_SURROGATES)
    while chunk:
        for page in reader.pages(_as_xml(decoder.decode(chunk))):
            yield _record(page, reader.namespaces, source, config, encoding)
        chunk = stream.read(_CHUNK)
    for page in reader.pages(_as_xml(decoder.decode(b"", final=True)), is_last=True):
        yield _record(page, reader.namespaces, source, config, encoding)


def _encoding(head: bytes, source: str, config: SourceConfig) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    declared = _DECLARED_ENCODING.match(head)
    if declared is None:
        return config.encoding
    name = declared[1].decode().lower()
    try:
        " ".encode(name)  # unlike codecs.lookup, refuses codecs that are no text encodings, such as hex
    except LookupError:
        raise DataError(f"{source}:1: the declared encoding '{name}' is none that Python knows.") from None
    return name


def _as_xml(text: str) -> str:
    """Escapes undecodable bytes, and characters that XML does not allow, so that only their page is lost."""
    return _NOT_IN_XML.sub(lambda character: f"{_ESCAPE}u{ord(character[0]):04x}", text)


def _record(
    page: "_Page", namespaces: Mapping[str, str], source: str, config: SourceConfig, encoding: str
) -> Row | Refusal | Drop:
    if not _is_article(page, namespaces):
        return Drop(NOT_AN_ARTICLE)
    if page.is_redirect:
        return Drop(REDIRECT)
    if page.model not in (None, "wikitext"):
        return Drop(NOT_WIKITEXT)
    if page.text is None:
        return Refusal.too_long(source, page.line, config.max_row_bytes)
    if _REDIRECT_TEXT.match(page.text):
        return Drop(REDIRECT)
    if _ESCAPE in page.text:
        row = page.text.replace(_ESCAPE, "\\")
        return Refusal(source, page.line, f"not {encoding}", "undecodable bytes or control characters", row)
    text = strip_wiki(page.text, {name for name, number in namespaces.items() if number in _WITH_HIDDEN_LINKS})
    return Row(text, line=page.line) if text else Drop(EMPTY_ARTICLE)


def _is_article(page: "_Page", namespaces: Mapping[str, str]) -> bool:
    if page.namespace is not None:
        return page.namespace == _ARTICLES
    name, colon, _ = page.title.partition(":")
    names = namespaces or _ENGLISH_NAMESPACES
    return not colon or names.get(name.lower().removesuffix(" talk"), _ARTICLES) == _ARTICLES


@dataclasses.dataclass
class _Page:
    """One page.

    Attributes:
        line: Where it begins.
        title: With the name of the namespace.
        namespace: Its number; None before version 0.6.
        is_redirect: Whether it is said to be one.
        model: What its text is; None before version 0.6.
        text: That of the last revision so far, None if it is too long.
    """

    line: int
    title: str = ""
    namespace: str | None = None
    is_redirect: bool = False
    model: str | None = None
    text: str | None = ""


class _DumpReader:
    """Reads a dump in pieces of any size.

    Attributes:
        namespaces: Number of each namespace that the dump names, by its name in lower case.
    """

    def __init__(self, source: str, limit: int):
        self.namespaces: dict[str, str] = {}
        self._source = source
        self._limit = limit
        self._path: list[str] = []
        self._page = _Page(0)
        self._pages: list[_Page] = []
        self._namespace_key = ""
        self._field: list[str] = []
        self._room = 0
        self._bytes_read = 0
        # What is read is encoded again, whatever the declaration says.
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse_document_type

    def pages(self, chunk: str, is_last: bool = False) -> list[_Page]:
        """The pages that end within the next piece of a dump."""
        data = chunk.encode()
        self._bytes_read += len(data)
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError as error:
            hint = " Is the file complete?" if is_last else " Is the format right?"
            raise self._error(
                f"malformed XML in column {error.offset + 1}: {expat.ErrorString(error.code)}.{hint}", error.lineno
            ) from None
        if self._bytes_read - self._parser.CurrentByteIndex > _LONGEST_TAG:
            raise self._error(f"a tag or comment has more than {_LONGEST_TAG} bytes.")
        pages, self._pages = self._pages, []
        return pages

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if not self._path and name != "mediawiki":
            raise self._error(f"the first element is <{excerpt(name)}>, expected <mediawiki>. Is the format right?")
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise self._error(f"there are more than {_DEEPEST} elements within each other.")
        match self._path[1:]:
            case ["page"]:
                self._page = _Page(self._parser.CurrentLineNumber)
            case ["page", "redirect"]:
                self._page.is_redirect = True
            case ["page", "revision", "text"]:
                self._collect(self._limit)
            case ["page", "title" | "ns"] | ["page", "revision", "model"]:
                self._collect(_LONGEST_NAME)
            case ["siteinfo", "namespaces", "namespace"]:
                self._namespace_key = attributes.get("key", "")
                self._collect(_LONGEST_NAME)

    def _end(self, tag: str) -> None:
        path = self._path[1:]
        self._path.pop()
        match path:
            case ["page"]:
                self._pages.append(self._page)
            case ["page", "revision", "text"]:
                self._page.text = self._collected()
            case ["page", "revision", "model"]:
                self._page.model = self._collected()
            case ["page", "title"]:
                self._page.title = self._collected() or ""
            case ["page", "ns"]:
                self._page.namespace = (self._collected() or "").strip()
            case ["siteinfo", "namespaces", "namespace"]:
                self.namespaces[(self._collected() or "").lower()] = self._namespace_key

    def _collect(self, limit: int) -> None:
        self._field, self._room = [], limit
        self._parser.CharacterDataHandler = self._text

    def _text(self, text: str) -> None:
        # To take the handler away in here would call it again.
        self._room -= len(text.encode())
        if self._room >= 0:
            self._field.append(text)

    def _collected(self) -> str | None:
        """Text since `_collect`, or None if it was longer."""
        self._parser.CharacterDataHandler = None
        return None if self._room < 0 else "".join(self._field)

    def _refuse_document_type(self, *declaration: object) -> None:
        # Its entities could expand without bound.
        raise self._error("there is a document type declaration, which a dump has none of.")

    def _error(self, message: str, line: int | None = None) -> DataError:
        return DataError(f"{self._source}:{line or self._parser.CurrentLineNumber}: {message}")
