"""What a word looks like, as numbers: its form, its prefix, its suffix and its shape, hashed.

TensorFlow ops that TF Serving has, so that training and the served graph see the same. The features are those of
spaCy's `MultiHashEmbed` (Miranda et al. 2022, https://arxiv.org/abs/2212.09255).
"""

import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.transforms.cleaning import clean, lower_case, nfkc

HASHES = 2**31 - 1
"""Ids go from 0 to one less than this."""

_AFFIX = 3
_LONGEST_RUN = 4
_KINDS = (
    (r"[\p{Ll}\p{Lt}\p{Lm}\p{Lo}]", "x"),  # before the capitals, which become one of these
    (r"\p{Lu}", "X"),
    (r"\p{Nd}", "d"),
    (r"\p{M}", ""),
)


def word_feature_ids(words: tf.Tensor, cleaning: CleaningConfig) -> tf.Tensor:
    """Cleans words and hashes each of their features.

    Args:
        words: string [words], UTF-8. Other bytes are not refused.
        cleaning: The tokenizer's, so that a model whose pieces know no capitals does not see them here.

    Returns:
        int32 [words, features], in the order of `WORD_FEATURES`.
    """
    features = word_features(clean(words, cleaning))
    hashed = [tf.strings.to_hash_bucket_fast(features[name], HASHES) for name in WORD_FEATURES]
    return tf.cast(tf.stack(hashed, axis=-1), tf.int32)


def word_features(words: tf.Tensor) -> dict[str, tf.Tensor]:
    """The features by name. All are of the word in Unicode's Normalization Form KC.

    `"Kraków-2"` gives the form `kraków-2`, the prefix `Kra`, the suffix `w-2` and the shape `Xxxxx-d`.

    - `form`: in lower case.
    - `prefix` and `suffix`: the first and the last three characters.
    - `shape`: `X` for capitals, `x` for other letters, `d` for decimal digits, no combining marks, all else as it is;
      of a character that is repeated the first four.

    Args:
        words: string [words], UTF-8. Other bytes are not refused.

    Returns:
        string [words] each.
    """
    words = nfkc(words)
    lengths = tf.strings.length(words, "UTF8_CHAR")
    first, affix = tf.zeros_like(lengths), tf.fill(tf.shape(lengths), _AFFIX)
    return {
        "form": lower_case(words),
        "prefix": tf.strings.substr(words, first, affix, "UTF8_CHAR"),
        "suffix": tf.strings.substr(words, tf.maximum(lengths - _AFFIX, 0), affix, "UTF8_CHAR"),
        "shape": _shapes(words),
    }


def _shapes(words: tf.Tensor) -> tf.Tensor:
    for pattern, kind in _KINDS:
        words = tf.strings.regex_replace(words, pattern, kind)
    characters = tf.strings.unicode_decode(words, "UTF-8")
    codes = characters.flat_values
    places = tf.range(tf.size(codes, tf.int64)) - tf.gather(characters.row_starts(), characters.value_rowids())
    is_more = places >= _LONGEST_RUN
    for before in range(1, _LONGEST_RUN + 1):
        is_more &= tf.equal(codes, tf.roll(codes, before, axis=0))
    return tf.strings.unicode_encode(tf.ragged.boolean_mask(characters, characters.with_flat_values(~is_more)), "UTF-8")
