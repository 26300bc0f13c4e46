"""Removes HTML from texts."""

import html
import html.entities
import re

from ulmfit_tfx.transforms.markup.markup_tags import Replacement, hidden, replace_tags

# Elements, by what becomes of them.
HIDDEN = "script style template noscript iframe svg title"
LINES = (
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup html legend li main menu nav ol optgroup option "
    "p pre search section select summary table tbody textarea tfoot thead tr ul"
)
BREAKS = "br hr"
CELLS = "td th"
INLINE = (
    "a abbr acronym applet area audio b base basefont bdi bdo big blink canvas cite code col colgroup data datalist "
    "del dfn em embed font frame i img input ins kbd label link map mark marquee meta meter nobr noframes object "
    "output param picture progress q rb rp rt rtc ruby s samp slot small source span strike strong sub sup time track "
    "tt u var video wbr o:p"
)
NAMES_WITHOUT_SEMICOLON = "amp lt gt quot nbsp"
"""Entities that count without one too."""
_REPLACEMENTS: dict[str, Replacement] = {
    **dict.fromkeys(HIDDEN.split(), hidden),
    **dict.fromkeys((LINES + " " + BREAKS).split(), "\n"),
    **dict.fromkeys(CELLS.split(), " "),
    **dict.fromkeys(INLINE.split(), ""),
}

# Where there are such, the line ends of the source mean nothing.
_IN_PARAGRAPHS = re.compile(rf"<(?:{'|'.join(LINES.split())})[\s>]", re.IGNORECASE | re.ASCII)
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7};|#[xX][0-9A-Fa-f]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};"
    rf"|(?:{NAMES_WITHOUT_SEMICOLON.replace(' ', '|')})\b)",
    re.ASCII,
)
_NOT_SINGLE_SPACE = re.compile(r"(?: [^\S\n]|[^\S\n ])[^\S\n]*")
_LINE_ENDS = re.compile(r" ?\n[ \n]*")


def strip_html(text: str) -> str:
    r"""Removes HTML from a text.

    >>> strip_html("<p>All <b>bo</b>ld &amp; bright.<br />3 < 5 and 7 > 2.</p><script>x()</script>")
    'All bold & bright.\n3 < 5 and 7 > 2.'

    Comments, scripts, styles and the title go. Tags of lines and blocks become line ends, those of table cells spaces,
    and others nothing. What is not the name of an element in HTML is no tag: `<unk>` and `x<y` stay. Entities become
    their characters, once: of `&amp;lt;` there remains `&lt;`. `cleaning.strip_html` finds the same words in the served
    graph, but for rarer entities.

    Args:
        text: Any text.

    Returns:
        The text without markup, in lines without spaces around them and none of them empty. One without tags is as
        it was, but for its entities.
    """
    if "<" not in text:
        return decode_entities(text)
    without_tags = replace_tags(text, _REPLACEMENTS)
    if without_tags is text:
        return decode_entities(text)
    if _IN_PARAGRAPHS.search(text):
        without_tags = replace_tags(text.replace("\n", " "), _REPLACEMENTS)
    return _LINE_ENDS.sub("\n", single_spaced(decode_entities(without_tags))).strip()


def decode_entities(text: str) -> str:
    """Replaces entities by their characters, a no-break space by a space, and nothing by what is not shown.

    >>> decode_entities("R&D&nbsp;&lt; 5&euro; &amp;amp; AT&T")
    'R&D < 5€ &amp; AT&T'
    """
    return _ENTITY.sub(_character, text) if "&" in text else text


def single_spaced(text: str) -> str:
    r"""Replaces white space within lines by single spaces.

    >>> single_spaced("a \t b \n c")
    'a b \n c'
    """
    return _NOT_SINGLE_SPACE.sub(" ", text)


def _character(entity: re.Match[str]) -> str:
    written = entity[0]
    # html.unescape also reads names that are the beginning of another word: "&copycat;" as "©cat;".
    if written[1] != "#" and written.rstrip(";")[1:] + ";" not in html.entities.html5:
        return written
    return html.unescape(written).replace("\xa0", " ").replace("\xad", "")
