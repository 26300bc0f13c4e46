import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax
from sklearn.metrics import f1_score

from ulmfit_tfx.trainer_modules.layers.crf import ConditionalRandomField
from ulmfit_tfx.trainer_modules.objectives.sequence_losses import (
    CrfLoss,
    MicroF1,
    TokenAccuracy,
    TokenBinaryCrossEntropy,
    TokenCrossEntropy,
)

TAGS = 4


class Batch:
    """Logits; a tag at some positions, after `first` ones without; several tags at the same positions; row weights."""

    def __init__(self, lengths, first=0, padding=0, seed=0):
        rng = np.random.default_rng(seed)
        steps = np.arange(first + max(lengths) + padding)
        self.first, self.lengths = first, lengths
        self.is_tagged = (steps >= first) & (steps < first + np.array(lengths)[:, None])
        shape = self.is_tagged.shape
        self.logits = rng.normal(0, 2, (*shape, TAGS)).astype("float32")
        self.tags = np.where(self.is_tagged, rng.integers(0, TAGS, shape), -1).astype("int32")
        several = rng.integers(0, 2, self.logits.shape)
        self.several = np.where(self.is_tagged[..., None], several, -1).astype("float32")
        self.weights = rng.uniform(0, 2, len(lengths)).astype("float32")
        self.crf = ConditionalRandomField()
        self.crf.build((None, None, TAGS))
        self.crf.set_weights([rng.normal(size=weight.shape) for weight in self.crf.weights])

    def mean(self, losses):
        """Losses of the tagged positions in row order, times the weight of their row: the sum / how many they are."""
        weights = np.repeat(self.weights, self.lengths)
        return np.sum(np.asarray(losses, "float64") * weights) / max(len(weights), 1)

    @property
    def row_losses(self):
        """Negative log likelihood of each row under the conditional random field, each computed by itself."""
        for row, length in enumerate(self.lengths):
            here = slice(self.first, self.first + length)
            mask = np.ones((1, length), bool)
            of_row = self.crf.negative_log_likelihood(self.logits[row : row + 1, here], self.tags[[row], here], mask)
            yield float(of_row[0])


batches = st.builds(
    Batch, st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 1), st.integers(0, 2), st.integers(0, 99)
)


@given(batch=batches)
@settings(max_examples=30, deadline=None)
def test_softmax_loss_is_the_weighted_sum_over_tagged_positions_by_their_number(batch):
    tags = batch.tags[batch.is_tagged]
    losses = -log_softmax(np.float64(batch.logits[batch.is_tagged]), axis=-1)[np.arange(len(tags)), tags]
    own = TokenCrossEntropy()(batch.tags, batch.logits, batch.weights)
    np.testing.assert_allclose(own, batch.mean(losses), rtol=1e-5, atol=1e-6)


@given(batch=batches)
@settings(max_examples=30, deadline=None)
def test_sigmoid_loss_is_the_weighted_sum_over_words_by_their_number(batch):
    logits, has_tag = np.float64(batch.logits[batch.is_tagged]), batch.several[batch.is_tagged] == 1
    losses = -np.where(has_tag, log_expit(logits), log_expit(-logits)).mean(axis=-1)
    own = TokenBinaryCrossEntropy()(batch.several, batch.logits, batch.weights)
    np.testing.assert_allclose(own, batch.mean(losses), rtol=1e-5, atol=1e-6)


@given(batch=batches)
@settings(max_examples=15, deadline=None)
def test_crf_loss_is_the_weighted_sum_over_rows_by_the_number_of_tags(batch):
    own = CrfLoss(batch.crf, batch.first)(batch.tags, batch.logits, batch.weights)
    expected = np.dot(batch.weights, list(batch.row_losses)) / max(sum(batch.lengths), 1)
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-6)


def loss_and_truth(kind, batch):
    if kind == "crf":
        return CrfLoss(batch.crf, batch.first), batch.tags
    return (TokenCrossEntropy(), batch.tags) if kind == "softmax" else (TokenBinaryCrossEntropy(), batch.several)


kinds = pytest.mark.parametrize("kind", ["softmax", "sigmoid", "crf"])


