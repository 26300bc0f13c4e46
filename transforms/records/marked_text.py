"""From marks in a text to words with tags."""

import atexit
import bisect
import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ulmfit_tfx.schemas.config.tags import TagsConfig, WordCut
from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded, is_longer
from ulmfit_tfx.transforms.records.record import RowError
from ulmfit_tfx.transforms.tag_schemes import Span, tags_of_spans


@dataclasses.dataclass(frozen=True)
class Mark:
    """A marked part of a text.

    Attributes:
        start: First character, a Unicode code point, from 0.
        end: The character after the last one.
        label: What the part is.
    """

    start: int
    end: int
    label: str


def words_and_tags(text: str, marks: Sequence[Mark], tagging: TagsConfig) -> tuple[list[str], list[list[str]]]:
    """Cuts a text into words, as serving does, and gives them the tags of its marks.

    With the mark `Mark(3, 9, "LOC")`, the text `to London.` gives the words `to`, `London`, `.` and the tags `O`,
    `B-LOC`, `O`. A word of which a part is marked is marked.

    Args:
        text: Without lone surrogates.
        marks: Within the text.
        tagging: How texts are cut into words, and the scheme of the tags.

    Returns:
        The words, and the tags of each. These are one, or with a `tag_separator` the labels of all marks on the word.

    Raises:
        RowError: A mark holds no word, or marks overlap and a word has one tag.
    """
    words, starts, ends = _split(text, tagging)
    bytes_before = _bytes_before(text, {place for mark in marks for place in (mark.start, mark.end)})
    is_single = tagging.tag_separator is None
    spans: list[Span] = []
    for mark in sorted(set(marks), key=lambda mark: (mark.start, mark.end, mark.label)):
        start_byte, end_byte = bytes_before[mark.start], bytes_before[mark.end]
        span = mark.label, bisect.bisect_right(ends, start_byte), bisect.bisect_left(starts, end_byte)
        if span[1] >= span[2]:
            raise RowError("mark without a word", f"'{excerpt(text[mark.start : mark.end])}'")
        if is_single and spans and spans[-1][2] > span[1]:
            both = " and ".join(
                f"'{label}' on '{' '.join(words[first:last])}'" for label, first, last in (spans[-1], span)
            )
            raise RowError(
                "marks overlap", f"{excerpt(both)}. Where a word has several tags, set tagging.tag_separator"
            )
        spans.append(span)
    if is_single:
        return words, [[tag] for tag in tags_of_spans(len(words), spans, tagging.scheme)]
    labels: list[list[str]] = [[] for _ in words]
    for label, start, end in spans:
        for index in range(start, end):
            if label not in labels[index]:
                labels[index].append(label)
    return words, labels


def _bytes_before(text: str, places: Collection[int]) -> dict[int, int]:
    """Bytes in UTF-8 before each of some places in a text."""
    before = {0: 0}
    last = size = 0
    for place in sorted(places):
        size += len(text[last:place].encode())
        before[place] = size
        last = place
    return before


def _split(text: str, tagging: TagsConfig) -> tuple[list[str], list[int], list[int]]:
    """Words of a text, and their first bytes and those after the last ones."""
    words, starts, ends = (ragged.flat_values.numpy() for ragged in word_splitter(tagging.words)([text]))
    return [word.decode() for word in words], starts.tolist(), ends.tolist()


@functools.cache
def word_splitter(words: WordCut) -> Callable[[Sequence[str]], Any]:
    """`split_words` as a graph: its many ops take twenty times as long one by one."""
    import tensorflow as tf

    from ulmfit_tfx.transforms.word_splitting import split_words

    atexit.register(word_splitter.cache_clear)  # before TensorFlow is gone, which graphs need to be let go
    return tf.function(functools.partial(split_words, words=words), input_signature=[tf.TensorSpec([None], tf.string)])


def check_text(text: str, limit: int) -> None:
    """Sees to it that a text can be cut into words.

    Raises:
        RowError: It is empty, has a lone surrogate, or has more than `limit` bytes.
    """
    if not is_decoded(text):
        raise RowError("not Unicode", "half of a surrogate pair")
    if is_longer(text, limit):
        raise RowError.too_long(limit)
    if not text.strip():
        raise RowError("empty text", "expected words")
