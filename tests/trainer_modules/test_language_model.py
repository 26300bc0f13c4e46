import keras
import numpy as np
import pytest

from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import begin_at_unigram, build_language_model

RNG = np.random.default_rng(0)
PAD = 1


def encoder_of(hidden_sizes=(12, 8), **config):
    config = EncoderConfig(embedding_size=8, hidden_sizes=hidden_sizes, **config)
    return build_encoder(config, vocab_size=30, pad_id=PAD)


def test_tied_head_is_the_product_with_the_embeddings_and_a_bias_of_its_own():
    encoder = encoder_of()
    model = build_language_model(encoder)
    bias = RNG.normal(size=30)
    model.get_layer("lm_head").bias.assign(bias)
    ids = RNG.integers(2, 30, (2, 5))
    hidden = encoder(ids)[0].numpy()
    embeddings = encoder.get_layer("embedding").embeddings.numpy()
    np.testing.assert_allclose(model(ids), hidden @ embeddings.T + bias, atol=1e-5)
    assert model.count_params() == encoder.count_params() + 30


def test_head_is_untied_where_sizes_differ():
    encoder = encoder_of(hidden_sizes=(12, 10))
    assert build_language_model(encoder).count_params() == encoder.count_params() + 10 * 30 + 30
    with pytest.raises(ValueError, match="size, 8; it is 10"):
        build_language_model(encoder, tied=True)


@pytest.mark.parametrize("hidden_sizes", [(12, 8), (12, 10)], ids=["tied", "untied"])
def test_bias_begins_at_the_logarithm_of_the_frequencies(hidden_sizes):
    model = build_language_model(encoder_of(hidden_sizes))
    begin_at_unigram(model, np.array([0, 0, 5, 1, *[3] * 26]))
    total = 0 + 0 + 5 + 1 + 3 * 26 + 30  # one is added to each of the 30
    expected = np.log(np.array([1, 1, 6, 2, *[4] * 26]) / total)
    np.testing.assert_allclose(model.get_layer("lm_head").bias.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_language_model_survives_saving_with_its_head_tied(tied, tmp_path):
    model = build_language_model(encoder_of(), tied)
    model.save(tmp_path / "lm.keras")
    restored = keras.models.load_model(tmp_path / "lm.keras")
    ids = RNG.integers(2, 30, (2, 5))
    np.testing.assert_allclose(restored(ids), model(ids), atol=1e-6)
    assert restored.count_params() == model.count_params()


@pytest.mark.parametrize("architecture", ["qrnn", "awd_lstm"])
def test_backward_encoder_is_the_forward_one_on_reversed_texts(architecture):
    forward = encoder_of(architecture=architecture)
    backward = encoder_of(architecture=architecture, direction="backward")
    backward.set_weights(forward.get_weights())
    texts = [[2, 5, 6, 7, 3], [2, 9, 3]]
    hidden, mask = backward(np.array([texts[0], [*texts[1], PAD, PAD]]))
    for row, text in enumerate(texts):
        expected = forward(np.array([text[::-1]]))[0][0, ::-1]
        np.testing.assert_allclose(hidden[row, : len(text)], expected, atol=1e-6)
    np.testing.assert_array_equal(mask[1], [True] * 3 + [False] * 2)
    assert not hidden[1, 3:].numpy().any()


@pytest.mark.parametrize("architecture", ["qrnn", "awd_lstm"])
def test_backward_encoder_does_not_mind_where_padding_stands(architecture):
    encoder = encoder_of(architecture=architecture, direction="backward", qrnn_windows=(3, 1))
    text = [2, 9, 8, 3]
    expected = encoder(np.array([text]))[0][0]
    scattered = np.array([[PAD, 2, PAD, PAD, 9, 8, 3, PAD]])
    hidden, mask = encoder(scattered)
    np.testing.assert_allclose(hidden.numpy()[mask.numpy()], expected, atol=1e-6)
    assert not hidden.numpy()[~mask.numpy()].any()


def test_next_piece_is_learned():
    keras.utils.set_random_seed(0)
    no_dropout = EncoderDropoutConfig(embedding=0, input=0, hidden=0, output=0, weight=0)
    model = build_language_model(encoder_of(hidden_sizes=(8,), dropout=no_dropout))
    # Small fresh embeddings that head and input share leave a saddle point only after hundreds of steps.
    model.get_layer("embedding").embeddings.assign(RNG.normal(size=(30, 8)))
    model.compile(keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    stream = np.array([[4 + step % 5 for step in range(start, start + 13)] for start in range(32)])
    model.fit(stream[:, :-1], stream[:, 1:], epochs=100, verbose=0)
    predicted = model(stream[:, :-1]).numpy().argmax(-1)
    assert np.mean(predicted[:, 2:] == stream[:, 3:]) > 0.99
