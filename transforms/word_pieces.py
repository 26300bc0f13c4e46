"""Words to SentencePiece ids, each word by itself: what a tagger reads."""

import tensorflow as tf

from ulmfit_tfx.transforms.cleaning import clean
from ulmfit_tfx.transforms.tokenization import Tokenizer


def word_pieces(tokenizer: Tokenizer, words: tf.RaggedTensor) -> tf.RaggedTensor:
    """Cleans and numericalizes words, without `<s>` and `</s>`.

    `[["Fine", "."]]` gives `[[[817, 42], [9]]]`.

    Args:
        tokenizer: Its separator has no meaning here.
        words: string [batch, (words)], UTF-8. They may hold white space.

    Returns:
        int32 [batch, (words), (pieces)]. Each word has a piece: `<unk>` where SentencePiece gives none, as for a word
        of control characters.
    """
    marked = tokenizer.op.tokenize(clean(words.flat_values, tokenizer.cleaning))
    pieces = marked[:, int(tokenizer.config.add_bos) : -1 if tokenizer.config.add_eos else None]
    is_empty = tf.cast(tf.equal(pieces.row_lengths(), 0), tf.int64)
    unknown = tf.repeat(tokenizer.special_ids.unk, tf.reduce_sum(is_empty))
    pieces = tf.concat([pieces, tf.RaggedTensor.from_row_lengths(unknown, is_empty)], axis=1)
    return words.with_row_splits_dtype(pieces.row_splits.dtype).with_values(pieces)
