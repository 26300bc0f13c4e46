import numpy as np
import pytest
from keras import ops

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.stateful_encoder import recurrent_layers, stateful_encoder, zero_states

RNG = np.random.default_rng(0)
PAD = 1
CELLS = {
    "awd_lstm": {"architecture": "awd_lstm"},
    "window 2": {"architecture": "qrnn", "qrnn_windows": (2, 1)},
    "window 3": {"architecture": "qrnn", "qrnn_windows": (3, 2)},
}
CHUNKS = ((0, 4), (4, 5), (5, 11))
IDS = RNG.integers(2, 30, (3, 11)).astype("int32")


@pytest.fixture(params=CELLS)
def encoder(request):
    return encoder_of(**CELLS[request.param])


def encoder_of(**config):
    config = EncoderConfig(embedding_size=6, hidden_sizes=(8, 5), **config)
    encoder = build_encoder(config, vocab_size=30, pad_id=PAD)
    encoder.set_weights([RNG.normal(0, 0.5, weight.shape) for weight in encoder.get_weights()])
    return encoder


def in_chunks(model, ids, chunks=CHUNKS):
    """Hidden states of all ids, read in chunks whose state is carried over, and the last states."""
    states, parts = zero_states(model, len(ids)), []
    for begin, end in chunks:
        hidden, _, *states = model([ops.array(ids[:, begin:end]), *states])
        parts.append(hidden.numpy())
    return np.concatenate(parts, axis=1), states


@pytest.mark.parametrize("masked", [True, False])
def test_chunks_with_carried_states_equal_the_whole(encoder, masked):
    hidden, _ = in_chunks(stateful_encoder(encoder, masked), IDS)
    np.testing.assert_allclose(hidden, encoder(IDS)[0], atol=1e-6)


def test_chunks_equal_the_whole_with_padding_anywhere(encoder):
    ids = np.where(RNG.random(IDS.shape) < 0.4, PAD, IDS)
    ids[0, 4:] = PAD  # a row that ends with a chunk
    ids[1, :5] = PAD  # and one that begins with one
    hidden, _ = in_chunks(stateful_encoder(encoder), ids)
    np.testing.assert_allclose(hidden, encoder(ids)[0], atol=1e-6)


def test_padding_leaves_the_states_as_they_were(encoder):
    model = stateful_encoder(encoder)
    _, expected = in_chunks(model, IDS[:1, :4], [(0, 4)])
    _, states = in_chunks(model, np.array([[PAD, *IDS[0, :2], PAD, PAD, *IDS[0, 2:4], PAD]]), [(0, 3), (3, 8)])
    for state, of_text in zip(states, expected, strict=True):
        np.testing.assert_allclose(state, of_text, atol=1e-6)


def test_states_matter_and_are_zero_at_first(encoder):
    model = stateful_encoder(encoder, masked=False)
    zeros = zero_states(model, 3)
    assert [tuple(state.shape) for state in zeros] == [(3, *state.shape[1:]) for state in model.inputs[1:]]
    assert not any(state.numpy().any() for state in zeros)
    first, _, *after = model([ops.array(IDS[:, :4]), *zeros])
    assert not np.allclose(model([ops.array(IDS[:, :4]), *after])[0], first, atol=1e-2)
    for number in range(len(after)):
        others = [
            state if index == number else zero for index, (state, zero) in enumerate(zip(after, zeros, strict=True))
        ]
        assert not np.allclose(model([ops.array(IDS[:, :4]), *others])[0], first, atol=1e-4), number


def test_backward_encoder_reads_from_the_end(encoder):
    backward = encoder_of(**CELLS["awd_lstm"], direction="backward")
    hidden, _ = in_chunks(stateful_encoder(backward, masked=False), IDS[:, ::-1])
    np.testing.assert_allclose(hidden[:, ::-1], backward(IDS)[0], atol=1e-6)


@pytest.mark.parametrize("masked", [True, False])
def test_raw_is_the_last_layers_output_before_its_dropout(masked):
    encoder = encoder_of(
        architecture="qrnn", dropout={"output": 0.5, "embedding": 0, "input": 0, "hidden": 0, "weight": 0}
    )
    model = stateful_encoder(encoder, masked)
    hidden, raw, *_ = model([ops.array(IDS), *zero_states(model, 3)], training=True)
    np.testing.assert_allclose(raw, encoder(IDS)[0], atol=1e-6)
    dropped = hidden.numpy() == 0
    assert dropped.any()
    np.testing.assert_allclose(hidden.numpy()[~dropped], 2 * raw.numpy()[~dropped], rtol=1e-6)


def test_layers_are_the_encoders_own(encoder):
    model = stateful_encoder(encoder)
    assert [layer.name for layer in recurrent_layers(model)] == [layer.name for layer in recurrent_layers(encoder)]
    assert {id(weight) for weight in model.weights} == {id(weight) for weight in encoder.weights}
