"""The stages that a row passes through, in their order."""

import dataclasses
from collections.abc import Iterator

from ulmfit_tfx.schemas.corpus_cleanup_config import RowStagesConfig, TextStagesConfig
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Row

EMPTY = "empty after clean-up"


def staged(row: Row, stages: RowStagesConfig) -> Iterator[Row | Drop]:
    """Passes a row through the configured stages.

    With `sentences: en` and `min_words: 2`, `Row("It rained. Dr. Who came. Yes.")` gives `Row("It rained.")`,
    `Row("Dr. Who came.")` and `Drop("fewer than 2 words")`.

    Args:
        row: As a parser gives it.
        stages: Which there are.

    Yields:
        For each row that comes of it, the row or the rule that drops it. One, unless texts are split into sentences.
    """
    for one in _reworded(row, stages) if isinstance(stages, TextStagesConfig) else [row]:
        rule = EMPTY if not one.text else _dropped_by(one.text, stages)
        yield one if rule is None else Drop(rule)


def _reworded(row: Row, stages: TextStagesConfig) -> list[Row]:
    text = row.text
    if stages.strip_wiki:
        from ulmfit_tfx.transforms.markup.wiki_markup import strip_wiki

        text = strip_wiki(text)
    if stages.strip_html:
        from ulmfit_tfx.transforms.markup.html_markup import strip_html

        text = strip_html(text)
    text = text.strip()
    if stages.sentences is not None:
        from ulmfit_tfx.transforms.corpus_cleanup.sentences import split_sentences

        return [dataclasses.replace(row, text=sentence) for sentence in split_sentences(text, stages.sentences) or [""]]
    return [row if text == row.text else dataclasses.replace(row, text=text)]


def _dropped_by(text: str, stages: RowStagesConfig) -> str | None:
    """Name of the rule that drops a text, or None. The cheapest rule is asked first."""
    if stages.min_words or stages.max_words is not None:
        words = len(text.split())
        if words < stages.min_words:
            return f"fewer than {stages.min_words} words"
        if stages.max_words is not None and words > stages.max_words:
            return f"more than {stages.max_words} words"
    if stages.languages:
        from ulmfit_tfx.transforms.corpus_cleanup.languages import UNDETERMINED, language_of

        if language_of(text) not in (*stages.languages, UNDETERMINED):
            return "in another language"
    return None
