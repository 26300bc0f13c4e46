"""Renders what stands in the double brackets of wiki markup, templates and links, in time proportional to its length.

Not by mwparserfromhell: it takes some two seconds for a megabyte of articles, and for markup that is not closed a time
in the cube of its length, half a second for two thousand characters. The tests compare with it what is read here.
"""

import re
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from ulmfit_tfx.transforms.markup.wiki_templates import has_words, template_name, words_of

HOLE = "\ufdd0"
"""Stands where something was that prints what is not known. No character: Unicode reserves it for such uses."""

_BLANK = " \t\r\n" + HOLE
_DEEPEST = 5

# In English, which all wikis understand, and as wikis of other languages write them.
_HIDDEN_NAMESPACES = frozenset(
    "file image category plik grafika kategoria datei bild kategorie fichier image catégorie archivo imagen categoría "
    "immagine categoria ficheiro imagem bestand afbeelding categorie soubor obrázek fil kategori tiedosto kuva luokka "
    "fájl kép kategória файл изображение категория зображення категорія картинка".split()
)
_MEDIA = "jpg jpeg png svg gif tif tiff webp xcf pdf djvu ogg oga ogv webm mp3 wav flac mid midi stl".split()
_OTHER_WIKI = re.compile(r"\s*(?:[a-z]{2,3}(?:-[a-z]{2,}){0,2}|simple)\s*:")

_DOUBLE_BRACKETS = re.compile(r"\{{2,}|\}{2,}|\[{2,}|\]{2,}")
_OPENER_OF = {"}": "{", "]": "["}
_BAR = re.compile(r"\|")
_NAMED_ARGUMENT = re.compile(r"([^=\[{]*)=(.*)", re.DOTALL)


def render_brackets(text: str, hidden_namespaces: Collection[str] = ()) -> str:
    r"""Renders templates and links.

    >>> render_brackets("[[Ada]], [[London|in {{nowrap|the [[City]]}}]]. [[File:A.jpg|thumb|A [[cat]]]]{{cn}}")
    'Ada, in the City. \ufdd0\ufdd0'

    Args:
        text: Without tags: a `<` is text.
        hidden_namespaces: Names of namespaces, in lower case, whose links are not shown.

    Returns:
        The text without double brackets, `HOLE` for what is not shown or not known. Brackets that are not closed go
        alone, and so do those of links that are nested too deeply.
    """
    return _rendered(text, _HIDDEN_NAMESPACES.union(hidden_namespaces), _DEEPEST)


class _Span(NamedTuple):
    """Place of something in brackets, with them."""

    start: int
    end: int


def _rendered(text: str, hidden_namespaces: Collection[str], deepest: int) -> str:
    parts = []
    end = 0
    for span in _outermost_spans(text):
        parts.append(_DOUBLE_BRACKETS.sub("", text[end : span.start]))
        inside = text[span.start + 2 : span.end - 2]
        is_template = text[span.start] == "{"
        if deepest == 0:
            parts.append(HOLE if is_template else _DOUBLE_BRACKETS.sub("", inside))
        elif is_template:
            parts.append(_template(inside, hidden_namespaces, deepest - 1))
        else:
            parts.append(_link(inside, hidden_namespaces, deepest - 1))
        end = span.end
    return "".join([*parts, _DOUBLE_BRACKETS.sub("", text[end:])])


def _template(call: str, hidden_namespaces: Collection[str], deepest: int) -> str:
    name = template_name(call)
    if not has_words(name):
        return HOLE
    # What follows the colon of a parser function is its one argument.
    arguments = [call.partition(":")[2]] if name.endswith(":") else _arguments(call)
    words = [_rendered(argument, hidden_namespaces, deepest).strip(_BLANK) for argument in arguments]
    return words_of(name, words) or HOLE


def _arguments(call: str) -> list[str]:
    """Positional arguments of a template, and those that only make a position, or the text, explicit."""
    bars: list[int] = []
    end = 0
    for start, next_end in [*_outermost_spans(call), _Span(len(call), len(call))]:
        bars += (bar.start() for bar in _BAR.finditer(call, end, start))
        end = next_end
    arguments = []
    for before, after in pairwise([*bars, len(call)]):
        argument = call[before + 1 : after]
        named = _NAMED_ARGUMENT.fullmatch(argument)
        if named is None:
            arguments.append(argument)
        elif named[1].strip() == "text" or named[1].strip().isdigit():
            arguments.append(named[2])
    return arguments


def _link(inside: str, hidden_namespaces: Collection[str], deepest: int) -> str:
    target, _, label = inside.partition("|")
    namespace, colon, title = target.partition(":")
    namespace = " ".join(namespace.replace("_", " ").lower().split())
    extension = title.rpartition(".")[2].strip().lower()
    if colon and namespace and (namespace in hidden_namespaces or extension in _MEDIA):
        return HOLE
    if "\n" in target or _DOUBLE_BRACKETS.search(target):
        return _rendered(inside, hidden_namespaces, deepest)
    if label:
        return _rendered(label, hidden_namespaces, deepest)
    return HOLE if _OTHER_WIKI.match(target) else target.strip().removeprefix(":")


def _outermost_spans(text: str) -> list[_Span]:
    """Finds what stands in brackets that are closed, without what stands in others."""
    openers: list[list[int]] = []  # of those still open, place and number of brackets
    spans: list[_Span] = []
    open_brackets = {"{": 0, "[": 0}
    for run in _DOUBLE_BRACKETS.finditer(text):
        bracket = text[run.start()]
        place, left = run.span()[0], len(run[0])
        if bracket in open_brackets:
            openers.append([place, left])
            open_brackets[bracket] += 1
            continue
        opener = _OPENER_OF[bracket]
        while left >= 2 and open_brackets[opener]:
            while text[openers[-1][0]] != opener:
                open_brackets[text[openers.pop()[0]]] -= 1
            start, count = openers[-1]
            taken = min(count, left, 3)  # Three are a parameter of a template, or an external link in brackets.
            openers[-1][1] -= taken
            if openers[-1][1] < 2:
                openers.pop()
                open_brackets[opener] -= 1
            place, left = place + taken, left - taken
            start += count - taken
            while spans and spans[-1].start > start:
                spans.pop()
            spans.append(_Span(start, place))
    return spans
