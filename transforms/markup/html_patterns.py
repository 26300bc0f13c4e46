r"""What `html_markup` removes, as regular expressions of RE2, which are what the served graph has.

RE2 looks neither ahead nor back. `\C` is any byte.
"""

import html
import html.entities

from ulmfit_tfx.transforms.markup.html_markup import (
    BREAKS,
    CELLS,
    HIDDEN,
    INLINE,
    LINES,
    NAMES_WITHOUT_SEMICOLON,
)

DECODED = "\N{NO-BREAK SPACE}<>\"'\u2018\u2019\u201c\u201d\N{EN DASH}\N{EM DASH}\N{HORIZONTAL ELLIPSIS}€&"
"""Characters whose entities are decoded, however these are written. `&` comes last: `&amp;lt;` is the text `&lt;`."""

_SPACE = r"[ \t\n\f\r]"
_BEFORE_ATTRIBUTES = r"[ \t\n\f\r/]"
_ATTRIBUTE = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')"""
_LAST_ATTRIBUTE = r"""(?:[^<>"'/]|"[^"<]*"|'[^'<]*')"""
_REST_OF_TAG = rf"(?:{_BEFORE_ATTRIBUTES}{_ATTRIBUTE}*)?>|{_BEFORE_ATTRIBUTES}[^<>]*>"


def _any_case(word: str) -> str:
    # Not (?i), in which a long s is an s.
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in word)


def _tag_of(*names: str) -> str:
    """Opening and closing tags, as `markup_tags` finds them."""
    return f"</?(?:{'|'.join(map(_any_case, names))})(?:{_REST_OF_TAG})"


def _closing_tag_of(name: str) -> str:
    return f"</{_any_case(name)}{_SPACE}*>"


def _element_of(name: str) -> str:
    """An element with its content; where its tag ends with a slash, it has none."""
    tag = f"<{_any_case(name)}"
    attributes = f"{_BEFORE_ATTRIBUTES}(?:{_ATTRIBUTE}*{_LAST_ATTRIBUTE}|[^<>]*[^<>/])"
    without_content = f"{tag}(?:{_BEFORE_ATTRIBUTES}{_ATTRIBUTE}*)?/>"
    return rf"{without_content}|{tag}(?:{_SPACE}|{attributes})?>\C*?{_closing_tag_of(name)}"


def _entity_of(character: str) -> str:
    """An entity that stands for a character, by any of its names and numbers."""
    named = [name for name, value in html.entities.html5.items() if value == character and name.endswith(";")]
    named += [rf"{name}\b" for name in NAMES_WITHOUT_SEMICOLON.split() if f"{name};" in named]
    # HTML reads the numbers from 128 on as those of Windows.
    numbers = [code for code in (ord(character), *range(128, 160)) if html.unescape(f"&#{code};") == character]
    decimal = [f"#0{{0,{7 - len(f'{code}')}}}{code};" for code in numbers]
    hexadecimal = [f"#[xX]0{{0,{6 - len(f'{code:x}')}}}{_any_case(f'{code:x}')};" for code in numbers]
    return f"&(?:{'|'.join(named + decimal + hexadecimal)})"


UNCLOSED = {
    "-->": ("<!--", "<b>"),
    r"\]\]>": (r"<!\[CDATA\[", "<b>"),
    **{_closing_tag_of(name): (f"<{_any_case(name)}({_REST_OF_TAG})", r"<b\1") for name in HIDDEN.split()},
}
"""Ends of what goes with its content; to each the beginning, and the tag in its place where no such end follows."""
HIDDEN_BEGINNING = rf"<(?:!--|!\[CDATA\[|{'|'.join(map(_any_case, HIDDEN.split()))})"
"""Where what goes with its content may begin."""
HIDDEN_CONTENT = "|".join([r"<!--(?:-?>|\C*?-->)", r"<!\[CDATA\[\C*?\]\]>", *map(_element_of, HIDDEN.split())])
"""What goes with its content, closed."""
SPACING_TAGS = _tag_of(*LINES.split(), *BREAKS.split(), *CELLS.split())
"""Tags that words do not go across."""
OTHER_TAGS = rf"{_tag_of(*INLINE.split(), *HIDDEN.split())}|<!{_any_case('doctype')}\b[^<>]*>|<\?xml\b[^<>]*>"
"""Tags that may stand within a word, and declarations."""
ENTITIES = {_entity_of(character): character.replace("\N{NO-BREAK SPACE}", " ") for character in DECODED}
"""Entities, each with its character."""
