"""Cleaning as TensorFlow ops, so that it is part of the served graph: training and serving see the same text.

All ops are in TensorFlow Serving, see `schemas/serving_ops.tsv`. `tensorflow_text` brings one of them, as it does
SentencePiece's, so a model with cleaning needs nothing more to be loaded.

Clients send any bytes. Bytes that are no UTF-8 stay as they are, but for `lower_case`, which makes them U+FFFD. Each
step takes time in proportion to a text's length, whatever is in it.
"""

import tensorflow as tf
import tensorflow_text

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.transforms.markup import html_patterns as patterns

# Tags become one of these two first, and the text in their place last: so nothing that is left makes a new tag.
_SPACE_TAG, _NO_SPACE_TAG = "<td>", "<b>"

# With half-width katakana's voicing marks, which NFKC makes combining marks.
_COMBINING_MARK = r"[\pM\x{FF9E}\x{FF9F}]"
_MANY_COMBINING_MARKS = f"({_COMBINING_MARK}{{30}}){_COMBINING_MARK}+"

_WHITE_SPACE = r"\s\x0B\x1C-\x1F\x{85}\pZ"  # what str.isspace() takes for it: \s alone is ASCII
_INSIDE_WORDS = r".,:'\x{2019}\x{B7}/_@&\x{2010}\x{2011}\-"  # with the curved apostrophe, the middle dot, two hyphens
_OTHER_MARK = rf"[^\PP{_INSIDE_WORDS}]"  # punctuation, without those: RE2 has no subtraction
_SEPARATIONS = (
    # A mark beside another. Twice, because the second of three is part of the first match.
    (r"(\pP)(\pP)", r"\1 \2"),
    (r"(\pP)(\pP)", r"\1 \2"),
    # A mark that stays in no word.
    (rf"([^{_WHITE_SPACE}])({_OTHER_MARK})", r"\1 \2"),
    (rf"({_OTHER_MARK})([^{_WHITE_SPACE}])", r"\1 \2"),
    # A mark at the end of a word, or at its beginning.
    (rf"([^{_WHITE_SPACE}])(\pP)([{_WHITE_SPACE}]|$)", r"\1 \2\3"),
    (rf"(^|[{_WHITE_SPACE}])(\pP)([^{_WHITE_SPACE}])", r"\1\2 \3"),
)

# StringLower follows the locale of its process: where that is Turkish, Azeri or Lithuanian, these become others.
_LOWER_BY_LOCALE = {"I": "i", "İ": "i\u0307", "J": "j", "Į": "į", "Ì": "ì", "Í": "í", "Ĩ": "ĩ"}


def clean(texts: tf.Tensor, config: CleaningConfig) -> tf.Tensor:
    """Cleans a batch of texts: `strip_html`, `nfkc`, `separate_punctuation` and `lower_case`, in this order.

    Markup goes first: full-width brackets, which NFKC makes `<` and `>`, are text.

    `b"<i>Who?</i>"` gives `b" who ? "` with all of them.

    Args:
        texts: string [batch], UTF-8.
        config: What to clean.

    Returns:
        string [batch].
    """
    if config.strip_html:
        texts = strip_html(texts)
    if config.nfkc:
        texts = nfkc(texts)
    if config.separate_punctuation:
        texts = separate_punctuation(texts)
    if config.lower_case:
        texts = lower_case(texts)
    return texts


def strip_html(texts: tf.Tensor) -> tf.Tensor:
    """Removes HTML, by the rules of `html_markup.strip_html`, which is of the corpus clean-up.

    `b"<p>F<i>in</i>e.<br /><unk> &amp; 3 < 5</p><script>x()</script>"` gives `b" Fine. <unk> & 3 < 5 "`.

    The words are the same as there, but for two things:

    - Entities become characters where these are among `html_patterns.DECODED`, and others stay. HTML has 2,125 names
      and numbers for any character; each would be an op of its own in the graph: TensorFlow has none that reads them.
    - White space stays, and tags of lines become spaces: line ends are for the splitting into sentences, which the
      served graph has not. SentencePiece makes one space of any.

    Args:
        texts: string, any shape.

    Returns:
        string, the same shape.
    """
    before, rest = _split_before(texts, patterns.HIDDEN_BEGINNING)
    for end, (beginning, tag) in patterns.UNCLOSED.items():
        rest = _without_unclosed(rest, beginning, end, tag)
    texts = tf.strings.join([before, tf.strings.regex_replace(rest, patterns.HIDDEN_CONTENT, _NO_SPACE_TAG)])
    texts = tf.strings.regex_replace(texts, patterns.SPACING_TAGS, _SPACE_TAG)
    texts = tf.strings.regex_replace(texts, patterns.OTHER_TAGS, _NO_SPACE_TAG)
    texts = tf.strings.regex_replace(texts, _SPACE_TAG, " ")
    texts = tf.strings.regex_replace(texts, _NO_SPACE_TAG, "")
    before, rest = _split_before(texts, "&")
    for pattern, character in patterns.ENTITIES.items():
        rest = tf.strings.regex_replace(rest, pattern, character)
    return tf.strings.join([before, rest])


