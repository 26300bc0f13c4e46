"""Removes wiki markup from texts, in time proportional to their length."""

import re
from collections.abc import Collection, Iterator

from ulmfit_tfx.transforms.markup.html_markup import decode_entities, single_spaced
from ulmfit_tfx.transforms.markup.markup_tags import Replacement, hidden, replace_tags
from ulmfit_tfx.transforms.markup.wiki_brackets import HOLE, render_brackets

_BLANK = " \t\r\xa0"


def _literal(content: str) -> str:
    return re.sub(r"[^\w\s&#;]|_", lambda sign: f"&#{ord(sign[0])};", content)


_HIDDEN = (
    "categorytree charinsert gallery graph imagemap includeonly indicator inputbox mapframe maplink pre ref references "
    "section templatedata templatestyles timeline"
)
_NOT_WORDS = "ce chem code hiero math score source syntaxhighlight"
_LINES = "p div br hr blockquote center table caption tr li ul ol dl dt dd h1 h2 h3 h4 h5 h6 poem"
_INLINE = (
    "b bdi bdo big cite del dfn em font i ins kbd mark q rb rp rt rtc ruby s samp small span strike strong sub sup tt "
    "u var wbr abbr data time onlyinclude noinclude tbody thead link meta noindex"
)
_REPLACEMENTS: dict[str, Replacement] = {
    **dict.fromkeys(_HIDDEN.split(), hidden),
    **dict.fromkeys(_NOT_WORDS.split(), lambda content: HOLE),
    **dict.fromkeys(_LINES.split(), "\n"),
    **dict.fromkeys(_INLINE.split(), ""),
    **dict.fromkeys(("td", "th"), " "),
    "nowiki": _literal,
}

_EXPONENT = re.compile(r"<sup>(?<=\d<sup>)(?=[-\u2212\u2013+]?\d)", re.IGNORECASE)
_EXTERNAL_LINK = re.compile(
    r"\[(?:(?:https?|ftps?|ircs?|news|gopher|nntp|git|svn|ssh|sftp)://|//|mailto:|news:|tel:|urn:|magnet:)"
    r"[^\s\[\]]*[^\S\n]*([^\[\]\n]*)\]?",
    re.IGNORECASE,
)
_MAGIC_WORD = re.compile(r"__[^\W\d_a-z]+(?:_[^\W\d_a-z]+)*__")
_QUOTES = re.compile("('{2,})")
_WIKITEXT_SIGN = re.compile(r" @([-,.])@(?: |\Z)")

_TABLE_START = re.compile(rf"[\s:*#;{HOLE}]*\{{\|")
_TABLE_END = re.compile(rf"[\s:*#;{HOLE}]*\|\}}")
_NO_WORDS = re.compile(rf"[\s|!{{}}\[\]=*#:;,.()\-\u2013\u2014_'\"/&<>{HOLE}]*")
_HOLES = re.compile(rf"[ {HOLE}]*{HOLE}[ {HOLE}]*")
_EMPTY_PARENTHESES = re.compile(rf" ?\([ ,;:/]*{HOLE}[ ,;:/{HOLE}]*\)")
_AT_BEGINNING = re.compile(rf"(\A|\()[ .,;:/]*{HOLE}[ .,;:/{HOLE}]*")
_BETWEEN_SIGNS = re.compile(rf"[,;:] ?{HOLE} ?(?=[.,;:)])")
_BEFORE_SIGN = re.compile(rf" ?{HOLE} ?(?=[.,;:!?)])")


