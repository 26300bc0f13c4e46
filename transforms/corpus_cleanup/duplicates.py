"""Keys by which equal and nearly equal texts are found: digests, and MinHash signatures of sequences of words.

Texts are nearly equal by the Jaccard similarity of their sequences of five words. MinHash estimates it (Broder, On the
resemblance and containment of documents, 1997), from the lowest eight bits of each minimum (Li and König, b-Bit Minwise
Hashing, 2010). Texts to compare are found by bands of a signature (Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, section 3.4). Hash functions and numbers of bands are those of the package `datasketch`.

Everything here depends on the texts alone, so that all of Beam's workers agree.
"""

import functools
import hashlib
import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ulmfit_tfx.transforms.records.record import Row

DIGEST_BYTES = 16
SIGNATURE_BYTES = 128
SHINGLE_WORDS = 5

_FALSE_POSITIVE_WEIGHT, _FALSE_NEGATIVE_WEIGHT = 0.1, 0.9
"""A pair too many in a band costs a comparison of signatures, a pair too few is missed for good."""

_BY_CHANCE = 1 / 256
"""Probability that the lowest eight bits of different minima are equal."""

_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Japanese syllables
    (0x3400, 0x4DBF),  # Chinese characters, also in the next three
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts that are written without spaces."""
_OUTSIDE, _INSIDE, _BY_ITSELF = 0, 1, 2

_CHARACTERS_AT_ONCE = 1 << 18
"""Of texts that are signed together: enough for NumPy's loops, and little enough for a processor's cache."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MERSENNE_BITS = np.uint64(61)
_MERSENNE_PRIME = np.uint64((1 << 61) - 1)


class Signatures(NamedTuple):
    """MinHash signatures of those texts of a batch that have words.

    Attributes:
        places: Places of these texts in the batch, ascending, int64 [signatures].
        values: uint8 [signatures, SIGNATURE_BYTES].
    """

    places: np.ndarray
    values: np.ndarray


class Bands(NamedTuple):
    """How a signature is cut.

    Attributes:
        number: Of bands in a signature.
        width: Values of a band. `number * width` is at most SIGNATURE_BYTES; the values left over are in no band.
    """

    number: int
    width: int


def text_digest(text: str) -> bytes:
    """Digest of DIGEST_BYTES bytes, the same for equal texts alone.

    >>> text_digest("A text.") == text_digest("A text."), text_digest("A text.") == text_digest("A text")
    (True, False)
    """
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def label_hash(row: Row) -> int:
    """A number below 2**63 that stands for what a row teaches: its label, labels, numbers, or words and their tags.

    >>> label_hash(Row("Fine.", label="good")) == label_hash(Row("Well.", label="good"))
    True
    >>> label_hash(Row("Fine.", labels=("good", "short"))) == label_hash(Row("Fine.", labels=("short", "good")))
    True
    >>> label_hash(Row("Fine.", label="good")) == label_hash(Row("Fine.", label="bad"))
    False
    """
    labels = None if row.labels is None else sorted(row.labels)
    taught = repr((row.label, labels, row.targets, row.words, row.tags))
    return int.from_bytes(hashlib.blake2b(taught.encode(), digest_size=8).digest(), "big") >> 1


def shingle_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the sequences of five words of each text; of all its words together, where it has fewer.

    Words are runs of letters, marks and digits, in lower case; in scripts without spaces each letter begins one. A text
    without words has no sequence.

    >>> hashes, counts = shingle_hashes(["It's fine, yes", "it S FINE: yes!", "one two three four five six", "?!"])
    >>> counts.tolist()
    [1, 1, 2, 0]
    >>> bool(hashes[0] == hashes[1])
    True

    Args:
        texts: Any. Memory is about 40 bytes a character of all of them.

    Returns:
        The hashes of all texts, one after the other, below 2**32, uint64 [shingles], and how many each text has,
        int64 [texts].
    """
    words, word_counts = _word_hashes(texts)
    ends = np.repeat(np.cumsum(word_counts), word_counts)
    places = np.arange(len(words))
    padded = np.concatenate([words, np.zeros(SHINGLE_WORDS - 1, np.uint64)])
    shingles = np.zeros(len(words), np.uint64)
    for ahead, power in enumerate(_powers(SHINGLE_WORDS)):
        shingles += np.where(places + ahead < ends, padded[ahead : ahead + len(words)], np.uint64(0)) * power
    is_first = np.concatenate([[True], ends[1:] != ends[:-1]])[: len(words)]
    is_shingle = is_first | (places + SHINGLE_WORDS <= ends)
    counts = np.where(word_counts > 0, np.maximum(word_counts - SHINGLE_WORDS + 1, 1), 0)
    return _mixed(shingles[is_shingle]) >> np.uint64(32), counts


def signatures(texts: Sequence[str]) -> Signatures:
    """MinHash signatures: the lowest eight bits of the minima of `datasketch.MinHash(SIGNATURE_BYTES)`.

    Args:
        texts: Any. Memory is about 40 bytes a character of the longest of them, and 10 MB.
    """
    signed = [_signed(texts[start:stop], start) for start, stop in _parts(texts)]
    if not signed:
        return Signatures(np.zeros(0, np.int64), np.zeros((0, SIGNATURE_BYTES), np.uint8))
    return Signatures(*map(np.concatenate, zip(*signed, strict=True)))


@functools.cache
def bands_for(similarity: float) -> Bands:
    """The bands that find most pairs of texts of a similarity, and few others, by `datasketch`.

    >>> bands_for(0.8)
    Bands(number=14, width=9)
    """
    from datasketch import MinHashLSH

    try:
        lsh = MinHashLSH(similarity, SIGNATURE_BYTES, (_FALSE_POSITIVE_WEIGHT, _FALSE_NEGATIVE_WEIGHT))
    except ValueError:  # it would take one band, which is none to it
        return Bands(2, SIGNATURE_BYTES // 2)
    return Bands(lsh.b, lsh.r)


def band_keys(values: np.ndarray, bands: Bands) -> np.ndarray:
    """Keys of the bands of signatures: two of them are equal where the same band has the same values.

    Args:
        values: uint8 [signatures, SIGNATURE_BYTES].
        bands: How they are cut.

    Returns:
        uint64 [signatures, bands].
    """
    cut = values[:, : bands.number * bands.width].reshape(-1, bands.number, bands.width)
    of_values = _mixed(cut.astype(np.uint64) @ _powers(bands.width))
    return _mixed(of_values + np.arange(bands.number, dtype=np.uint64))


def matches_needed(similarity: float) -> int:
    """How many of the values of two signatures have to be equal for an estimated similarity.

    >>> matches_needed(0.8)
    103
    """
    return math.ceil(SIGNATURE_BYTES * (similarity + (1 - similarity) * _BY_CHANCE))


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Starts and stops of runs of texts that have a bounded number of characters, unless it is one text alone."""
    start = characters = 0
    for place, text in enumerate(texts):
        if place > start and characters + len(text) > _CHARACTERS_AT_ONCE:
            yield start, place
            start, characters = place, 0
        characters += len(text)
    if start < len(texts):
        yield start, len(texts)


