"""Activation regularization of AWD-LSTM (Merity et al. 2018, https://arxiv.org/abs/1708.02182, section 4.4)."""

from typing import Any

from keras import ops


def activation_regularization(hidden: Any, mask: Any = None) -> Any:
    """AR: the mean square of the last layer's output after its dropout, float32 [].

    Args:
        hidden: float [batch, time, units].
        mask: bool [batch, time], True at what counts, or None.
    """
    return _mean(ops.square(ops.cast(hidden, "float32")), mask)


def temporal_activation_regularization(raw: Any, mask: Any = None) -> Any:
    """TAR: the mean square of the difference between successive outputs of the last layer before its dropout.

    Args:
        raw: float [batch, time, units], time at least 2.
        mask: bool [batch, time], True at what counts, or None.

    Returns:
        float32 [].
    """
    raw = ops.cast(raw, "float32")
    both = None if mask is None else ops.logical_and(mask[:, 1:], mask[:, :-1])
    return _mean(ops.square(raw[:, 1:] - raw[:, :-1]), both)


def _mean(squares, mask):
    if mask is None:
        return ops.mean(squares)
    share = ops.cast(mask, squares.dtype)[..., None]
    return ops.sum(squares * share) / ops.maximum(ops.sum(share) * squares.shape[-1], 1.0)
