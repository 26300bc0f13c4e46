"""Trains SentencePiece models. Without TFX and TensorFlow, so that the command does it too."""

import itertools
import re
from collections.abc import Iterable, Iterator
from io import BytesIO

import sentencepiece

from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError

SPECIAL_IDS = {"unk_id": 0, "pad_id": 1, "bos_id": 2, "eos_id": 3}
_HIGHEST_SIZE = re.compile(r"value <= (\d+)")
_LOWEST_SIZE = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")
_TWO_CHARACTERS = re.compile(r".\S", re.DOTALL)
_WORD_BOUNDARY = "\N{LOWER ONE EIGHTH BLOCK}"
"""SentencePiece's own sign for a space."""


def train(texts: Iterable[str | bytes], config: TokenizerConfig, max_text_bytes: int) -> bytes:
    """Trains a SentencePiece model.

    Args:
        texts: UTF-8 where they are bytes. Read once; SentencePiece keeps them in memory.
        config: Type, size and symbols.
        max_text_bytes: SentencePiece skips longer texts without a word.

    Returns:
        The serialized model.

    Raises:
        DataError: The texts cannot fill the vocabulary, or hold nothing to learn from.
    """
    model = BytesIO()
    count = 0

    def counted() -> Iterator[str | bytes]:
        nonlocal count
        for text in texts:
            count += 1
            yield text

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_with_something_to_learn(counted(), config),
            model_writer=model,
            model_type=config.model_type,
            vocab_size=config.vocab_size,
            character_coverage=config.character_coverage,
            user_defined_symbols=list(config.user_defined_symbols),
            byte_fallback=config.byte_fallback,
            normalization_rule_name=config.normalization,
            split_digits=config.split_digits,
            max_sentence_length=4 * max_text_bytes,
            num_threads=1,  # more threads add up in another order and give another model
            **SPECIAL_IDS,
        )
    except RuntimeError as error:
        if highest := _HIGHEST_SIZE.search(str(error)):
            advice = f"cannot fill {config.vocab_size:,} pieces. Set vocab_size to {highest[1]} at most"
        elif lowest := _LOWEST_SIZE.search(str(error)):
            advice = (
                f"need {lowest[1]} pieces for their characters and the special ones alone. Set vocab_size above "
                f"{lowest[1]}, or a lower character_coverage"
            )
        else:
            advice = "cannot train a tokenizer"
        raise DataError(f"{count:,} texts {advice}. (SentencePiece: {error})") from None
    return model.getvalue()


def _with_something_to_learn(texts: Iterator[str | bytes], config: TokenizerConfig) -> Iterator[str | bytes]:
    """The texts, once one of them is seen to hold two characters that a piece can be made of: else BPE crashes.

    A space before a character is one of the two. User symbols are none, nor are digits that are to be pieces by
    themselves, and SentencePiece passes over null characters.

    Raises:
        DataError: None does.
    """
    normalizer = sentencepiece.SentencePieceNormalizer(rule_name=config.normalization)
    # As in SentencePiece, a user symbol is found before the text is normalized, and a longer one before a shorter.
    symbols = map(re.escape, sorted(config.user_defined_symbols, key=len, reverse=True))
    apart = re.compile("|".join([*symbols, *([r"\d"] if config.split_digits else [])]) or "(?!)")
    seen: list[str | bytes] = []
    for text in texts:
        seen.append(text)
        for part in apart.split(f" {text if isinstance(text, str) else text.decode()}"):
            normalized = normalizer.normalize(part).replace(_WORD_BOUNDARY, " ").replace("\0", "")
            if _TWO_CHARACTERS.search(normalized):
                return itertools.chain(seen, texts)
    if not seen:
        raise DataError("there are no texts to train a tokenizer on.")
    raise DataError(
        f"{len(seen):,} texts hold nothing that a piece can be learned from: only white space, user symbols and single "
        "characters beside them."
    )