def _signed(texts: Sequence[str], first_place: int) -> Signatures:
    hashes, counts = shingle_hashes(texts)
    places = np.flatnonzero(counts)
    values = np.empty((SIGNATURE_BYTES, len(places)), np.uint8)
    starts = (np.cumsum(counts) - counts)[places]
    permuted, carried = np.empty_like(hashes), np.empty_like(hashes)
    for minima, (factor, addend) in zip(values, _permutations().T, strict=True):
        np.multiply(hashes, factor, out=permuted)
        permuted += addend
        # The lowest bits of the remainder by a Mersenne prime, in half the time of a division. They are wrong where the
        # sum comes to the prime: once in 2**58 times.
        np.right_shift(permuted, _MERSENNE_BITS, out=carried)
        permuted &= _MERSENNE_PRIME
        permuted += carried
        minima[:] = np.minimum.reduceat(permuted.astype(np.uint32), starts) & np.uint32(0xFF)
    return Signatures(places + first_place, values.T)


def _word_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all words, uint64 [words], and the number of words of each text, int64 [texts]."""
    lowered = [text.lower() for text in texts]
    text_starts = np.cumsum([0, *map(len, lowered)])[:-1]
    characters = np.frombuffer("".join(lowered).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds_of_characters()[characters]
    inside = kinds != _OUTSIDE
    begins = inside & (kinds == _BY_ITSELF)
    begins[1:] |= inside[1:] & ~inside[:-1]
    # A text that is empty begins where the next one does, or behind the last character.
    at_starts = text_starts[text_starts < len(characters)]
    begins[at_starts] = inside[at_starts]
    word_counts = np.diff(np.concatenate([[0], np.cumsum(begins)])[[*text_starts, len(characters)]])
    starts = np.flatnonzero(begins[inside])
    if not len(starts):
        return np.zeros(0, np.uint64), word_counts
    in_words = characters[inside].astype(np.uint64)
    lengths = np.diff(starts, append=len(in_words))
    in_words *= _powers(lengths.max())[np.arange(len(in_words)) - np.repeat(starts, lengths)]
    return _mixed(np.add.reduceat(in_words, starts)), word_counts


@functools.cache
def _kinds_of_characters() -> np.ndarray:
    """What each character is in a word, uint8 [Unicode]."""
    kinds = [_INSIDE if unicodedata.category(chr(code))[0] in "LMN" else _OUTSIDE for code in range(0x110000)]
    table = np.array(kinds, np.uint8)
    for first, last in _SPACELESS:
        codes = range(first, last + 1)
        is_letter = [unicodedata.category(chr(code))[0] in "LN" for code in codes]
        table[first : last + 1][is_letter] = _BY_ITSELF
    return table


@functools.cache
def _permutations() -> np.ndarray:
    """Factors and addends of the hash functions, uint64 [2, SIGNATURE_BYTES]."""
    from datasketch import MinHash

    return MinHash(SIGNATURE_BYTES).permutations


def _powers(count: int) -> np.ndarray:
    """Of an odd number, modulo 2**64, uint64 [count]."""
    return np.multiply.accumulate(np.full(count, _ODD))


def _mixed(values: np.ndarray) -> np.ndarray:
    """Numbers whose bits all depend on all bits of the values: the finalizer of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
