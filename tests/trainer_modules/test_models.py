import keras
import numpy as np
import pytest

from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.trainer_modules.models.document_head import frozen_features
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import begin_at_vectors

RNG = np.random.default_rng(0)
PAD = 1
NO_DROPOUT = EncoderDropoutConfig(embedding=0, input=0, hidden=0, output=0, weight=0)


def encoder_of(architecture="qrnn", **config):
    sizes = {"embedding_size": 8, "hidden_sizes": (12, 6)}
    return build_encoder(EncoderConfig(architecture=architecture, **(sizes | config)), vocab_size=50, pad_id=PAD)


def padded(row, length):
    return row + [PAD] * (length - len(row))


@pytest.mark.parametrize("architecture", ["qrnn", "awd_lstm"])
def test_prediction_does_not_depend_on_padding_nor_on_other_rows(architecture):
    model = build_classifier(encoder_of(architecture), HeadConfig(), classes=3)
    rows = [[2, 5, 6, 7, 3], [2, 3], [2, 9, 3]]
    together = model(np.array([padded(row, 11) for row in rows]))
    for row, logits in zip(rows, together, strict=True):
        np.testing.assert_allclose(model(np.array([row]))[0], logits, atol=1e-5)


def test_encoder_gives_zeros_and_false_at_padding():
    hidden, mask = encoder_of()(np.array([padded([2, 5, 3], 6)]))
    np.testing.assert_array_equal(mask[0], [True] * 3 + [False] * 3)
    assert not hidden[0, 3:].numpy().any()
    assert hidden.shape == (1, 6, 6)


@pytest.mark.parametrize(("architecture", "parameters"), [("qrnn", 34_054_592), ("awd_lstm", 34_262_464)])
def test_published_sizes_have_the_published_number_of_parameters(architecture, parameters):
    """The QRNN figure is that of the old package's summary; the LSTM's is 35,000*400 + sum of 4u(in + u + 1)."""
    config = EncoderConfig(architecture=architecture, embedding_size=400, hidden_sizes=None)
    encoder = build_encoder(config, vocab_size=35_000, pad_id=PAD)
    assert sum(np.prod(weight.shape) for weight in encoder.trainable_weights) == parameters


def test_every_dropout_is_active_in_training_only():
    ids = np.array([[2, 5, 6, 7, 8, 3]])
    for name in ("embedding", "input", "hidden", "output", "weight"):
        dropout = NO_DROPOUT.model_copy(update={name: 0.5})
        encoder = encoder_of(dropout=dropout)
        outputs = [encoder(ids, training=True)[0].numpy() for _ in range(6)]
        assert any(not np.allclose(outputs[0], other) for other in outputs[1:]), name
        np.testing.assert_array_equal(encoder(ids)[0], encoder(ids)[0])


def test_hidden_dropout_uses_one_mask_for_all_steps():
    keras.utils.set_random_seed(0)  # by chance none of the few units would be dropped
    encoder = encoder_of(dropout=NO_DROPOUT.model_copy(update={"output": 0.5}))
    hidden = encoder(RNG.integers(4, 50, (1, 20)), training=True)[0].numpy()[0]
    dropped = hidden == 0
    assert dropped.any()
    assert (dropped.all(axis=0) | ~dropped.any(axis=0)).all()


def test_layers_of_equal_size_drop_different_units():
    config = EncoderConfig(
        embedding_size=40, hidden_sizes=(40, 40, 40), dropout=NO_DROPOUT.model_copy(update={"hidden": 0.5})
    )
    encoder = build_encoder(config, 50, PAD, seed=3)
    dropped = [
        encoder.get_layer(f"hidden_dropout_{index}")(np.ones((1, 1, 40)), training=True) == 0 for index in (0, 1)
    ]
    assert not np.array_equal(*dropped)


