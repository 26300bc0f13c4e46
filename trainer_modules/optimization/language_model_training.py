"""Trains a language model on a stream of documents, or on texts one by one."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.trainer_modules.data.bptt_stream import Batch
from ulmfit_tfx.trainer_modules.models.language_model import head_weights
from ulmfit_tfx.trainer_modules.models.stateful_encoder import stateful_encoder
from ulmfit_tfx.trainer_modules.objectives.activation_regularization import (
    activation_regularization,
    temporal_activation_regularization,
)
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.objectives.cross_entropy import cross_entropy, summed_cross_entropy
from ulmfit_tfx.trainer_modules.objectives.sampled_softmax import summed_sampled_cross_entropy
from ulmfit_tfx.trainer_modules.optimization.distribution import gathered, number, shared_out
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, TrainingState, check_loss
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog

_READ_AHEAD = 4
_SUMS = "sums"


class Batches(Protocol):
    """What `BpttStream` and `SentenceBatches` have in common."""

    carries_state: bool

    @property
    def batch_size(self) -> int:
        """Rows."""

    @property
    def pieces(self) -> int:
        """Pieces that an epoch predicts, at most."""

    def steps(self, epoch: int, seed: int) -> int:
        """Steps of an epoch."""

    def predicted(self, epoch: int, seed: int) -> int:
        """Pieces that an epoch predicts."""

    def epoch(self, number: int, seed: int, skip: int = 0) -> Iterator[Batch]:
        """The steps of an epoch but for the first ones."""

    def in_order(self) -> Iterator[Batch]:
        """All texts."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Of a language model, state and all apart from training.

    Attributes:
        loss: Mean negative log likelihood of a piece, in nats.
        accuracy: Share of the pieces that were the most probable.
    """

    loss: float
    accuracy: float

    @property
    def metrics(self) -> dict[str, float]:
        """By name."""
        return {"eval_loss": self.loss, "eval_perplexity": perplexity(self.loss), "eval_accuracy": self.accuracy}


class LanguageModelSteps:
    """The steps of training and evaluation, as TensorFlow functions.

    States are arguments and results, not variables: training, evaluation and each replica have their own, and a
    checkpoint holds those of all rows.
    """

    def __init__(
        self,
        encoder: keras.Model,
        model: keras.Model,
        config: LanguageModelConfig,
        pad_id: int,
        strategy: tf.distribute.Strategy,
        sampler: CandidateSampler | None = None,
    ):
        """Prepares the steps.

        Args:
            encoder: The model's encoder, as `build_encoder` makes it.
            model: As `build_language_model` makes it; compiled with an optimizer before it is trained.
            config: Objective and mode.
            pad_id: Stands where there is no target, in mode `sentences`.
            strategy: In whose scope the model was built.
            sampler: Of the pieces that are compared with in training. None: the softmax is over all pieces.
        """
        self.model = model
        self.config = config
        self.pad_id = pad_id
        self.strategy = strategy
        self.sampler = sampler
        self.is_padded = config.mode == "sentences"
        self.reader = stateful_encoder(encoder, masked=self.is_padded)
        self.state_sizes = [state.shape[1] for state in self.reader.inputs[1:]]
        # A function is traced anew for each shape: that is worth it where there is one, or one and a rest.
        self.has_many_shapes = self.is_padded or config.bptt_jitter
        self._evaluate = self._compiled(self._evaluate_replica)

    def first_states(self, rows: int) -> list[Any]:
        """States before a text, of all rows."""
        return self.shared_out([np.zeros((rows, size), np.float32) for size in self.state_sizes])

    def shared_out(self, rows: Sequence[np.ndarray]) -> list[Any]:
        """Arrays of rows as values of the strategy."""
        return [shared_out(self.strategy, array) for array in rows]

    def arrays(self, states: Sequence[Any]) -> dict[str, np.ndarray]:
        """States of all rows, by name, for a checkpoint."""
        return {f"state_{index}": rows for index, rows in enumerate(gathered(self.strategy, states))}

    def restored(self, arrays: Mapping[str, np.ndarray], rows: int) -> list[Any]:
        """States from what `arrays` gave; those before a text where it gave none, at the end of an epoch."""
        if not arrays:
            return self.first_states(rows)
        return self.shared_out([arrays[f"state_{index}"] for index in range(len(self.state_sizes))])

    def train_function(self, variables: Sequence[keras.Variable]) -> Callable:
        """The training step for some of the variables.

        Returns:
            A function from ids, targets and states, as `shared_out` gives them, to the sum of the negative log
            likelihoods, an estimate of it where the softmax is sampled, the number of targets, and the states after the
            step.
        """

        def step(ids, targets, states, total):
            return self._train_replica(ids, targets, states, total, variables)

        return self._compiled(step)

    def evaluate(self, batches: Batches) -> Evaluation:
        """Reads all texts."""
        states = self.first_states(batches.batch_size)
        sums = np.zeros(3)
        for ids, targets in _read_ahead(batches.in_order()):
            *of_step, after = self._evaluate(*self.shared_out([ids, targets]), states)
            sums += [float(value) for value in of_step]
            if batches.carries_state:
                states = after
        loss, right, count = sums
        return Evaluation(loss / count, right / count)

    def _compiled(self, step):
        @tf.function(reduce_retracing=self.has_many_shapes)
        def on_all_replicas(ids, targets, states):
            total = tf.add_n([self._weights(part)[1] for part in self.strategy.experimental_local_results(targets)])
            *sums, states = self.strategy.run(step, args=(ids, targets, states, total))
            return *(self.strategy.reduce("SUM", value, axis=None) for value in sums), states

        return on_all_replicas

    def _train_replica(self, ids, targets, states, total, variables):
        weights, count = self._weights(targets)
        mask = None if weights is None else tf.not_equal(targets, self.pad_id)
        optimizer = self.model.optimizer
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            hidden, raw, *states = self.reader([ids, *states], training=True)
            objective, loss = self._summed_cross_entropy(_rows(hidden), tf.reshape(targets, [-1]), weights)
            objective /= tf.maximum(count, 1)
            if self.config.ar_alpha:
                objective += self.config.ar_alpha * activation_regularization(hidden, mask)
            if self.config.tar_beta:
                objective += self.config.tar_beta * temporal_activation_regularization(raw, mask)
            # By its share of the targets of all replicas: texts differ in length.
            scaled = optimizer.scale_loss(objective * (count / total))
        self._apply(tape.gradient(scaled, values), variables, tf.shape(ids)[1])
        return loss, count, states

    def _summed_cross_entropy(self, hidden, targets, weights):
        """The sum to be lowered, and that of the negative log likelihoods, which is an estimate from a sample."""
        kernel, bias = head_weights(self.model)
        if self.sampler is None:
            smoothing = self.config.label_smoothing
            return summed_cross_entropy(hidden, kernel, bias, targets, weights, self.config.max_logits, smoothing)
        return summed_sampled_cross_entropy(
            hidden,
            kernel,
            bias,
            targets,
            self.sampler.draw(self.model.optimizer.iterations),  # of the step: a killed run goes on with the same ones
            self.sampler.log_inclusion,
            weights,
            self.config.max_logits,
        )

    def _apply(self, gradients, variables, length):
        """Updates, at a rate in proportion to the length of the step where it varies (AWD-LSTM section 5)."""
        optimizer = self.model.optimizer
        if not self.config.bptt_jitter:
            optimizer.apply(gradients, variables)
            return
        adam = getattr(optimizer, "inner_optimizer", optimizer)
        adam.rate_scale = tf.cast(length, tf.float32) / self.config.bptt
        optimizer.apply(gradients, variables)
        adam.rate_scale = None

    def _evaluate_replica(self, ids, targets, states, _):
        weights, count = self._weights(targets)
        hidden, _, *states = self.reader([ids, *states], training=False)
        losses, is_right = cross_entropy(
            _rows(hidden), *head_weights(self.model), tf.reshape(targets, [-1]), self.config.max_logits
        )
        is_right = tf.cast(is_right, tf.float32)
        if weights is not None:
            losses, is_right = losses * weights, is_right * weights
        return tf.reduce_sum(losses), tf.reduce_sum(is_right), count, states

    def _weights(self, targets):
        """Ones at targets and zeros elsewhere, or None where all are targets; and how many targets there are."""
        if not self.is_padded:
            return None, tf.cast(tf.size(targets), tf.float32)
        weights = tf.cast(tf.reshape(tf.not_equal(targets, self.pad_id), [-1]), tf.float32)
        return weights, tf.reduce_sum(weights)


def fit_language_model(
    steps: LanguageModelSteps,
    *,
    train: Batches,
    evaluation: Batches,
    seed: int,
    frozen: Sequence[keras.Variable],
    folder: CheckpointFolder,
    progress: Progress,
    log: TrainingLog,
) -> TrainingState:
    """Trains to the end from wherever an earlier call was cut off, and leaves the best weights in the model.

    Args:
        steps: Around a model that is compiled and fresh.
        train: What is trained on.
        evaluation: What is evaluated on after each epoch.
        seed: Of the order of documents.
        frozen: Variables that stay as they are in the first `frozen_epochs` epochs.
        folder: Of this very training: the same data and configuration.
        progress: Told of each step and epoch.
        log: TensorBoard's.

    Returns:
        The final state.

    Raises:
        UserError: The loss is not a number.
    """
    config, model = steps.config, steps.model
    with steps.strategy.scope():  # the optimizer's variables are made here
        state = folder.restore(model, progress.begins_anew)
    states, sums = steps.first_states(train.batch_size), np.zeros(2)
    if state.epoch or state.batch:
        progress.resumed(int(number(model.optimizer.iterations)), state.epoch, state.batch)
        states = steps.restored(folder.arrays(), train.batch_size)
        sums = folder.arrays().get(_SUMS, sums)
    step_of = _step_functions(steps, frozen)
    saved_at = time.monotonic()
    while state.epoch < config.epochs and not state.stops_early(config.early_stopping_patience):
        step = step_of(state.epoch)
        if not state.batch:
            states, sums = steps.first_states(train.batch_size), np.zeros(2)
        for ids, targets in _read_ahead(train.epoch(state.epoch, seed, state.batch)):
            loss, count, after = step(*steps.shared_out([ids, targets]), states)
            states = after if train.carries_state else states
            sums = sums + np.array([float(loss), float(count)])
            state.batch += 1
            check_loss(float(loss), "loss", model.optimizer, state)
            state.metrics = _metrics(sums)
            progress.batch_done(state.epoch, state.batch, state.metrics)
            done = int(number(model.optimizer.iterations))
            if log.is_due(done):
                log.step(done, state.metrics | {"learning_rate": number(model.optimizer.learning_rate)})
            if time.monotonic() - saved_at >= config.checkpoint_seconds:
                folder.save(model, state, steps.arrays(states) | {_SUMS: sums})
                saved_at = time.monotonic()
        metrics = state.metrics | steps.evaluate(evaluation).metrics
        check_loss(metrics["eval_loss"], "eval loss", model.optimizer, state)
        folder.finish_epoch(model, state, metrics)
        progress.epoch_done(metrics)
        log.epoch(int(number(model.optimizer.iterations)), metrics)
    folder.load_best(model)
    return state


def perplexity(loss: float) -> float:
    """Of a mean negative log likelihood in nats."""
    return math.exp(min(loss, 700.0))


def _metrics(sums: np.ndarray) -> dict[str, float]:
    loss = float(sums[0] / sums[1])
    return {"loss": loss, "perplexity": perplexity(loss)}


def _step_functions(steps: LanguageModelSteps, frozen: Sequence[keras.Variable]) -> Callable[[int], Callable]:
    """The training step of an epoch: traced once for the epochs with frozen variables and once for the others."""
    frozen_ids = {id(variable) for variable in frozen}
    variables = steps.model.trainable_variables
    of_all = steps.train_function(variables)
    of_some = steps.train_function([variable for variable in variables if id(variable) not in frozen_ids])
    return lambda epoch: of_some if frozen_ids and epoch < steps.config.frozen_epochs else of_all


def _rows(hidden):
    return tf.reshape(hidden, [-1, hidden.shape[-1]])


def _read_ahead(batches: Iterator[Batch]) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Reads batches in another thread than the one that trains."""
    spec = tf.TensorSpec([None, None], tf.int32)
    return iter(tf.data.Dataset.from_generator(lambda: batches, output_signature=(spec, spec)).prefetch(_READ_AHEAD))
