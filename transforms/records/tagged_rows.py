"""Rows of words with their tags, as all formats of tagging make them."""

from collections.abc import Sequence

from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedWordsConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.records.label_names import LabelNames
from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded, is_longer
from ulmfit_tfx.transforms.records.record import Row, RowError
from ulmfit_tfx.transforms.tag_schemes import OUTSIDE, check_tag, in_letters_of

_INVISIBLE = "\0\u200b\ufeff"
"""What serving takes for white space besides, see `word_splitting`."""


class TaggedRows:
    """Makes rows of words and tags, and checks these against `labels` and the scheme."""

    def __init__(self, config: TaggedWordsConfig, tagging: TagsConfig):
        self.names = LabelNames(config.labels)
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
    ) -> Row:
        """Makes a row.

        Args:
            words: May hold spaces.
            tags: Of each word; with a `tag_separator` any number, and one may be several with the separator between
                them. `O` or nothing is then no tag.
            split: Of the row.
            slices: Of the row.
            key: Of the row.

        Raises:
            RowError: There are no words, one is empty, a tag is not allowed, or the text is too long.
        """
        words = tuple(word.strip() for word in words)
        if not words:
            raise RowError("no words", "expected one or more")
        text = " ".join(words)
        if not is_decoded(text) or not all(is_decoded(tag) for of_word in tags for tag in of_word):
            raise RowError("not Unicode", "half of a surrogate pair")
        if is_longer(text, self.limit):
            raise RowError.too_long(self.limit)
        for number, word in enumerate(words, start=1):
            if not word.strip(_INVISIBLE):
                raise RowError("empty word", f"word {number} of {len(words)}")
        joined = tuple(self._tag(*each) for each in zip(words, tags, strict=True))
        return Row(text, words=words, tags=joined, split=split, slices=slices, key=key)

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
            name = in_letters_of(self.names.name(tag, "tag"), self.tagging.scheme)
            if problem := check_tag(name, self.tagging.scheme):
                raise RowError(f"not a {self.tagging.scheme} tag", f"of '{excerpt(word)}': {excerpt(problem)}")
            self._known[tag] = name
        return self._known[tag]
