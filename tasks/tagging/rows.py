"""Windows of tagged sentences as datasets of (inputs, targets), read from transformed examples."""

from collections.abc import Sequence

import tensorflow as tf

from ulmfit_tfx.schemas.feature_names import PIECE_COUNTS, TAG_COUNTS, TAG_IDS, WORD_FEATURE_IDS, WORD_FEATURES
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.trainer_modules.data.task_rows import IDS, TaskRows, ids_among, ids_of, parsed
from ulmfit_tfx.transforms.piece_windows import NO_TAG, window_tags, windows_of
from ulmfit_tfx.transforms.tokenization import Tokenizer


def tagged_rows(
    files: Sequence[str], tokenizer: Tokenizer, tags: int, inside: Sequence[int], tagging: TaggingConfig, size: int
) -> TaskRows:
    """Windows of tagged sentences: ids with `<s>` and `</s>`, and the tag of each piece.

    The target is int32 [pieces], `NO_TAG` at marks; with several tags a word float32 [pieces, tags]. With word features
    the input is the ids and the features of each piece's word, int32 [pieces, features], `NO_TAG` at marks.

    Args:
        files: Of the split.
        tokenizer: For its marks and padding.
        tags: Number of tags.
        inside: By tag, the one that later pieces of its word have, where the first piece alone has the word's.
        tagging: Alignment, overlap of the windows, whether a word has several tags, and features.
        size: Longest window in pieces, marks counted.
    """
    several, has_features = tagging.tag_separator is not None, tagging.word_features is not None
    features = IDS | {name: tf.io.VarLenFeature(tf.int64) for name in (PIECE_COUNTS, TAG_IDS)}
    features |= {TAG_COUNTS: tf.io.VarLenFeature(tf.int64)} if several else {}
    features |= {WORD_FEATURE_IDS: tf.io.VarLenFeature(tf.int64)} if has_features else {}

    def windows(row):
        counts = row[PIECE_COUNTS].values
        if several:
            of_words = tf.RaggedTensor.from_row_lengths(row[TAG_IDS].values, row[TAG_COUNTS].values)
            piece_tags = tf.repeat(_multi_hot_rows(of_words, tags), counts, axis=0)
        else:
            known = tf.maximum(row[TAG_IDS].values, 0)  # a tag that training never saw: any will do for the loss
            piece_tags = _piece_tags(known, counts, inside, tagging.alignment == "first_piece")
        ids, held = windows_of(tf.RaggedTensor.from_tensor(ids_of(row)[None]), size, tagging.window_overlap, tokenizer)
        targets = window_tags(tf.RaggedTensor.from_tensor(piece_tags[None], ragged_rank=1), held)
        inputs = ids
        if has_features:
            of_words = tf.cast(tf.reshape(row[WORD_FEATURE_IDS].values, [-1, len(WORD_FEATURES)]), tf.int32)
            of_pieces = tf.repeat(of_words, counts, axis=0)
            inputs = ids, window_tags(tf.RaggedTensor.from_tensor(of_pieces[None], ragged_rank=1), held)
        return tf.data.Dataset.from_tensor_slices((inputs, targets)).map(_without_padding)

    def _without_padding(inputs, target):
        length = tf.reduce_sum(tf.cast(tf.not_equal(ids_among(inputs), tokenizer.special_ids.pad), tf.int32))
        return tf.nest.map_structure(lambda of_pieces: of_pieces[:length], (inputs, target))

    files = tuple(files)
    return TaskRows(files, lambda: parsed(files, features).flat_map(windows), NO_TAG * (1.0 if several else 1), NO_TAG)


def _piece_tags(tags: tf.Tensor, counts: tf.Tensor, inside: Sequence[int], only_first: bool) -> tf.Tensor:
    """Tags of pieces, int32 [pieces], from those of words and the number of pieces of each."""
    of_pieces = tf.repeat(tags, counts)
    if only_first:
        starts = tf.cumsum(counts, exclusive=True)
        is_first = tf.scatter_nd(starts[:, None], tf.ones_like(starts), tf.shape(of_pieces, tf.int64)[:1])
        of_pieces = tf.where(is_first > 0, of_pieces, tf.gather(tf.constant(inside, tf.int64), of_pieces))
    return tf.cast(of_pieces, tf.int32)


def _multi_hot_rows(label_ids: tf.RaggedTensor, classes: int) -> tf.Tensor:
    """float32 [rows, classes] from int64 [rows, (labels)]."""
    if_any = tf.one_hot(label_ids.flat_values, classes)
    return tf.minimum(tf.math.unsorted_segment_sum(if_any, label_ids.value_rowids(), label_ids.nrows()), 1.0)
