"""The words of a sentence and those that serving cuts its text into."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from ulmfit_tfx.schemas.config.tags import WORD_CUTS, TagsConfig
from ulmfit_tfx.transforms.records.marked_text import word_splitter
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tag_schemes import spans_of_tags, tags_of_spans
from ulmfit_tfx.transforms.written_text import written

RECUT = "recut"
"""Stands among the ways to cut for `punctuation` and `tagging.recut`."""
_ROWS_AT_ONCE = 256

_Record = TypeVar("_Record")


def alike(rows: Sequence[Row]) -> dict[str, int]:
    """How many sentences each way of cutting raw text cuts into the words that they have.

    >>> alike([Row("Do n't !", words=("Do", "n't", "!"), tags=("O", "O", "O"), written="Don't!")])
    {'punctuation': 1, 'whitespace': 0, 'recut': 1}

    Args:
        rows: Sentences with words. What is cut is the text as it was `written`, where a row has that, or else as it
            may have been.

    Returns:
        Numbers of sentences, by the values of `tagging.words`; and how many it would be if the words were recut.
    """
    texts = [written(row.words) if row.written is None else row.written for row in rows]
    cuts = {cut: word_splitter(cut)(texts)[0].to_list() for cut in WORD_CUTS}
    given = [[word.encode() for word in row.words] for row in rows]
    finer = [[part for word in parts for part in word] for parts in _parts(rows)]
    counts = {cut: sum(map(list.__eq__, found, given)) for cut, found in cuts.items()}
    return counts | {RECUT: sum(map(list.__eq__, cuts["punctuation"], finer))}


def recut(records: Iterable[_Record], tagging: TagsConfig) -> Iterator[_Record]:
    """Cuts the words of rows as serving cuts raw text, where that cuts within them: into characters of Chinese, say.

    A span of tags is of all parts of its words; a plain tag is that of each part.

    Args:
        records: Rows of words, and others, which go by.
        tagging: The scheme of the tags.
    """
    of_all = iter(records)
    while batch := list(itertools.islice(of_all, _ROWS_AT_ONCE)):
        rows = [record for record in batch if isinstance(record, Row)]
        parts = iter(_parts(rows))
        for record in batch:
            yield _recut(record, next(parts), tagging) if isinstance(record, Row) else record  # type: ignore[misc]


def _parts(rows: Sequence[Row]) -> list[list[list[bytes]]]:
    """The parts that serving has of each word of each row."""
    words = [word for row in rows for word in row.words]
    found = iter(word_splitter("punctuation")(words)[0].to_list()) if words else iter(())
    return [[next(found) or [word.encode()] for word in row.words] for row in rows]


def _recut(row: Row, parts: Sequence[Sequence[bytes]], tagging: TagsConfig) -> Row:
    if all(len(of_word) == 1 for of_word in parts):
        return row
    words = tuple(part.decode() for of_word in parts for part in of_word)
    if tagging.scheme == "plain":
        tags = [tag for tag, of_word in zip(row.tags, parts, strict=True) for _ in of_word]
    else:
        begins = list(itertools.accumulate(map(len, parts), initial=0))
        spans = [(label, begins[first], begins[end]) for label, first, end in spans_of_tags(row.tags, tagging.scheme)]
        tags = tags_of_spans(len(words), spans, tagging.scheme)
    return dataclasses.replace(
        row,
        text=" ".join(words),
        words=words,
        tags=tuple(tags),
        written=written(row.words) if row.written is None else row.written,
    )