def test_batch_norm_follows_the_data_within_an_epoch():
    """With PyTorch's momentum of 0.1 taken for Keras', evaluation would see the statistics of the last batch alone."""
    keras.utils.set_random_seed(0)
    model = build_classifier(
        encoder_of(dropout=NO_DROPOUT), HeadConfig(dropout=(0, 0), pool_embeddings=False), classes=2
    )
    for weight in model.get_layer("encoder").trainable_weights:
        weight.assign(RNG.normal(0, 0.7, weight.shape))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.0
    ids = RNG.integers(4, 50, (640, 12))
    model.fit(ids, np.zeros(640), batch_size=16, verbose=0)
    pooled = keras.Model(model.input, model.get_layer("pooling").output)(ids).numpy()
    norm = model.get_layer("batch_norm_0")
    assert norm.epsilon == 1e-5
    spread = pooled.std(axis=0)
    assert np.abs((norm.moving_mean - pooled.mean(axis=0)) / spread).max() < 0.3
    of_the_initial_one = 0.9**40
    expected = (1 - of_the_initial_one) * pooled.var(axis=0) + of_the_initial_one
    np.testing.assert_allclose(norm.moving_variance, expected, rtol=0.3)


def pooled(text, direction, pieces=None):
    """Features of one text, their thirds apart, and the encoder's hidden states."""
    keras.utils.set_random_seed(0)
    encoder = encoder_of(direction=direction, dropout=NO_DROPOUT)
    config = HeadConfig(pooled_pieces=pieces)
    model = build_classifier(encoder, config, classes=2, reads_backward=direction == "backward")
    ids = np.array([padded(text, len(text) + 3)])
    features = keras.Model(model.input, model.get_layer("pooling").output)(ids).numpy()[0]
    return np.split(features, 3), encoder(ids)[0].numpy()[0, : len(text)]


@pytest.mark.parametrize(("direction", "position"), [("forward", -1), ("backward", 0)])
def test_last_hidden_state_is_that_of_the_token_read_last(direction, position):
    (last, _, _), hidden = pooled([2, 5, 6, 7, 3], direction)
    np.testing.assert_allclose(last, hidden[position], atol=1e-6)


@pytest.mark.parametrize(("direction", "tokens"), [("forward", slice(2, 5)), ("backward", slice(0, 3))])
def test_pooling_over_some_pieces_takes_those_read_last(direction, tokens):
    (_, largest, mean), hidden = pooled([2, 5, 6, 7, 3], direction, pieces=3)
    np.testing.assert_allclose(largest, hidden[tokens].max(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean, hidden[tokens].mean(axis=0), atol=1e-6)


def test_embeddings_are_pooled_beside_the_states():
    encoder = encoder_of(dropout=NO_DROPOUT)
    text = [2, 5, 6, 7, 3]
    features = frozen_features(encoder, HeadConfig())(np.array([padded(text, 8)]))[0].numpy()
    embeddings = encoder.get_layer("embedding").embeddings.numpy()[text]
    states = frozen_features(encoder, HeadConfig(pool_embeddings=False))(np.array([padded(text, 8)]))[0].numpy()
    np.testing.assert_allclose(features, np.concatenate([states, embeddings.mean(axis=0)]), atol=1e-6)


@pytest.mark.parametrize("size", [4, 8, 11])
def test_embeddings_begin_at_vectors_as_far_as_these_go(size):
    encoder = encoder_of(dropout=NO_DROPOUT)  # embeddings of eight numbers
    before = encoder.get_layer("embedding").embeddings.numpy()
    vectors = RNG.normal(0, 7, (len(before), size)).astype("float32")
    begin_at_vectors(encoder, vectors)
    after, shared = encoder.get_layer("embedding").embeddings.numpy(), min(size, 8)
    np.testing.assert_allclose(after[:, :shared] / vectors[:, :shared], 0.3 / np.sqrt(np.mean(vectors**2)), rtol=1e-5)
    np.testing.assert_array_equal(after[:, shared:], before[:, shared:])


def test_pooling_over_more_pieces_than_there_are_takes_all():
    np.testing.assert_array_equal(pooled([2, 5, 3], "forward", 9)[0], pooled([2, 5, 3], "forward")[0])
