"""Long rows of pieces cut into overlapping windows of the model's length, and put together again.

Windows of a row are as many as the overlap asks for, and lie evenly spread, so that all are full and none has less
overlap than asked for. Each piece is taken from the window whose middle is nearest, where it has the most context.
"""

import dataclasses

import tensorflow as tf

from ulmfit_tfx.transforms.tokenization import Tokenizer

NO_TAG = -1
"""Stands in `window_tags` where there is no piece."""


@dataclasses.dataclass(frozen=True)
class Windows:
    """Which pieces windows hold. The windows are in the order of their rows and of the text.

    Attributes:
        pieces: int64 [windows, time], index of the piece in the rows' flat values; -1 at `<s>`, `</s>` and padding.
        is_taken: bool [windows, time], whether the piece is taken from this window: each is from exactly one.
        row_splits: int64 [batch + 1], of the rows.
    """

    pieces: tf.Tensor
    is_taken: tf.Tensor
    row_splits: tf.Tensor


def windows_of(ids: tf.RaggedTensor, size: int, overlap: int, tokenizer: Tokenizer) -> tuple[tf.Tensor, Windows]:
    """Cuts rows of pieces into windows. One that fits is a window, one without pieces is none.

    `[[5, 6, 7, 8]]` gives `[[2, 5, 6, 3], [2, 6, 7, 3], [2, 7, 8, 3]]` with size 4 and overlap 1.

    Args:
        ids: int32 [batch, (pieces)], without `<s>` and `</s>`.
        size: Longest window, with `<s>` and `</s>` where the tokenizer adds them.
        overlap: Pieces that successive windows share at least.
        tokenizer: For `<s>`, `</s>` and padding.

    Returns:
        int32 [windows, time], padded on the right; time is that of the longest window, at least 1. And which pieces
        they hold.

    Raises:
        ValueError: Windows hold no more pieces than they share, or share a negative number of them.
    """
    add_bos, add_eos, special = tokenizer.config.add_bos, tokenizer.config.add_eos, tokenizer.special_ids
    room = size - add_bos - add_eos
    if not 0 <= overlap < room:
        raise ValueError(f"overlap is {overlap}, expected at least 0 and less than the {room} pieces of a window")
    ids = ids.with_row_splits_dtype(tf.int64)
    starts, ends, first_taken, end_taken = _bounds(ids, room, overlap)
    time = tf.reduce_max(tf.concat([ends - starts + add_bos + add_eos, [1]], axis=0))
    pieces = starts[:, None] + tf.range(time) - int(add_bos)
    is_piece = (starts[:, None] <= pieces) & (pieces < ends[:, None])
    padded = tf.where(is_piece, tf.gather(ids.flat_values, tf.where(is_piece, pieces, 0)), special.pad)
    if add_bos:
        padded = tf.where(pieces >= starts[:, None], padded, special.bos)
    if add_eos:
        padded = tf.where(tf.not_equal(pieces, ends[:, None]), padded, special.eos)
    is_taken = (first_taken[:, None] <= pieces) & (pieces < end_taken[:, None])
    return padded, Windows(tf.where(is_piece, pieces, -1), is_taken, ids.row_splits)


def _bounds(ids: tf.RaggedTensor, room: int, overlap: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """First piece of each window and that after the last, and the same of those taken from it, int64 [windows] each."""
    lengths = ids.row_lengths()
    too_long = tf.maximum(lengths - room, 0)
    counts = tf.where(lengths > 0, 1 + (too_long + room - overlap - 1) // (room - overlap), 0)
    numbers = tf.ragged.range(counts)
    rows, numbers = numbers.value_rowids(), numbers.flat_values
    begins, lengths, too_long, counts = (
        tf.gather(by_row, rows) for by_row in (ids.row_starts(), lengths, too_long, counts)
    )

    def start(number):
        return number * too_long // tf.maximum(counts - 1, 1)

    def middle(number):
        """Where the middles of this window and the one before it are equally near."""
        return (start(number - 1) + start(number) + room) // 2

    first_taken = tf.where(numbers > 0, middle(numbers), 0)
    end_taken = tf.where(tf.equal(numbers, counts - 1), lengths, middle(numbers + 1))
    starts = start(numbers)
    ends = tf.minimum(starts + room, lengths)
    return begins + starts, begins + ends, begins + first_taken, begins + end_taken


def stitch(values: tf.Tensor, windows: Windows) -> tf.RaggedTensor:
    """Puts together what a model gave for the pieces of windows.

    Args:
        values: [windows, time, ...], of the ids that `windows_of` gave.
        windows: As `windows_of` gave them.

    Returns:
        [batch, (pieces), ...].
    """
    return tf.RaggedTensor.from_row_splits(tf.boolean_mask(values, windows.is_taken), windows.row_splits)


def window_tags(tags: tf.RaggedTensor, windows: Windows) -> tf.Tensor:
    """Cuts what belongs to pieces as the pieces were cut.

    Args:
        tags: [batch, (pieces), ...], numbers.
        windows: As `windows_of` gave them for rows of the same lengths.

    Returns:
        [windows, time, ...], `NO_TAG` at `<s>`, `</s>` and padding.
    """
    is_piece = tf.reshape(
        windows.pieces >= 0, tf.concat([tf.shape(windows.pieces), [1] * (tags.flat_values.shape.rank - 1)], axis=0)
    )
    held = tf.gather(tags.flat_values, tf.maximum(windows.pieces, 0))
    return tf.where(is_piece, held, tf.cast(NO_TAG, held.dtype))
