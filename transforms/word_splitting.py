"""Raw text to words, as TensorFlow ops that TF Serving has: what a tagger tags, and where it stands in the text.

With `punctuation`, words are those of treebanks, as far as rules go that need no list of abbreviations:

- Letters, marks, digits and underscores that follow each other are a word. One apostrophe, hyphen, middle dot or `&`
  between them belongs to it (`O'Brien`, `well-known`, `col·lega`, `AT&T`), and so do the points, commas, colons and
  slashes between digits (`1,234.5`, `10:30`, `24/7`).
- English clitics are words of their own, as in the Penn Treebank and Universal Dependencies: `do` `n't`, `John` `'s`.
- Single letters with full stops are one word: `U.S.`, `e.g.`
- A run of full stops, of hyphens, of asterisks, of equals signs, of the typewriter's quotation marks ' and `, or of
  exclamation and question marks is a word. Any other punctuation mark or symbol is one by itself; an emoji keeps what
  modifies it and what is joined to it.
- In scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each character is a word,
  with its marks.
- All else that is not white space, such as control characters and bytes that are not UTF-8, also is in some word.

White space is what Python's `str.isspace` takes for it, and NUL, zero-width space and byte order mark.
"""

from typing import Literal

import tensorflow as tf
import tensorflow_text

Words = tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]

# Here and below in the syntax of RE2, inside of a character class. NUL is replaced before.
_SPACES = r"\p{Z}\t-\r\x1c-\x1f\x{85}\x{200B}\x{FEFF}"
_SPACELESS_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_APOSTROPHES = r"'\x{2019}"
_JOINER = r"\x{200D}"

_LETTER = rf"(?:[^{_SPACES}\p{{P}}\p{{S}}{_SPACELESS_SCRIPTS}]|_)"
_NUMBER = r"\p{N}+(?:[.,:/]\p{N}+)*"
_LETTERS = rf"(?:{_NUMBER}|{_LETTER})+"
_PICTURE = r"(?:[\x{1F1E6}-\x{1F1FF}]{2}|\p{So}[\p{M}\x{1F3FB}-\x{1F3FF}]*)"
_WORD = "|".join(
    [
        r"(?:\p{L}\.){2,}",
        rf"[{_APOSTROPHES}]?{_LETTERS}(?:[{_APOSTROPHES}\x{{B7}}\x{{2010}}\x{{2011}}&-]{_LETTERS})*",
        rf"[{_SPACELESS_SCRIPTS}]\p{{M}}*",
        rf"{_PICTURE}(?:{_JOINER}{_PICTURE})*",
        r"(?:\.+|-+|\*+|=+|[!?]+|'+|`+|[\p{P}\p{S}])\p{M}*",
    ]
)
_CLITIC_OR_QUOTE = rf"(?i:n[{_APOSTROPHES}]t|[{_APOSTROPHES}](?:s|re|ve|ll|d|m))$|^[{_APOSTROPHES}]+"


def split_words(texts: tf.Tensor, words: Literal["punctuation", "whitespace"]) -> Words:
    """Cuts texts into words.

    `b"Don't pay $1,234.5!"` gives `Do`, `n't`, `pay`, `$`, `1,234.5`, `!` with `punctuation`, and `Don't`, `pay`,
    `$1,234.5!` with `whitespace`.

    Args:
        texts: string [batch], UTF-8. Other bytes are not refused.
        words: `whitespace` cuts at white space alone.

    Returns:
        The words, string [batch, (words)], and where they begin and end (after the last byte), int64
        [batch, (words)] each, in bytes.
    """
    texts = tf.strings.regex_replace(texts, r"\x00", " ")  # the op takes it for the end of the text
    if words == "whitespace":
        return tensorflow_text.regex_split_with_offsets(texts, rf"[{_SPACES}]+")
    coarse, begins, _ = tensorflow_text.regex_split_with_offsets(
        texts, rf"[{_SPACES}]+|{_WORD}", rf"[^{_SPACES}](?s:.*)"
    )
    # RE2 does not look ahead, so what depends on where a word ends is cut off once that is known.
    fine, starts, ends = tensorflow_text.regex_split_with_offsets(
        coarse.flat_values, _CLITIC_OR_QUOTE, _CLITIC_OR_QUOTE
    )
    begins = tf.gather(begins.flat_values, fine.value_rowids())
    of_texts = tf.RaggedTensor.from_row_splits(fine.flat_values, tf.gather(fine.row_splits, coarse.row_splits))
    return of_texts, of_texts.with_values(begins + starts.flat_values), of_texts.with_values(begins + ends.flat_values)


def char_offsets(texts: tf.Tensor, byte_offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Turns offsets in bytes into offsets in code points.

    Of `"für"`, which are four bytes, 3 gives 2.

    Args:
        texts: string [batch], UTF-8. Of other bytes each is taken for a code point, unless it is one that can only
            continue one.
        byte_offsets: integer [batch, (offsets)], from 0 to the length of the text, at the beginning of a code point
            or the end of the text.

    Returns:
        int32 [batch, (offsets)].
    """
    lengths = tf.strings.length(texts)
    text_begins = tf.cumsum(lengths, exclusive=True)
    text_bytes = tf.io.decode_raw(tf.strings.reduce_join(texts), tf.uint8)
    begins_code_point = tf.not_equal(tf.bitwise.bitwise_and(text_bytes, 0xC0), 0x80)
    before = tf.pad(tf.cumsum(tf.cast(begins_code_point, tf.int32)), [[1, 0]])
    rows = byte_offsets.value_rowids()
    begins = tf.gather(text_begins, rows)
    ends = begins + tf.cast(byte_offsets.flat_values, tf.int32)
    return byte_offsets.with_flat_values(tf.gather(before, ends) - tf.gather(before, begins))


def substrings(texts: tf.Tensor, starts: tf.RaggedTensor, ends: tf.RaggedTensor) -> tf.RaggedTensor:
    """Cuts parts out of texts; they may overlap.

    Args:
        texts: string [batch].
        starts: integer [batch, (parts)], in bytes.
        ends: As `starts`, after the last byte.

    Returns:
        string [batch, (parts)].
    """
    characters = tf.strings.bytes_split(texts)
    begins = tf.gather(characters.row_starts(), starts.value_rowids())
    inside = tf.ragged.range(
        begins + tf.cast(starts.flat_values, begins.dtype), begins + tf.cast(ends.flat_values, begins.dtype)
    )
    return starts.with_flat_values(tf.strings.reduce_join(tf.gather(characters.flat_values, inside), axis=-1))
