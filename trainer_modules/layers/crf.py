"""Linear-chain conditional random field (Lafferty et al. 2001) on a tagger's scores (Lample et al. 2016, section 2.2).

A row of tags y[0..n-1] has the score

    start[y[0]] + sum of emissions[t, y[t]] + sum of transitions[y[t-1], y[t]] + end[y[n-1]]

and the probability exp(score) / Z, Z being the sum of exp(score) over all rows of tags. Here sums are kept as their
logarithms throughout: scores that are far apart, as a low temperature makes them, neither overflow nor vanish.
"""

from typing import Any

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.masking import last_true, zero_padding
from ulmfit_tfx.trainer_modules.layers.time_scan import time_scan


@keras.saving.register_keras_serializable("ulmfit_tfx")
class ConditionalRandomField(keras.layers.Layer):
    """Scores of successive tags, and with them the likelihood of tags, the best ones and their probabilities.

    Call argument: `emissions` float [batch, time, tags]. Returns them as they are, in float32, so that the layer stands
    in a model, which then has its weights. All else is done by its methods. They take

    - `emissions` float [batch, time, tags], a score of each tag at each position;
    - `mask` bool [batch, time], True at the positions that have a tag, which come first in a row. What stands at the
      others has no influence;
    - `temperature`, which divides all scores: the higher, the more alike the probabilities.

    They compute in float32 whatever the dtype policy. `time` may be zero.
    """

    def __init__(self, **kwargs: Any):
        """Creates the layer.

        Args:
            **kwargs: Of `keras.layers.Layer`; `dtype` is float32 whatever is given.
        """
        super().__init__(**kwargs | {"dtype": "float32"})

    def build(self, emissions_shape):
        """Creates `transitions` [from, to], `start` and `end` [tags], zeros: at first the tags are independent."""
        tags = emissions_shape[-1]
        self.transitions = self.add_weight(shape=(tags, tags), initializer="zeros", name="transitions")
        self.start = self.add_weight(shape=(tags,), initializer="zeros", name="start")
        self.end = self.add_weight(shape=(tags,), initializer="zeros", name="end")

    def call(self, emissions):
        """Returns the emissions, see the class."""
        return ops.cast(emissions, "float32")

    def negative_log_likelihood(self, emissions: Any, tags: Any, mask: Any, temperature: float = 1.0) -> Any:
        """Loss of each row, 0 for one without tags.

        Args:
            emissions: See the class.
            tags: int [batch, time], from 0 to tags - 1 where the mask is True.
            mask: See the class.
            temperature: See the class.

        Returns:
            float32 [batch], in nats.
        """
        emissions, transitions, start, end = self._scores(emissions, mask, temperature)
        is_tag = zero_padding(ops.one_hot(tags, transitions.shape[0], dtype=emissions.dtype), mask)
        score = _score(is_tag, last_true(is_tag, mask), emissions, transitions, start, end)
        steps, is_step = _steps(emissions, mask)
        log_partition = _log_partition(steps, is_step, transitions, start, end)
        return ops.where(ops.any(mask, axis=1), log_partition - score, 0.0)

    def decode(self, emissions: Any, mask: Any, temperature: float = 1.0) -> Any:
        """The most probable tags of each row, by the Viterbi algorithm. No temperature changes them.

        Args:
            emissions: See the class.
            mask: See the class.
            temperature: See the class.

        Returns:
            int32 [batch, time], 0 where masked.
        """
        emissions, transitions, start, end = self._scores(emissions, mask, temperature)
        steps, is_step = _steps(emissions, mask)
        tags = _viterbi(steps, is_step, transitions, start, end)
        return ops.transpose(tags) * ops.cast(mask, "int32")

    def marginals(self, emissions: Any, mask: Any, temperature: float = 1.0) -> Any:
        """The probability of each tag at each position, whatever the other tags are.

        Args:
            emissions: See the class.
            mask: See the class.
            temperature: See the class.

        Returns:
            float32 [batch, time, tags], 0 where masked.
        """
        emissions, transitions, start, end = self._scores(emissions, mask, temperature)
        steps, is_step = _steps(emissions, mask)
        forward = _forward(steps, is_step, transitions, start)
        probabilities, _ = _backward(forward, is_step, transitions, ops.softmax(forward[-1] + end))
        return ops.transpose(probabilities[:-_EXTRA_STEPS], (1, 0, 2))

    def _scores(self, emissions, mask, temperature):
        """Emissions, zero where masked, and weights: all float32 and divided by the temperature."""
        emissions = ops.where(mask[..., None], ops.cast(emissions, "float32"), 0.0)
        # One number added to all emissions of a position changes no probability. Without it sums over long rows would
        # grow, and float32 keep less of what is behind the point.
        emissions = emissions - ops.stop_gradient(ops.logsumexp(emissions, axis=-1, keepdims=True))
        weights = (ops.convert_to_tensor(weight) for weight in (self.transitions, self.start, self.end))
        return emissions / temperature, *(weight / temperature for weight in weights)


# Steps of padding behind each row: there is a first step then, and a loop of one at least, without which TensorFlow
# does not know the shape of what the loop returned.
_EXTRA_STEPS = 2


