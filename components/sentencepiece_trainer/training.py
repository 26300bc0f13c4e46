"""Trains SentencePiece models. Without TFX and TensorFlow, so that the command does it too."""

import itertools
import re
from collections.abc import Iterable, Iterator
from io import BytesIO

import sentencepiece

from ulmfit_tfx.schemas.config.tokenizer import SentencePieceConfig
from ulmfit_tfx.schemas.errors import DataError

SPECIAL_IDS = {"unk_id": 0, "pad_id": 1, "bos_id": 2, "eos_id": 3}
_HIGHEST_SIZE = re.compile(r"value <= (\d+)")
_LOWEST_SIZE = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")
_TWO_CHARACTERS = re.compile(r".\S", re.DOTALL)
_WORD_BOUNDARY = "\N{LOWER ONE EIGHTH BLOCK}"
"""SentencePiece's own sign for a space."""
_BYTES_OF_A_WORD = 5
_FEWEST_PIECES, _MOST_PIECES = 100, 8000


def train(texts: Iterable[str | bytes], config: SentencePieceConfig, max_text_bytes: int) -> bytes:
    """Trains a SentencePiece model.

    Args:
        texts: UTF-8 where they are bytes. Read once; SentencePiece keeps them in memory.
        config: Type, size and symbols.
        max_text_bytes: SentencePiece skips longer texts without a word.

    Returns:
        The serialized model.

    Raises:
        DataError: The texts cannot fill the vocabulary that is asked for, or hold nothing to learn from.
    """
    if config.vocab_size is not None:
        return _trained(texts, config, config.vocab_size, max_text_bytes)
    kept = list(texts)
    size = fitting_size(kept)
    for _ in ("fits", "holds the characters", "is no more than can be filled"):
        try:
            return _trained(kept, config, size, max_text_bytes)
        except VocabularyError as error:
            size, refused = error.nearest, error
    raise refused


def fitting_size(texts: Iterable[str | bytes]) -> int:
    """How many pieces texts can teach: the number of their words to the power of 3/4, 8,000 at most.

    So 100 sentences get 300 pieces and 1,000 reviews 8,000. A word is five bytes, for in some languages nothing stands
    between words.
    """
    return size_for_bytes(sum(map(_bytes_of, texts)))


def _bytes_of(text: str | bytes) -> int:
    return len(text if isinstance(text, bytes) else text.encode())


def size_for_bytes(size: int) -> int:
    """Pieces for so many bytes of text, see `fitting_size`."""
    return min(max(round((size / _BYTES_OF_A_WORD) ** 0.75), _FEWEST_PIECES), _MOST_PIECES)


class VocabularyError(DataError):
    """The texts need more pieces, or fewer, than were asked for.

    Attributes:
        nearest: A number of pieces that they can have.
    """

    def __init__(self, message: str, nearest: int):
        super().__init__(message)
        self.nearest = nearest


def _trained(texts: Iterable[str | bytes], config: SentencePieceConfig, vocab_size: int, max_text_bytes: int) -> bytes:
    model = BytesIO()
    count = size = 0

    def counted() -> Iterator[str | bytes]:
        nonlocal count, size
        for text in texts:
            count, size = count + 1, size + _bytes_of(text)
            yield text

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_with_something_to_learn(counted(), config),
            model_writer=model,
            model_type=config.model_type,
            vocab_size=vocab_size,
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
        cause = f"(SentencePiece: {error})"
        if highest := _HIGHEST_SIZE.search(str(error)):
            most = int(highest[1])
            raise VocabularyError(
                f"{count:,} texts cannot fill {vocab_size:,} pieces. Leave vocab_size out, or set it to "
                f"{min(size_for_bytes(size), most)}. {cause}",
                most,
            ) from None
        if lowest := _LOWEST_SIZE.search(str(error)):
            needed = int(lowest[1])
            raise VocabularyError(
                f"{count:,} texts need {needed} pieces for their characters and the special ones alone. Set "
                f"vocab_size to {needed + size_for_bytes(size)}, or a lower character_coverage. {cause}",
                needed + size_for_bytes(size),
            ) from None
        raise DataError(f"{count:,} texts cannot train a tokenizer. {cause}") from None
    return model.getvalue()


def _with_something_to_learn(texts: Iterator[str | bytes], config: SentencePieceConfig) -> Iterator[str | bytes]:
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