def strip_wiki(text: str, hidden_namespaces: Collection[str] = ()) -> str:
    r"""Removes wiki markup from a text.

    >>> strip_wiki("== Life ==\n* '''Ada''' [[Lord Byron|Byron]], {{lang|fr|mot}}.<ref>A [[book]].</ref>")
    'Ada Byron, mot.'

    Headings, tables, references, files, categories, formulas and listings go, and templates but for those that
    `wiki_templates` knows. Lines that have nothing left go too. Of links the text stays. The signs of the WikiText
    corpora are joined with what they stand between:

    >>> strip_wiki(" = Game = \n It sold 1 @,@ 200 red @-@ tipped <unk> . ")
    'It sold 1,200 red-tipped <unk> .'

    Args:
        text: A page, or any part of one.
        hidden_namespaces: Names of namespaces, in lower case, whose links are not shown. Those of files and categories
            in English and some other languages are known.

    Returns:
        The text, a paragraph a line, none of them empty.
    """
    text = replace_tags(_EXPONENT.sub("^", text.replace(HOLE, "")), _REPLACEMENTS)
    text = render_brackets(text, hidden_namespaces)
    text = _EXTERNAL_LINK.sub(lambda link: link[1] or HOLE, text)
    text = _MAGIC_WORD.sub("", text)
    lines = (_tidied(line) for line in _outside_tables(text.split("\n")))
    return "\n".join(line for line in lines if line)


def _outside_tables(lines: list[str]) -> Iterator[str]:
    """Lines that no table contains. Of a table that is not closed, those that look like its rows go."""
    starts: list[int] = []
    tables: list[tuple[int, int]] = []
    has_tables = False
    for number, line in enumerate(lines):
        if _TABLE_START.match(line):
            starts.append(number)
            has_tables = True
        elif starts and _TABLE_END.match(line):
            start = starts.pop()
            while tables and tables[-1][0] > start:
                tables.pop()
            tables.append((start, number))
    after = 0
    for start, end in [*tables, (len(lines), 0)]:
        for line in lines[after:start]:
            content = line.lstrip()
            if not (content.startswith("|") or (has_tables and (content.startswith("!") or _TABLE_START.match(line)))):
                yield line
        after = end + 1


def _tidied(line: str) -> str:
    """One line without the markup of lines and of style, empty where no words are left."""
    content = line.strip(_BLANK + HOLE)
    if not content or (len(content) > 1 and content[0] == content[-1] == "="):
        return ""
    line = _WIKITEXT_SIGN.sub(r"\1", _without_quotes(line.strip(_BLANK).lstrip("*#:;" + _BLANK)))
    line = single_spaced(decode_entities(line))
    if HOLE in line:
        line = _without_holes(line)
    return "" if _NO_WORDS.fullmatch(line) else line.strip()


def _without_quotes(line: str) -> str:
    """Removes the apostrophes of italics and bold as MediaWiki reads them: some are apostrophes after all."""
    if "''" not in line:
        return line
    parts = _QUOTES.split(line)
    runs = range(1, len(parts), 2)
    # Two are italics, three bold, five both. Of any others, one may be meant as an apostrophe.
    apostrophes = {run: int(len(parts[run]) not in (2, 3, 5)) for run in runs}
    marks = {run: min(len(parts[run]) - apostrophes[run], 5) for run in runs}
    bold = [run for run in runs if marks[run] in (3, 5)]
    italic = [run for run in runs if marks[run] in (2, 5)]
    only_bold = [run for run in bold if len(parts[run]) == 3]
    if len(bold) % 2 and len(italic) % 2 and only_bold:
        apostrophes[min(only_bold, key=lambda run: _word_rank(parts[run - 1]))] += 1
    return "".join("'" * apostrophes[at] if at % 2 else part for at, part in enumerate(parts))


def _word_rank(before: str) -> int:
    """How well an apostrophe fits after a text: best after a word of one letter, as in `l'homme`."""
    if before[-1:].strip() == "":
        return 2
    return 0 if before[-2:-1].strip() == "" else 1


def _without_holes(line: str) -> str:
    """Closes the gaps of what was not rendered, with the signs that belonged to it."""
    line = _HOLES.sub(lambda hole: f" {HOLE} " if " " in hole[0] else HOLE, line)
    line = _EMPTY_PARENTHESES.sub("", line)
    line = _BETWEEN_SIGNS.sub("", _AT_BEGINNING.sub(r"\1", line))
    return single_spaced(_BEFORE_SIGN.sub("", line).replace(HOLE, ""))
