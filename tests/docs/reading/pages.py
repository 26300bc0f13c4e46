"""The Markdown pages of the repository, read by markdown-it: fenced blocks, code in the text, links, headings."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)

_NOT_IN_AN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line of its first line of text, its language, the words after that, its text."""

    page: str
    line: int
    language: str
    remarks: tuple[str, ...]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Span:
    """Code or the target of a link within the text of a page."""

    page: str
    line: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Fenced blocks of all pages in these languages; of any language if none is given."""
    found = [block for page in PAGES for block in _blocks(page)]
    return [block for block in found if not languages or block.language in languages]


def code_spans() -> list[Span]:
    """Code in the text of all pages: what stands between backticks."""
    return [
        Span(page, line, child.content)
        for page in PAGES
        for line, child in _inline(page)
        if child.type == "code_inline"
    ]


def links() -> list[Span]:
    """Targets of the links and images of all pages."""
    return [
        Span(page, line, str(child.attrs.get("href") or child.attrs.get("src")))
        for page in PAGES
        for line, child in _inline(page)
        if child.type in ("link_open", "image")
    ]


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
        anchor = _NOT_IN_AN_ANCHOR.sub("", text.lower()).replace(" ", "-")
        repeated = sum(known == anchor or re.fullmatch(rf"{anchor}-\d+", known) is not None for known in found)
        found.add(f"{anchor}-{repeated}" if repeated else anchor)
    return frozenset(found)


@functools.cache
def _tokens(page: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))


def _blocks(page: str) -> Iterator[Block]:
    for token in _tokens(page):
        if token.type == "fence":
            assert token.map is not None
            language, *remarks = token.info.split() or [""]
            yield Block(page, token.map[0] + 2, language, tuple(remarks), token.content)


def _inline(page: str) -> Iterator[tuple[int, Token]]:
    """Line of the paragraph or row of a table, and each part of its text."""
    line = 0
    for token in _tokens(page):
        if token.map is not None:
            line = token.map[0] + 1
        for child in token.children or ():
            yield line, child
