"""Rows of words with their tags, as all formats of tagging make them."""

from collections.abc import Sequence

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedWordsConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.records.label_names import LabelNames
from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded, is_longer
from ulmfit_tfx.transforms.records.record import Row, RowError
from ulmfit_tfx.transforms.spaceless_scripts import is_spaceless
from ulmfit_tfx.transforms.tag_schemes import (
    OUTSIDE,
    check_tag,
    in_letters_of,
    labels_in_letters_of,
    normalized,
    without,
)

_INVISIBLE = "\0\u200b\ufeff"
"""What serving takes for white space besides, see `word_splitting`."""
_ZERO_WIDTH = "\u200b\ufeff"
_SPACE = "_"
"""Stands for white space in corpora of languages that are written without spaces between words."""


class TaggedRows:
    """Makes rows of words and tags, and checks these against `labels` and the scheme.

    Tags become those that the scheme has for their spans, see `tag_schemes.normalized`. Words that are white space are
    left out with their tags: serving finds none there.
    """

    def __init__(self, config: TaggedWordsConfig, tagging: TagsConfig):
        labels = config.labels
        self.names = LabelNames(None if labels is None else labels_in_letters_of(labels, tagging.scheme))
        self.limit = config.max_row_bytes
        self.tagging = tagging
        self._known: dict[str, str] = {}

    def row(
        self,
        words: Sequence[str],
        tags: Sequence[Sequence[str]],
        split: str | None = None,
        slices: tuple[tuple[str, str], ...] = (),
        key: str | None = None,
        written: str | None = None,
        line: int | None = None,
    ) -> Row:
        """Makes a row.

        Args:
            words: May hold spaces. One that is white space, or `_` among words of a script without spaces, is left out.
            tags: Of each word; with a `tag_separator` any number, and one may be several with the separator between
                them. `O` or nothing is then no tag.
            split: Of the row.
            slices: Of the row.
            key: Of the row.
            written: The sentence as it was written, where this is known.
            line: Line that it begins on.

        Raises:
            RowError: There are no words, one is empty, a tag is not allowed, or the text is too long.
        """
        spaces = _white_space(words)
        words = tuple(word.strip() for word in words)
        if not words:
            raise RowError("no words", "expected one or more")
        text = " ".join(words)
        if not is_decoded(text) or not all(is_decoded(tag) for of_word in tags for tag in of_word):
            raise RowError("not Unicode", "half of a surrogate pair")
        if is_longer(text, self.limit):
            raise RowError.too_long(self.limit)
        for number, word in enumerate(words, start=1):
            if number - 1 not in spaces and not word.strip(_INVISIBLE):
                raise RowError("empty word", f"word {number} of {len(words)}")
        if len(spaces) == len(words):
            raise RowError("empty word", "all are white space")
        joined = [self._tag(*each) for each in zip(words, tags, strict=True)]
        if self.tagging.tag_separator is None:
            joined = self._normalized(words, joined)
        if spaces:
            joined = without(joined, spaces, self.tagging.scheme)
            words = tuple(word for number, word in enumerate(words) if number not in spaces)
            text = " ".join(words)
        return Row(
            text,
            words=words,
            tags=tuple(joined),
            split=split,
            slices=slices,
            key=key,
            written=written,
            line=line,
        )

    def _normalized(self, words: Sequence[str], tags: list[str]) -> list[str]:
        fitting = normalized(tags, self.tagging.scheme)
        for word, given, tag in zip(words, tags, fitting, strict=True):
            if given != tag and self.names.allowed is not None and tag not in self.names.allowed:
                detail = f"'{excerpt(tag)}', which '{excerpt(given)}' of '{excerpt(word)}' stands for"
                raise RowError("unknown tag", f"{detail}, expected one of {self.names.listed}")
        return fitting

    def _tag(self, word: str, tags: Sequence[str]) -> str:
        separator = self.tagging.tag_separator
        if separator is None:
            if len(tags) != 1:
                detail = f"'{excerpt(word)}' has {len(tags)}. Where a word has any number, set tagging.tag_separator"
                raise RowError("not one tag a word", detail)
            return self._name(word, tags[0].strip())
        several = (tag.strip() for joined in tags for tag in joined.split(separator))
        return separator.join(dict.fromkeys(self._name(word, tag) for tag in several if tag not in ("", OUTSIDE)))

    def _name(self, word: str, tag: str) -> str:
        if tag not in self._known:
            if not tag:
                raise RowError("empty tag", f"of '{excerpt(word)}'")
            name = self.names.name(in_letters_of(tag, self.tagging.scheme), "tag")
            if problem := check_tag(name, self.tagging.scheme):
                raise RowError(f"not a {self.tagging.scheme} tag", f"of '{excerpt(word)}': {excerpt(problem)}")
            self._known[tag] = name
        return self._known[tag]


def _white_space(words: Sequence[str]) -> set[int]:
    """Numbers of the words that are white space, from 0. An empty word is none: it is missing."""
    spaces = {number for number, word in enumerate(words) if word and not word.strip().strip(_ZERO_WIDTH)}
    if _SPACE in words and any(map(is_spaceless, words)):
        spaces |= {number for number, word in enumerate(words) if word == _SPACE}
    return spaces
