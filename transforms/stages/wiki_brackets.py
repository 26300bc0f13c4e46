"""Renders what stands in the brackets of wiki markup: templates and links.

mwparserfromhell reads the templates whose arguments have markup of their own. A whole page takes it some three seconds
a megabyte, and markup that is not closed a time in the cube of its length (seven seconds for ten kilobytes of `<div `).
So it is given what is closed, short and not deeply nested, and not without end. All else is scanning in proportion to a
text's length.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

import mwparserfromhell
from mwparserfromhell.parser import ParserError

from ulmfit_tfx.transforms.stages.wiki_templates import has_words, template_name, words_of

HOLE = "\ufdd0"
"""Stands where something was that prints what is not known. No character: Unicode reserves it for such uses."""

_DEEPEST = 8
_LONGEST_PARSED = 2000
_MOST_PARSED = 4000

# In English, which all wikis understand, and as wikis of other languages write them.
_HIDDEN_NAMESPACES = frozenset(
    "file image category plik grafika kategoria datei bild kategorie fichier image catégorie archivo imagen categoría "
    "immagine categoria ficheiro imagem bestand afbeelding categorie soubor obrázek fil kategori tiedosto kuva luokka "
    "fájl kép kategória файл изображение категория зображення категорія картинка".split()
)
_MEDIA = "jpg jpeg png svg gif tif tiff webp xcf pdf djvu ogg oga ogv webm mp3 wav flac mid midi stl".split()
_OTHER_WIKI = re.compile(r"\s*(?:[a-z]{2,3}(?:-[a-z]{2,}){0,2}|simple)\s*:")

_BRACKETS = re.compile(r"\{{2,}|\}{2,}|\[{2,}|\]{2,}")
_OPENER_OF = {"}": "{", "]": "["}
_PLAIN_ARGUMENTS = re.compile(r"[^{}\[\]=]*")


def render_brackets(text: str, hidden_namespaces: Collection[str] = ()) -> str:
    r"""Renders templates and links.

    >>> render_brackets("[[Ada]], [[London|in {{nowrap|the [[City]]}}]]. [[File:A.jpg|thumb|A [[cat]]]]{{cn}}")
    'Ada, in the City. \ufdd0\ufdd0'

    Args:
        text: Without tags: a `<` is text.
        hidden_namespaces: Names of namespaces, in lower case, whose links are not shown.

    Returns:
        The text without double brackets, `HOLE` for what is not shown or not known. Brackets that are not closed, or
        nested too deeply, go alone.
    """
    return _Page(_HIDDEN_NAMESPACES.union(hidden_namespaces)).rendered(text, _DEEPEST)


class _Span(NamedTuple):
    """Place of something in brackets, with them, and how many such are nested in it, itself counted."""

    start: int
    end: int
    depth: int


class _Page:
    """One text, and how many of its templates were parsed."""

    def __init__(self, hidden_namespaces: Collection[str]):
        self._hidden_namespaces = hidden_namespaces
        self._parsed = 0

    def rendered(self, text: str, deepest: int) -> str:
        parts = []
        end = 0
        for span in _outermost_spans(text):
            parts.append(_BRACKETS.sub("", text[end : span.start]))
            inside = text[span.start + 2 : span.end - 2]
            is_template = text[span.start] == "{"
            if span.depth > deepest:
                parts.append(HOLE if is_template else _BRACKETS.sub("", inside))
            elif is_template:
                parts.append(self._template(inside, deepest - 1))
            else:
                parts.append(self._link(inside, deepest - 1))
            end = span.end
        return "".join([*parts, _BRACKETS.sub("", text[end:])])

    def _template(self, call: str, deepest: int) -> str:
        name = template_name(call)
        if not has_words(name):
            return HOLE
        return words_of(name, [self.rendered(argument, deepest) for argument in self._arguments(name, call)]) or HOLE

    def _arguments(self, name: str, call: str) -> list[str]:
        """Positional arguments of a template, and the one that some name `text`. None of one too long to be parsed."""
        if name.endswith(":"):
            return [call.partition(":")[2]]
        if _PLAIN_ARGUMENTS.fullmatch(call):
            return call.split("|")[1:]
        if len(call) > _LONGEST_PARSED or self._parsed == _MOST_PARSED:
            return []
        self._parsed += 1
        # As an entity, a "<" is text to the parser too.
        code = "{{" + call.replace("<", "&lt;") + "}}"
        try:
            templates = mwparserfromhell.parse(code, skip_style_tags=True).filter_templates(recursive=False)
        except ParserError:
            return []
        arguments = [(str(one.name).strip(), str(one.value)) for template in templates[:1] for one in template.params]
        return [value for key, value in arguments if key.isdigit() or key == "text"]

    def _link(self, inside: str, deepest: int) -> str:
        target, bar, label = inside.partition("|")
        namespace, colon, title = target.partition(":")
        namespace = " ".join(namespace.replace("_", " ").lower().split())
        extension = title.rpartition(".")[2].strip().lower()
        if colon and namespace and (namespace in self._hidden_namespaces or extension in _MEDIA):
            return HOLE
        if "\n" in target or _BRACKETS.search(target):
            return self.rendered(inside, deepest)
        if bar and label.strip():
            return self.rendered(label, deepest)
        return HOLE if _OTHER_WIKI.match(target) else target.strip().removeprefix(":")


def _outermost_spans(text: str) -> list[_Span]:
    """Finds what stands in brackets that are closed, without what stands in others."""
    openers: list[list[int]] = []  # of those still open, place and number of brackets
    spans: list[_Span] = []
    open_brackets = {"{": 0, "[": 0}
    for run in _BRACKETS.finditer(text):
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
            # Three braces are a parameter of a template. Of brackets, the third is one of an external link.
            taken = min(count, left, 3 if opener == "{" else 2)
            openers[-1][1] -= taken
            if openers[-1][1] < 2:
                openers.pop()
                open_brackets[opener] -= 1
            place, left = place + taken, left - taken
            depth = 1
            start += count - taken
            while spans and spans[-1].start > start:
                depth = max(depth, spans.pop().depth + 1)
            spans.append(_Span(start, place, depth))
    return spans
