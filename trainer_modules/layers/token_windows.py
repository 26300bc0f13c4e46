"""What a QRNN step sees: its token and the tokens before it."""

from keras import ops

from ulmfit_tfx.trainer_modules.layers.time_scan import Tensor


def token_windows(sequence: Tensor, before: Tensor, features: int, mask: Tensor = None) -> tuple[Tensor, Tensor]:
    """Joins each token's features with those of the `window - 1` tokens before it, in the order x[t], x[t-1], ...

    Args:
        sequence: float [time, batch, features].
        before: float [batch, (window - 1) * features], the tokens before the first one, the latest first.
        features: Of a token.
        mask: bool [time, batch], False at positions that are no tokens: windows reach over them. Or None.

    Returns:
        float [time, batch, window * features], and what `before` is for a sequence that follows.
    """
    batch, window = ops.shape(sequence)[1], 1 + before.shape[-1] // features
    latest_first = ops.transpose(ops.reshape(before, (batch, window - 1, features)), (1, 0, 2))
    joined = ops.concatenate([ops.flip(latest_first, axis=0), sequence])
    time = ops.shape(sequence)[0]
    if mask is None:
        lagged = [joined[window - 1 - lag : window - 1 - lag + time] for lag in range(1, window)]
        latest = [joined[time + window - 2 - lag] for lag in range(window - 1)]
    else:
        is_token = ops.concatenate([ops.ones((window - 1, batch), "bool"), mask])
        count = ops.cumsum(ops.cast(is_token, "int32"), axis=0)
        preceding = (count - ops.cast(is_token, "int32"))[window - 1 :]
        positions = _token_positions(is_token)
        lagged = [_take(joined, _take(positions, preceding - lag)) for lag in range(1, window)]
        latest = [_take(joined, _take(positions, count[-1:] - 1 - lag))[0] for lag in range(window - 1)]
    return ops.concatenate([sequence, *lagged], axis=-1), ops.concatenate(latest, axis=-1)


def _token_positions(is_token):
    """Positions of the tokens, in order, before those of the others: int32 [time, batch]."""
    time = ops.shape(is_token)[0]
    masked_last = ops.arange(time)[:, None] + ops.where(is_token, 0, time)
    return ops.cast(ops.argsort(masked_last, axis=0), "int32")


def _take(steps, positions):
    """Picks `steps[positions[i, b], b]` for all i and b.

    Args:
        steps: [time, batch] or [time, batch, features].
        positions: int32 [n, batch].
    """
    batch = ops.shape(positions)[1]
    rows = ops.reshape(steps, (-1, *steps.shape[2:]))
    return ops.take(rows, positions * batch + ops.arange(batch), axis=0)
