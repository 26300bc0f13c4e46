"""The Markdown pages of the repository: fenced blocks by sybil; code in the text, links and headings by markdown-it."""

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
Evaluator = Callable[[Example], str | None]
"""Does what a block says. Returns, or raises, what is not as the page has it."""


class Span(NamedTuple):
    """Code or the target of a link within the text of a page."""

    place: str
    text: str


def blocks_of(text: str, page: str, evaluator: Evaluator | None = None) -> list[Example]:
    """Fenced blocks of a text, in order.

    The lexeme `language` is the word behind the fence, `remarks` are the words after it. Blocks share a namespace.
    """
    document = Document(text, page)
    for region in FencedCodeBlockLexer(".*")(document):
        language, *remarks = region.lexemes["language"].split() or [""]
        lexemes = {"language": language, "remarks": remarks}
        document.add(Region(region.start, region.end, region.lexemes["source"], evaluator, lexemes))
    return list(document.examples())


def blocks(*languages: str, page: str = "", evaluator: Evaluator | None = None) -> list[Example]:
    """Fenced blocks of a page or of all, in these languages or in any."""
    pages = [page] if page else PAGES
    found = [block for page in pages for block in blocks_of((ROOT / page).read_text("utf-8"), page, evaluator)]
    return [block for block in found if not languages or block.region.lexemes["language"] in languages]


def write_files(page: str, folder: Path) -> None:
    """Writes what ```python PATH``` blocks of a page hold to their paths below a folder."""
    for block in blocks("python", page=page):
        for path in block.region.lexemes["remarks"]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(block.parsed, encoding="utf-8")


def place(block: Example) -> str:
    """Page and line of the fence."""
    return f"{block.path}:{block.line}"


def code_spans(page: str = "") -> list[Span]:
    """Code in the text of a page or of all: what stands between backticks."""
    inline = itertools.chain.from_iterable(map(_inline, [page] if page else PAGES))
    return [Span(where, part.content) for where, part in inline if part.type == "code_inline"]


def links(page: str) -> list[Span]:
    """Targets of the links and images of a page."""
    inline = [(where, part.attrs) for where, part in _inline(page) if part.type in ("link_open", "image")]
    return [Span(where, str(attributes.get("href") or attributes.get("src"))) for where, attributes in inline]


@functools.cache
def anchors(page: str) -> frozenset[str]:
    """Anchors of a page's headings.

    GitHub's rule: lower case, without what is neither letter, digit, underscore, hyphen nor space, a hyphen for each
    space; a second heading with the same text gets `-1`.
    """
    tokens, found = _tokens(page), set()
    for opening, content in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(child.content for child in content.children or () if child.type in ("text", "code_inline"))
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        repeated = sum(known == anchor or re.fullmatch(rf"{anchor}-\d+", known) is not None for known in found)
        found.add(f"{anchor}-{repeated}" if repeated else anchor)
    return frozenset(found)


@functools.cache
def _tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))


def _inline(page: str) -> Iterator[tuple[str, Token]]:
    """Place of the paragraph or row of a table, and each part of its text."""
    line = 0
    for token in _tokens(page):
        line = token.map[0] + 1 if token.map is not None else line
        yield from ((f"{page}:{line}", child) for child in token.children or ())
