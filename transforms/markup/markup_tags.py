"""Replaces the tags and comments that stand in a text, in time proportional to its length.

Parsers of HTML read a whole document and repair it. A text with a stray `<` then loses what follows, and the one of the
standard library takes minutes for some hundred kilobytes of unclosed tags. Here only elements that are named by the
caller are tags, and everything else stays as it is.
"""

import functools
import re
from collections.abc import Callable, Mapping

Replacement = str | Callable[[str], str]
"""What takes the place of an element's tags or, as a function of its content, that of the whole element."""

# An attribute's value may hold a ">", and an apostrophe need not be a quotation mark. No alternative reaches past the
# next "<": that bounds the time.
_TAG = re.compile(
    r"""<(?:(!--)|(!\[CDATA\[)
    |!(?i:doctype)\b[^<>]*>
    |\?xml\b[^<>]*>
    |(/?)([A-Za-z][A-Za-z0-9]*(?::[A-Za-z]+)?)
     (?=[\ \t\n\f\r/>])(?:[^<>"']*(?:"[^"<]*"[^<>"']*|'[^'<]*'[^<>"']*)*>|[^<>]*>))""",
    re.VERBOSE | re.ASCII,
)


def hidden(content: str) -> str:
    """Replacement of an element that goes with its content."""
    return ""


def replace_tags(text: str, replacements: Mapping[str, Replacement]) -> str:
    """Replaces tags; comments, CDATA sections and document type declarations go.

    >>> replace_tags("<b>3 < 5</b><br/><unk><!-- so -->", {"b": "", "br": " "})
    '3 < 5 <unk>'

    A comment, or an element to be replaced as a whole, that is not closed loses its opening tag alone: a slip must not
    take the rest of a text with it.

    Args:
        text: Any text.
        replacements: By the element's name in lower case. Tags with other names are text.

    Returns:
        The text without those tags.
    """
    parts: list[str] = []
    start = position = 0
    never_closed: set[str] = set()
    while tag := _TAG.search(text, position):
        position = tag.end()
        comment, data, slash, name = tag.groups()
        replacement: Replacement | None = ""
        if comment or data:
            beginning = position - 2 if comment else position  # `<!-->` is a whole comment
            position = _after("-->" if comment else "]]>", text, beginning, never_closed) or position
        elif name:
            name = name.lower()
            replacement = replacements.get(name)
            if callable(replacement):
                is_opening = not slash and text[position - 2] != "/"
                closing = is_opening and name not in never_closed and _closing(name).search(text, position)
                if is_opening and not closing:
                    never_closed.add(name)
                replacement = replacement(text[position : closing.start()]) if closing else ""
                position = closing.end() if closing else position
        if isinstance(replacement, str):
            parts += text[start : tag.start()], replacement
            start = position
    return "".join([*parts, text[start:]]) if parts else text


def _after(end: str, text: str, position: int, never_closed: set[str]) -> int | None:
    """The place after the next `end`. That there is none is found out once, or the time would be quadratic."""
    found = -1 if end in never_closed else text.find(end, position)
    if found < 0:
        never_closed.add(end)
        return None
    return found + len(end)


@functools.cache
def _closing(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}[ \t\n\f\r]*>", re.IGNORECASE | re.ASCII)
