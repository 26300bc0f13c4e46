import contextlib
import io
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream
from ulmfit_tfx.trainer_modules.data.sentence_batches import SentenceBatches
from ulmfit_tfx.trainer_modules.data.token_corpus import write_corpus
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.models.stateful_encoder import recurrent_layers
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.optimization.language_model_training import (
    LanguageModelSteps,
    fit_language_model,
    perplexity,
)
from ulmfit_tfx.trainer_modules.optimization.mixed_precision import mixed_precision
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog

VOCAB, PAD, SEED = 30, 1, 7
STEPS, EPOCHS, ROWS, BPTT = 6, 2, 4, 5
COUNTS = np.arange(VOCAB) ** 2
NO_DROPOUT = EncoderDropoutConfig(embedding=0, input=0, hidden=0, output=0, weight=0)
SETTINGS = {
    "epochs": EPOCHS,
    "batch_size": ROWS,
    "bptt": BPTT,
    "learning_rate": 0.02,
    "checkpoint_seconds": 0,
    "max_logits": 7 * VOCAB,
    "min_seq_len": 3,
    "max_seq_len": 12,
}


class Killed(BaseException):
    """Stands for the end of the process."""


class Watching(Progress):
    """Keeps the weights after each epoch, and ends the process after some batches."""

    def __init__(self, model, kill_after=float("inf")):
        super().__init__(EPOCHS, STEPS, STEPS * ROWS * BPTT, "perplexity", Console(file=io.StringIO()))
        self.model = model
        self.kill_after = kill_after
        self.weights_after_epochs = []

    def batch_done(self, epoch, batch, metrics):
        super().batch_done(epoch, batch, metrics)
        if self.done >= self.kill_after:
            raise Killed

    def epoch_done(self, metrics):
        super().epoch_done(metrics)
        self.weights_after_epochs.append({weight.path: weight.numpy() for weight in self.model.weights})


@pytest.fixture(scope="module")
def train_corpus(tmp_path_factory):
    """Documents in which each piece is followed by the next one: 6 steps and a rest."""
    lengths = [9, 1, 14, 30, 3, 7, 21, 2, 16, 8, 4, 11]
    starts = np.random.default_rng(1).integers(2, VOCAB, len(lengths))
    documents = [
        2 + (start - 2 + np.arange(length)) % (VOCAB - 2) for start, length in zip(starts, lengths, strict=True)
    ]
    corpus = write_corpus(documents, tmp_path_factory.mktemp("corpora") / "train", VOCAB)
    assert BpttStream(corpus, ROWS, BPTT).steps(0, SEED) == STEPS
    return corpus


@pytest.fixture(scope="module")
def eval_corpus(tmp_path_factory):
    """Documents of pieces drawn at random: what is learnt does not help here."""
    rng = np.random.default_rng(2)
    documents = [rng.integers(2, VOCAB, length) for length in (8, 20, 13, 2, 9)]
    return write_corpus(documents, tmp_path_factory.mktemp("corpora") / "eval", VOCAB)


def config_of(**settings):
    return LanguageModelConfig(**SETTINGS | settings)


def batches_of(corpus, config):
    if config.mode == "stream":
        return BpttStream(corpus, config.batch_size, config.bptt, config.bptt_jitter)
    return SentenceBatches.of(corpus, config.batch_size, PAD, config.min_seq_len, config.max_seq_len, False)


def steps_of(
    config, optimizer=None, dropout=NO_DROPOUT, architecture="qrnn", hidden_sizes=(8, 6), total=STEPS * EPOCHS
):
    keras.utils.set_random_seed(3)
    sizes = EncoderConfig(architecture=architecture, embedding_size=6, hidden_sizes=hidden_sizes, dropout=dropout)
    encoder = build_encoder(sizes, VOCAB, PAD, seed=3)
    model = build_language_model(encoder)
    for weight in model.weights:  # so that states and biases matter
        weight.assign(weight + keras.random.normal(weight.shape, 0, 0.3, seed=4))
    model.compile(optimizer=optimizer or optimizer_for(config, total))
    sampler = CandidateSampler(COUNTS, config.negatives, SEED) if config.softmax == "sampled" else None
    return LanguageModelSteps(encoder, model, config, PAD, tf.distribute.get_strategy(), sampler)


