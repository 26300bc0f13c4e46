"""Cleans up a row: what becomes of its text, and whether it stays."""

import dataclasses
from collections.abc import Iterator

from ulmfit_tfx.schemas.config.sources.corpus_cleanup import RowCleanupConfig, TextCleanupConfig
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Row

EMPTY = "empty after clean-up"


def cleaned_up(row: Row, config: RowCleanupConfig) -> Iterator[Row | Drop]:
    """Cleans up a row.

    With `sentences: en` and `min_words: 2`, `Row("It rained. Dr. Who came. Yes.")` gives `Row("It rained.")`,
    `Row("Dr. Who came.")` and `Drop("fewer than 2 words")`.

    Args:
        row: As a parser gives it.
        config: What is done.

    Yields:
        For each row that comes of it, the row or the rule that drops it. One, unless texts are split into sentences.
    """
    for one in _reworded(row, config) if isinstance(config, TextCleanupConfig) else [row]:
        rule = EMPTY if not one.text else _dropped_by(one.text, config)
        yield one if rule is None else Drop(rule)


def _reworded(row: Row, config: TextCleanupConfig) -> list[Row]:
    text = row.text
    if config.strip_wiki:
        from ulmfit_tfx.transforms.markup.wiki_markup import strip_wiki

        text = strip_wiki(text)
    if config.strip_html:
        from ulmfit_tfx.transforms.markup.html_markup import strip_html

        text = strip_html(text)
    text = text.strip()
    if config.sentences is not None:
        from ulmfit_tfx.transforms.corpus_cleanup.sentences import split_sentences

        return [dataclasses.replace(row, text=sentence) for sentence in split_sentences(text, config.sentences) or [""]]
    return [row if text == row.text else dataclasses.replace(row, text=text)]


def _dropped_by(text: str, config: RowCleanupConfig) -> str | None:
    """Name of the rule that drops a text, or None. The cheapest rule is asked first."""
    if config.min_words or config.max_words is not None:
        words = len(text.split())
        if words < config.min_words:
            return f"fewer than {config.min_words} words"
        if config.max_words is not None and words > config.max_words:
            return f"more than {config.max_words} words"
    if config.languages:
        from ulmfit_tfx.transforms.corpus_cleanup.languages import UNDETERMINED, language_of

        if language_of(text) not in (*config.languages, UNDETERMINED):
            return "in another language"
    return None