def _steps(emissions, mask):
    """Time-major emissions, float32 [steps, batch, tags], and bool [steps, batch, 1], False at padding."""
    emissions = ops.pad(ops.transpose(emissions, (1, 0, 2)), ((0, _EXTRA_STEPS), (0, 0), (0, 0)))
    return emissions, ops.pad(ops.transpose(mask), ((0, _EXTRA_STEPS), (0, 0)))[..., None]


def _score(is_tag, is_last_tag, emissions, transitions, start, end):
    """Score of the tags of each row, float32 [batch], the tags being given as ones and zeros."""
    is_first_tag = ops.sum(is_tag[:, :1], axis=1)
    of_emissions = ops.sum(emissions * is_tag, axis=(1, 2))
    of_transitions = ops.sum(ops.matmul(is_tag[:, :-1], transitions) * is_tag[:, 1:], axis=(1, 2))
    return of_emissions + of_transitions + ops.matmul(is_first_tag, start) + ops.matmul(is_last_tag, end)


def _log_partition(steps, is_step, transitions, start, end):
    """Logarithm of Z of each row, float32 [batch].

    Its gradient is written by hand, with `_backward`, which is there for the marginals. Automatic differentiation would
    keep float32 [batch, tags, tags] of every step, several times, and takes longer: loss and gradient with 23 tags on
    two CPU cores 9.2 rather than 8.0 ms for 32 rows of 64 steps, 1.9 rather than 1.1 ms for one of 20.
    """

    @ops.custom_gradient
    def differentiable(steps, transitions, start, end):
        forward = _forward(steps, is_step, transitions, start)
        at_end = forward[-1] + end

        def gradient(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            d_at_end = upstream[:, None] * ops.softmax(at_end)
            d_steps, d_transitions = _backward(forward, is_step, transitions, d_at_end)
            return d_steps, d_transitions, ops.sum(d_steps[0], axis=0), ops.sum(d_at_end, axis=0)

        return ops.logsumexp(at_end, axis=-1), gradient

    return differentiable(steps, transitions, start, end)


def _forward(steps, is_step, transitions, start, reduce=ops.logsumexp):
    """Logarithm of the sum over all tags up to each step that end with each tag.

    Args:
        steps: float32 [steps, batch, tags].
        is_step: bool [steps, batch, 1], False where the sums stay as they were.
        transitions: float32 [tags, tags].
        start: float32 [tags].
        reduce: `ops.max` in place of the sum: the score of the best tags.

    Returns:
        float32 [steps, batch, tags].
    """
    to_from = ops.transpose(transitions)

    def step(state, at_step):
        (before,) = state
        emissions, is_step = at_step
        after = reduce(before[:, None, :] + to_from, axis=-1) + emissions
        after = ops.where(is_step, after, before)
        return [after], [after]

    first = start + steps[0]
    _, (others,) = time_scan(step, [first], [steps[1:], is_step[1:]], [first.shape])
    return ops.concatenate([first[None], others])


def _backward(forward, is_step, transitions, at_end):
    """Shares that each step's tags have in the sums after them: given the probabilities at the end, those at each step.

    This is the derivative of `_forward`. Each step spreads a tag's probability over the tags that may have come before
    it, so that no number exceeds 1, unlike in a recurrence of scores from the end.

    Args:
        forward: float32 [steps, batch, tags], of `_forward`.
        is_step: bool [steps, batch, 1].
        transitions: float32 [tags, tags].
        at_end: float32 [batch, tags].

    Returns:
        float32 [steps, batch, tags], 0 at padding, and the same of successive tags summed over batch and time,
        float32 [tags, tags].
    """
    to_from = ops.transpose(transitions)

    def step(state, at_step):
        after, pairs = state
        before, is_step = at_step
        spread = ops.where(is_step, after, 0.0)
        scores = before[:, None, :] + to_from
        pair = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        pair = pair * (spread / ops.sum(pair, axis=-1))[:, :, None]
        after = ops.sum(pair, axis=1) + (after - spread)
        return [after, pairs + ops.sum(pair, axis=0)], [after]

    state = [at_end, ops.zeros_like(transitions)]
    (_, pairs), (others,) = time_scan(step, state, [forward[:-1], is_step[1:]], [at_end.shape], reverse=True)
    return ops.where(is_step, ops.concatenate([others, at_end[None]]), 0.0), ops.transpose(pairs)


def _viterbi(steps, is_step, transitions, start, end):
    """The best tags, int32 [time, batch]; anything where masked."""
    best = _forward(steps, is_step, transitions, start, ops.max)
    to_from = ops.transpose(transitions)

    def step(state, at_step):
        (after,) = state
        best, is_step = at_step
        before = ops.argmax(best + ops.take(to_from, after, axis=0), axis=-1)
        tag = ops.where(is_step[:, 0], ops.cast(before, "int32"), after)
        return [tag], [tag]

    last = ops.cast(ops.argmax(best[-1] + end, axis=-1), "int32")
    _, (tags,) = time_scan(step, [last], [best[:-1], is_step[1:]], [last.shape], reverse=True)
    return tags[: 1 - _EXTRA_STEPS]
