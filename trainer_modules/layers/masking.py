"""Masks of padded sequences, and values at a row's last true position."""

from keras import ops


def zero_padding(sequence, mask):
    """Sets masked positions to zero.

    Args:
        sequence: float [batch, time, units].
        mask: bool [batch, time], True at tokens, or None.

    Returns:
        float [batch, time, units].
    """
    return sequence if mask is None else sequence * ops.cast(mask, sequence.dtype)[..., None]


def last_true(sequence, mask):
    """Values at each row's last token, zero for a row that has none.

    Args:
        sequence: float [batch, time, units].
        mask: bool [batch, time], True at tokens, or None.

    Returns:
        float [batch, units].
    """
    if mask is None:
        return sequence[:, -1]
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    is_last = ops.logical_and(mask, ops.equal(count, count[:, -1:]))
    return ops.einsum("bt,btu->bu", ops.cast(is_last, sequence.dtype), sequence)