def _split_before(texts: tf.Tensor, pattern: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Parts of texts before a pattern and from it on, so that many ops for what is rare take little time."""
    before = tf.strings.regex_replace(texts, rf"(?:{pattern})\C*$", "")
    bytes_before = tf.strings.length(before)
    return before, tf.strings.substr(texts, bytes_before, tf.strings.length(texts) - bytes_before)


def _without_unclosed(texts: tf.Tensor, beginning: str, end: str, tag: str) -> tf.Tensor:
    """Replaces beginnings after the last end: to look for the end of each would take quadratic time."""
    after = tf.strings.regex_replace(texts, rf"^\C*{end}", "")
    bytes_before = tf.strings.length(texts) - tf.strings.length(after)
    before = tf.strings.substr(texts, tf.zeros_like(bytes_before), bytes_before)
    return tf.strings.join([before, tf.strings.regex_replace(after, beginning, tag)])


def nfkc(texts: tf.Tensor) -> tf.Tensor:
    """Composes characters and replaces compatibility forms, as Unicode's Normalization Form KC.

    `"Ａ①ﬁ e\u0301"`, with a combining accent, gives `"A1fi é"`.

    Of more than 30 combining marks in a row the first 30 stay: no language needs more (Unicode Standard Annex #15,
    section 13), and the op would take minutes for a million of them.

    The op knows the characters of Unicode 12.1; those that came later stay as they are, where `unicodedata` of a
    newer Python would change a few. SentencePiece's usual rule, `nmt_nfkc`, does the same to what it reads; this step
    is for what comes before it, such as `separate_punctuation`, and for models of another rule.

    Args:
        texts: string, any shape, UTF-8.

    Returns:
        string, the same shape.
    """
    return tensorflow_text.normalize_utf8(tf.strings.regex_replace(texts, _MANY_COMBINING_MARKS, r"\1"), "NFKC")


def separate_punctuation(texts: tf.Tensor) -> tf.Tensor:
    """Puts a space on either side of each punctuation mark, where there is no white space yet.

    `b"What? (See it...)"` gives `b"What ? ( See it . . . )"`.

    Some marks stay between two characters that are neither white space nor punctuation: apostrophes, hyphens, middle
    dots and any of `. , : / _ @ &`. So do those of `don't`, `3.14`, `1,000`, `12:30`, `well-known` and `a@b.com`, and
    the first point of `e.g.`, which gives `e.g .`. Punctuation is what Unicode calls so (category P): `$`, `+` and `<`
    are symbols and stay. A second time changes nothing.

    Args:
        texts: string, any shape, UTF-8.

    Returns:
        string, the same shape.
    """
    for pattern, separated in _SEPARATIONS:
        texts = tf.strings.regex_replace(texts, pattern, separated)
    return texts


def lower_case(texts: tf.Tensor) -> tf.Tensor:
    """Lower-cases as Unicode's default rules say, whatever the locale of the process.

    `"ŻÓŁĆ"` gives `"żółć"`. Bytes that are no UTF-8, and zero bytes, become U+FFFD.

    Args:
        texts: string, any shape, UTF-8.

    Returns:
        string, the same shape.
    """
    texts = tf.strings.regex_replace(texts, r"\x00", "\N{REPLACEMENT CHARACTER}")  # StringLower would end there
    for upper, lower in _LOWER_BY_LOCALE.items():
        texts = tf.strings.regex_replace(texts, upper, lower)
    return tf.strings.lower(texts, encoding="utf-8")
