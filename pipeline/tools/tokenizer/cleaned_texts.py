"""Cleans texts as the served graph does, and cuts them at separators. TensorFlow is imported where cleaning is on."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig

_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 1_000_000
_ASCII_WHITE_SPACE = " \t\n\v\f\r"


def is_on(cleaning: CleaningConfig) -> bool:
    """Whether there is anything to clean."""
    return any(cleaning.model_dump().values())


def cleaned(texts: Sequence[str], cleaning: CleaningConfig) -> list[str]:
    """A batch of texts, cleaned."""
    if not is_on(cleaning) or not texts:
        return list(texts)
    import tensorflow as tf

    from ulmfit_tfx.transforms.cleaning import clean

    return [text.decode() for text in clean(tf.constant(texts), cleaning).numpy()]


def cleaned_for_training(texts: Iterable[str], cleaning: CleaningConfig, separator: str | None) -> Iterator[str]:
    """Texts as SentencePieceTrainer cleans them, a space in the place of each separator."""
    for batch in batches(texts):
        joined = batch if separator is None else [text.replace(separator, " ") for text in batch]
        yield from cleaned(joined, cleaning)


def cleaned_parts(texts: Sequence[str], cleaning: CleaningConfig, separator: str | None) -> tuple[list[str], list[int]]:
    """The parts between separators of a batch of texts, cleaned, as the served graph numericalizes them.

    Returns:
        The parts of all texts, and how many each text has.
    """
    if separator is None:
        return cleaned(texts, cleaning), [1] * len(texts)
    of_texts = [[part.strip(_ASCII_WHITE_SPACE) for part in text.split(separator)] for text in texts]
    parts = cleaned(list(itertools.chain.from_iterable(of_texts)), cleaning)
    return parts, [len(parts_of_text) for parts_of_text in of_texts]


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in batches of bounded number and size."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if len(batch) >= _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
