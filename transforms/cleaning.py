"""Cleaning as TensorFlow ops, so that it is part of the served graph: training and serving see the same text."""

import tensorflow as tf

from ulmfit_tfx.schemas.config import CleaningConfig

# A tag starts with a letter, a slash or an exclamation mark, so "3 < 5 and 7 > 2" stays as it is.
_TAG = r"<(?:[A-Za-z/!])[^<>]*>"
# `&amp;` comes last: "&amp;lt;" is the text "&lt;", not a tag's bracket.
_ENTITIES = {
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&(?:#0?39|apos);": "'",
    "&amp;": "&",
}


def clean(texts: tf.Tensor, config: CleaningConfig) -> tf.Tensor:
    """Cleans a batch of texts.

    `b"Fine.<br /><br />Tom &amp; Jerry"` gives `b"Fine.  Tom & Jerry"` with `strip_html`.

    Args:
        texts: string [batch], UTF-8.
        config: What to clean.

    Returns:
        string [batch].
    """
    if config.strip_html:
        texts = tf.strings.regex_replace(texts, _TAG, " ")
        for pattern, character in _ENTITIES.items():
            texts = tf.strings.regex_replace(texts, pattern, character)
    if config.lower_case:
        texts = tf.strings.lower(texts, encoding="utf-8")
    return texts