@kinds
def test_untagged_positions_have_no_gradient(kind):
    batch = Batch([3, 0, 1], first=1, padding=2)
    loss, truth = loss_and_truth(kind, batch)
    logits = tf.constant(batch.logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(truth, logits)
    gradient = tape.gradient(value, logits).numpy()
    assert not gradient[~batch.is_tagged].any()
    assert gradient[batch.is_tagged].any(axis=-1).all()


@kinds
def test_batch_without_tags_has_no_loss(kind):
    batch = Batch([0, 0], first=1, padding=1)
    loss, truth = loss_and_truth(kind, batch)
    assert float(loss(truth, batch.logits)) == 0


@kinds
def test_half_precision_logits_are_summed_in_single(kind):
    batch = Batch([40] * 30)
    loss, truth = loss_and_truth(kind, batch)
    half = batch.logits.astype("float16")
    own = loss(truth, tf.constant(half))
    assert own.dtype == "float32"
    np.testing.assert_allclose(own, loss(truth, half.astype("float32")), rtol=1e-6)


@given(batch=batches, other=batches)
@settings(max_examples=30, deadline=None)
def test_accuracy_is_the_share_of_tagged_positions_over_all_batches(batch, other):
    metric = TokenAccuracy()
    right = []
    for part in (batch, other):
        metric.update_state(part.tags, part.logits)
        right.extend(part.logits[part.is_tagged].argmax(axis=-1) == part.tags[part.is_tagged])
    assert float(metric.result()) == pytest.approx(np.mean(right) if right else 0)


@given(batch=batches)
@settings(max_examples=15, deadline=None)
def test_accuracy_with_a_crf_is_that_of_the_decoded_tags(batch):
    metric = TokenAccuracy(batch.crf, batch.first)
    metric.update_state(batch.tags, batch.logits)
    right = []
    for row, length in enumerate(batch.lengths):
        here = slice(batch.first, batch.first + length)
        decoded = batch.crf.decode(batch.logits[row : row + 1, here], np.ones((1, length), bool))[0]
        right.extend(decoded.numpy() == batch.tags[row, here])
    assert float(metric.result()) == pytest.approx(np.mean(right) if right else 0)


def test_weighted_accuracy_counts_rows_by_their_weight():
    logits = np.eye(3, dtype="float32")[[[0, 1], [0, 2]]]
    metric = TokenAccuracy()
    metric.update_state(np.array([[0, 1], [0, 1]]), logits, np.array([1.0, 3.0]))
    assert float(metric.result()) == pytest.approx((1 + 1 + 3) / (1 + 1 + 3 + 3))


@given(batch=batches, threshold=st.sampled_from([0.2, 0.5, 0.9]))
@settings(max_examples=30, deadline=None)
def test_micro_f1_of_words_is_that_of_scikit_learn(batch, threshold):
    metric = MicroF1(threshold)
    metric.update_state(batch.several, batch.logits)
    expected, logits = batch.several[batch.is_tagged], np.float64(batch.logits[batch.is_tagged])
    score = f1_score(expected, expit(logits) >= threshold, average="micro", zero_division=0) if len(expected) else 0
    assert float(metric.result()) == pytest.approx(score, abs=1e-6)


def test_micro_f1_of_documents_is_that_of_scikit_learn_over_all_batches():
    rng = np.random.default_rng(0)
    metric = MicroF1(0.3)
    expected, logits, weights = rng.integers(0, 2, (90, 5)), rng.normal(size=(90, 5)), rng.uniform(0, 2, 90)
    for start in range(0, 90, 30):
        batch = slice(start, start + 30)
        metric.update_state(expected[batch], logits[batch], weights[batch])
    score = f1_score(expected, expit(logits) >= 0.3, average="micro", sample_weight=weights)
    assert float(metric.result()) == pytest.approx(score, abs=1e-6)


def tagger(head):
    inputs = keras.Input((None, 6))
    return keras.Model(inputs, head(keras.layers.Dense(TAGS)(inputs)))


def test_crf_model_learns_which_tags_follow_and_its_weights_load_into_one_that_is_not_compiled(tmp_path):
    """Tags follow each other in a circle, and only the first one can be told from the inputs."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    first = rng.integers(0, TAGS, 64)
    tags = (first[:, None] + np.arange(5)) % TAGS
    inputs = np.zeros((64, 6, 6), "float32")
    inputs[np.arange(64), 1, first] = 1
    truth = np.concatenate([np.full((64, 1), -1), tags], axis=1)
    crf = ConditionalRandomField()
    model = tagger(crf)
    model.compile(keras.optimizers.Adam(0.2), CrfLoss(crf, 1), metrics=[TokenAccuracy(crf, 1)], jit_compile=False)
    model.fit(inputs, truth, epochs=12, batch_size=16, verbose=0)
    evaluated = model.evaluate(inputs, truth, verbose=0, return_dict=True)
    assert evaluated["accuracy"] == 1
    assert evaluated["loss"] < 0.1
    model.save_weights(tmp_path / "tagger.weights.h5")
    fresh = tagger(ConditionalRandomField())
    fresh.load_weights(tmp_path / "tagger.weights.h5")
    for own, trained in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, trained)


@kinds
def test_losses_and_metrics_train_in_mixed_precision(kind):
    batch = Batch([3, 1, 4], padding=1)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        crf = ConditionalRandomField()
        model = tagger(crf if kind == "crf" else keras.layers.Identity())
        loss, metric = {
            "softmax": (TokenCrossEntropy(), TokenAccuracy()),
            "sigmoid": (TokenBinaryCrossEntropy(), MicroF1()),
            "crf": (CrfLoss(crf), TokenAccuracy(crf)),
        }[kind]
        model.compile("adam", loss, metrics=[metric], jit_compile=False)
        inputs = np.random.default_rng(0).normal(size=(*batch.tags.shape, 6))
        truth = batch.several if kind == "sigmoid" else batch.tags
        losses = model.fit(inputs, truth, epochs=3, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy(before)
    assert losses[2] < losses[0]