def fit(steps, folder, train, evaluation, kill_after=float("inf"), frozen=()):
    watching = Watching(steps.model, kill_after)
    state = fit_language_model(
        steps,
        train=batches_of(train, steps.config),
        evaluation=batches_of(evaluation, steps.config),
        seed=SEED,
        frozen=frozen,
        folder=CheckpointFolder(folder),
        progress=watching,
        log=TrainingLog(None),
    )
    return state, watching.weights_after_epochs


def trained(steps, batches):
    """Trains an epoch with carried states; returns the sum of all losses, the targets and the last states."""
    steps.model.optimizer.build(steps.model.trainable_variables)
    step = steps.train_function(steps.model.trainable_variables)
    states, sums = steps.first_states(batches.batch_size), np.zeros(2)
    for ids, targets in batches.epoch(0, SEED):
        loss, count, states = step(*steps.shared_out([ids, targets]), states)
        sums += [float(loss), float(count)]
    return *sums, steps.arrays(states)


@contextlib.contextmanager
def untraced():
    """Steps run as they are written: tracing them takes longer than some of them."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def losses_and_hits(model, ids, targets):
    """Of each position, from all logits, in float64."""
    logits = model(ids).numpy().astype("float64")
    of_targets = np.take_along_axis(logits, targets[..., None].astype("int64"), axis=-1)[..., 0]
    return np.log(np.exp(logits).sum(axis=-1)) - of_targets, logits.argmax(axis=-1) == targets


def assert_same_weights(model, expected, **tolerance):
    for weight, value in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, value, **tolerance)


@pytest.mark.parametrize(
    ("settings", "encoder"),
    [
        ({"label_smoothing": 0.1}, {}),
        ({}, {"architecture": "awd_lstm"}),
        ({}, {"hidden_sizes": (8, 7)}),
        ({"mode": "sentences"}, {}),
    ],
    ids=["smoothed", "lstm", "untied", "sentences"],
)
def test_gradient_of_a_step_is_that_of_the_objective_on_all_logits(settings, encoder, train_corpus):
    config = config_of(**settings)
    steps = steps_of(config, keras.optimizers.SGD(1.0), **encoder)
    model, batches = steps.model, batches_of(train_corpus, config)
    ids, targets = next(batches.epoch(0, SEED))
    counts = tf.constant(targets != PAD)
    with tf.GradientTape() as tape:
        hidden, logits = keras.Model(model.input, [model.get_layer("hidden_dropout_1").output, model.output])(ids)
        share = tf.one_hot(targets, VOCAB) * (1 - config.label_smoothing) + config.label_smoothing / VOCAB
        losses = -tf.reduce_sum(share * tf.nn.log_softmax(logits), axis=-1)[counts]
        pairs = counts[:, 1:] & counts[:, :-1]
        objective = (
            tf.reduce_mean(losses)
            + 2 * tf.reduce_mean(tf.square(hidden)[counts])
            + tf.reduce_mean(tf.square(hidden[:, 1:] - hidden[:, :-1])[pairs])
        )
    variables = [weight.value for weight in model.trainable_variables]
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(objective, variables)]
    expected = [weight - gradient for weight, gradient in zip(variables, gradients, strict=True)]
    model.optimizer.build(model.trainable_variables)
    step = steps.train_function(model.trainable_variables)
    step(*steps.shared_out([ids, targets]), steps.first_states(ROWS))
    assert_same_weights(model, expected, atol=1e-5)


@pytest.mark.parametrize("encoder", [{}, {"hidden_sizes": (8, 7)}], ids=["tied", "untied"])
@pytest.mark.parametrize("mode", ["stream", "sentences"])
def test_sampled_step_with_all_pieces_as_candidates_is_that_of_the_full_softmax(mode, encoder, train_corpus):
    updated, sums = [], []
    for settings in ({}, {"softmax": "sampled", "negatives": VOCAB}):
        steps = steps_of(config_of(mode=mode, **settings), keras.optimizers.SGD(1.0), **encoder)
        ids, targets = next(batches_of(train_corpus, steps.config).epoch(0, SEED))
        steps.model.optimizer.build(steps.model.trainable_variables)
        step = steps.train_function(steps.model.trainable_variables)
        loss, count, _ = step(*steps.shared_out([ids, targets]), steps.first_states(ROWS))
        sums.append([float(loss), float(count)])
        updated.append(steps.model.get_weights())
    assert sums[1] == pytest.approx(sums[0], rel=1e-5)
    for full, sampled in zip(*updated, strict=True):
        np.testing.assert_allclose(sampled, full, atol=1e-5)


def test_sampled_steps_draw_other_candidates_each(train_corpus):
    steps = steps_of(config_of(softmax="sampled", negatives=3), keras.optimizers.SGD(1e-9))
    batch = next(batches_of(train_corpus, steps.config).epoch(0, SEED))
    steps.model.optimizer.build(steps.model.trainable_variables)
    step = steps.train_function(steps.model.trainable_variables)
    losses = {float(step(*steps.shared_out(batch), steps.first_states(ROWS))[0]) for _ in range(4)}
    assert len(losses) == 4


def test_evaluation_is_over_all_pieces_whatever_the_softmax_of_training(eval_corpus):
    full, sampled = steps_of(config_of()), steps_of(config_of(softmax="sampled", negatives=2))
    assert sampled.evaluate(batches_of(eval_corpus, sampled.config)) == full.evaluate(
        batches_of(eval_corpus, full.config)
    )


@pytest.mark.parametrize("architecture", ["qrnn", "awd_lstm"])
def test_steps_with_carried_states_are_one_long_sequence(architecture, train_corpus):
    config = config_of()
    steps = steps_of(config, keras.optimizers.SGD(0.0), architecture=architecture)
    stream = batches_of(train_corpus, config)
    ids, targets = (np.concatenate(parts, axis=1) for parts in zip(*stream.epoch(0, SEED), strict=True))
    loss, count, _ = trained(steps, stream)
    losses, _ = losses_and_hits(steps.model, ids, targets)
    assert count == losses.size == STEPS * ROWS * BPTT
    assert loss == pytest.approx(losses.sum(), rel=1e-5)


def test_evaluation_of_a_stream_is_that_of_its_rows_as_long_sequences(eval_corpus):
    steps = steps_of(config_of())
    stream = batches_of(eval_corpus, steps.config)
    ids, targets = (np.concatenate(parts, axis=1) for parts in zip(*stream.in_order(), strict=True))
    losses, hits = losses_and_hits(steps.model, ids, targets)
    for _ in range(2):  # nothing is carried from one evaluation to the next
        evaluation = steps.evaluate(stream)
        assert evaluation.loss == pytest.approx(losses.mean(), rel=1e-5)
        assert evaluation.accuracy == pytest.approx(hits.mean())
    assert evaluation.metrics["eval_perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-4)


def test_evaluation_of_texts_counts_their_pieces_and_no_padding(eval_corpus):
    config = config_of(mode="sentences", max_seq_len=100)
    steps = steps_of(config)
    texts = [text for text in eval_corpus.read(np.arange(eval_corpus.documents)) if len(text) >= config.min_seq_len]
    of_texts = [losses_and_hits(steps.model, text[None, :-1], text[None, 1:]) for text in texts]
    losses, hits = (np.concatenate(parts, axis=1) for parts in zip(*of_texts, strict=True))
    evaluation = steps.evaluate(batches_of(eval_corpus, config))
    assert evaluation.loss == pytest.approx(losses.mean(), rel=1e-5)
    assert evaluation.accuracy == pytest.approx(hits.mean())


def test_evaluation_between_steps_changes_nothing_of_the_training(train_corpus, eval_corpus):
    config = config_of()
    stream, evaluated = batches_of(train_corpus, config), batches_of(eval_corpus, config)
    results = []
    for evaluates in (False, True):
        steps = steps_of(config, dropout=EncoderDropoutConfig())
        steps.model.optimizer.build(steps.model.trainable_variables)
        step, states = steps.train_function(steps.model.trainable_variables), steps.first_states(ROWS)
        for batch in stream.epoch(0, SEED):
            *_, states = step(*steps.shared_out(batch), states)
            if evaluates:
                steps.evaluate(evaluated)
        results.append([*steps.model.get_weights(), *steps.arrays(states).values()])
    for quiet, interrupted in zip(*results, strict=True):
        np.testing.assert_array_equal(quiet, interrupted)


MODES = {
    "stream": {},
    "jitter": {"bptt_jitter": True},
    "sentences": {"mode": "sentences"},
    "sampled": {"softmax": "sampled", "negatives": 12},
}


@pytest.fixture(scope="module")
def unbroken(train_corpus, eval_corpus, tmp_path_factory):
    """Weights after each epoch and the final state of trainings in each mode, dropouts on."""
    results = {}
    for name, settings in MODES.items():
        steps = steps_of(config_of(**settings), dropout=EncoderDropoutConfig())
        with untraced():
            results[name] = fit(steps, tmp_path_factory.mktemp(name), train_corpus, train_corpus)
    return results


@pytest.mark.parametrize(
    ("mode", "kill_after"),
    [
        ("stream", 4),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in (("stream", STEPS + 1), ("stream", STEPS + 3), ("jitter", 4), ("sentences", 2))
        ),
        ("sampled", 4),
    ],
)
def test_killed_training_goes_on_as_if_it_had_not_been(mode, kill_after, unbroken, train_corpus, tmp_path):
    config = config_of(**MODES[mode])
    with untraced():
        with pytest.raises(Killed):
            fit(steps_of(config, dropout=EncoderDropoutConfig()), tmp_path, train_corpus, train_corpus, kill_after)
        steps = steps_of(config, dropout=EncoderDropoutConfig())
        state, weights = fit(steps, tmp_path, train_corpus, train_corpus)
    expected_state, expected_weights = unbroken[mode]
    assert state.best_epoch == expected_state.best_epoch
    for metrics, expected in zip(state.history, expected_state.history, strict=True):
        assert metrics == pytest.approx(expected, rel=1e-5)
    for path, value in expected_weights[-1].items():
        np.testing.assert_allclose(weights[-1][path], value, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_learns(mode, unbroken):
    state, _ = unbroken[mode]
    first, last = state.history
    assert last["loss"] < first["loss"]
    assert last["eval_loss"] < first["eval_loss"]
    assert last["perplexity"] == pytest.approx(perplexity(last["loss"]))


def test_training_loss_is_that_of_the_epochs_targets(unbroken, train_corpus, tmp_path):
    steps = steps_of(config_of(epochs=1), keras.optimizers.SGD(0.0))
    expected_loss, count, _ = trained(steps, batches_of(train_corpus, steps.config))
    state, _ = fit(steps, tmp_path, train_corpus, train_corpus)
    assert state.history[0]["loss"] == pytest.approx(expected_loss / count, rel=1e-5)


def test_frozen_variables_stay_in_the_first_epochs_and_then_learn(train_corpus, tmp_path):
    steps = steps_of(config_of(frozen_epochs=1))
    frozen = [variable for layer in recurrent_layers(steps.model) for variable in layer.trainable_variables]
    before = {weight.path: weight.numpy() for weight in steps.model.weights}
    _, (after_one, after_two) = fit(steps, tmp_path, train_corpus, train_corpus, frozen=frozen)
    paths = {variable.path for variable in frozen}
    assert paths < set(before)
    for path, value in before.items():
        assert (path in paths) == np.array_equal(after_one[path], value), path
        assert not np.array_equal(after_two[path], after_one[path]), path


def test_loss_that_is_not_a_number_stops_with_step_and_learning_rate(train_corpus, tmp_path):
    steps = steps_of(config_of(), keras.optimizers.SGD(3e38))
    with (
        untraced(),
        pytest.raises(UserError, match=r"loss is (nan|inf) at step 2 \(epoch 1, batch 2\), learning rate 3e\+38"),
    ):
        fit(steps, tmp_path, train_corpus, train_corpus)


def test_training_stops_without_a_lower_eval_loss_and_keeps_the_best(train_corpus, eval_corpus, tmp_path):
    config = config_of(epochs=9, early_stopping_patience=2, schedule="constant", learning_rate=0.1)
    steps = steps_of(config)
    with untraced():
        state, weights = fit(steps, tmp_path, train_corpus, eval_corpus)
    losses = [metrics["eval_loss"] for metrics in state.history]
    assert state.best_epoch == np.argmin(losses) == len(losses) - 3
    assert len(losses) < 9
    assert_same_weights(steps.model, weights[state.best_epoch].values(), atol=0)


@pytest.mark.parametrize("softmax", [{}, MODES["sampled"]], ids=["full", "sampled"])
@pytest.mark.parametrize("setting", ["float16", pytest.param("bfloat16", marks=pytest.mark.thorough)])
def test_half_precision_trains(setting, softmax, train_corpus, tmp_path):
    with mixed_precision(setting):
        steps = steps_of(config_of(epochs=1, **softmax), dropout=EncoderDropoutConfig())
    assert all(weight.dtype == "float32" for weight in steps.model.weights)
    before = steps.model.get_weights()
    state, _ = fit(steps, tmp_path, train_corpus, train_corpus)
    exact = steps_of(config_of(epochs=1)).evaluate(batches_of(train_corpus, steps.config))
    assert np.isfinite(state.history[0]["loss"])
    assert state.history[0]["eval_loss"] < exact.loss
    assert all(np.any(weight != old) for weight, old in zip(steps.model.get_weights(), before, strict=True))


@pytest.fixture(scope="module")
def of_replicas(tmp_path_factory):
    """Results of the same trainings on one and on two replicas, by name."""
    output = tmp_path_factory.mktemp("replicas") / "results.npz"
    script = Path(__file__).with_name("replica_language_models.py")
    ended = subprocess.run([sys.executable, script, output], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    with np.load(output) as arrays:
        return dict(arrays)


def results_named(results, prefix):
    return {name.removeprefix(prefix): value for name, value in results.items() if name.startswith(prefix)}


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["stream", "sentences", "sampled"])
def test_two_replicas_train_as_one_with_the_whole_batch(mode, of_replicas):
    whole, shared = (results_named(of_replicas, f"{mode}_{replicas}_") for replicas in (1, 2))
    assert whole.keys() == shared.keys()
    for name, value in whole.items():
        np.testing.assert_allclose(shared[name], value, rtol=1e-4, atol=2e-6, err_msg=name)


@pytest.mark.thorough
def test_training_on_two_replicas_goes_on_after_a_kill(of_replicas):
    unbroken, resumed = (results_named(of_replicas, f"{name}_2_") for name in ("stream", "resumed"))
    for name, value in unbroken.items():
        np.testing.assert_allclose(resumed[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.thorough
def test_rows_of_two_replicas_are_gathered_in_their_order(of_replicas):
    np.testing.assert_array_equal(of_replicas["gathered"], np.arange(12).reshape(6, 2))
    np.testing.assert_array_equal(of_replicas["of_second_replica"], np.arange(12).reshape(6, 2)[3:])
