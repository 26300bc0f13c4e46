import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.source_layers import KerasLSTM, KerasQRNN, TorchLSTM, TorchQRNN
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.layers.awd_lstm import AWDLSTM
from ulmfit_tfx.trainer_modules.layers.qrnn import QRNN

RNG = np.random.default_rng(0)
SIZES = {"units": st.integers(1, 5), "inputs": st.integers(1, 5), "time": st.integers(1, 6), "batch": st.integers(1, 3)}


def tensor(name, *shape):
    return SourceTensor("x.pth", name, RNG.normal(0, 0.7, shape).astype("float32"))


def torch_lstm(units, inputs):
    biases = tensor("bias_ih", 4 * units), tensor("bias_hh", 4 * units)
    return TorchLSTM(tensor("weight_ih", 4 * units, inputs), tensor("weight_hh", 4 * units, units), *biases)


def keras_lstm(units, inputs):
    return KerasLSTM(tensor("kernel", inputs, 4 * units), tensor("recurrent", units, 4 * units), tensor("b", 4 * units))


def torch_qrnn(units, inputs, window):
    return TorchQRNN(tensor("weight", 3 * units, window * inputs), tensor("bias", 3 * units), inputs)


def keras_qrnn(units, inputs, window):
    return KerasQRNN(tensor("weights", window * inputs, 3 * units), tensor("biases", 3 * units), inputs)


def embeddings(vocab, size):
    return tensor("encoder.weight", vocab, size)


def refusal(make, *arguments, **keywords) -> str:
    with pytest.raises(DataError) as error:
        make(*arguments, **keywords)
    assert str(error.value).startswith("x.pth: ")
    return str(error.value).removeprefix("x.pth: ")


def ours(layer, sequence):
    """What our layer computes with the imported weights."""
    made = AWDLSTM(layer.units, return_sequences=True)
    if layer.architecture == "qrnn":
        made = QRNN(layer.units, window=layer.window, return_sequences=True)
    made.build((None, None, layer.inputs))
    imported = layer.weights()
    assert {weight.name for weight in made.weights} >= set(imported)
    for weight in made.trainable_weights:
        assert imported[weight.name].dtype == np.float32
        weight.assign(imported[weight.name])
    return made(sequence.astype("float32"))


@pytest.mark.parametrize("make", [torch_lstm, keras_lstm])
@given(**SIZES)
@settings(max_examples=10, deadline=None)
def test_our_lstm_computes_what_the_source_does(make, units, inputs, time, batch):
    layer, sequence = make(units, inputs), RNG.normal(size=(batch, time, inputs))
    assert (layer.units, layer.inputs, layer.window) == (units, inputs, 1)
    np.testing.assert_allclose(ours(layer, sequence), layer.forward(sequence), atol=1e-5)


@pytest.mark.parametrize("make", [torch_qrnn, keras_qrnn])
@given(window=st.integers(1, 4), **SIZES)
@settings(max_examples=10, deadline=None)
def test_our_qrnn_computes_what_the_source_does(make, units, inputs, time, batch, window):
    layer, sequence = make(units, inputs, window), RNG.normal(size=(batch, time, inputs))
    assert (layer.units, layer.inputs, layer.window) == (units, inputs, window)
    np.testing.assert_allclose(ours(layer, sequence), layer.forward(sequence), atol=1e-5)


def test_keras_lstm_computes_what_keras_does():
    layer, sequence = keras_lstm(4, 3), RNG.normal(size=(2, 7, 3))
    original = keras.layers.LSTM(4, return_sequences=True)
    original.build((None, None, 3))
    original.set_weights(list(layer.tensors.values()))
    np.testing.assert_allclose(layer.forward(sequence), original(sequence), atol=1e-5)


def test_qrnn_by_hand():
    """One unit, window 2: gates z, f, o of 1*x[t] + 10*x[t-1] and so on."""
    weight = SourceTensor("x.pth", "weight", np.array([[1, 10], [2, 20], [3, 30]], "float32") / 10)
    bias = SourceTensor("x.pth", "bias", np.array([0.1, 0.2, 0.3], "float32"))
    first, second = TorchQRNN(weight, bias, 1).forward(np.array([[[0.5], [-1.0]]]))[0, :, 0]

    def sigmoid(logit):
        return 1 / (1 + np.exp(-logit))

    cell = sigmoid(0.2 * 0.5 + 0.2) * np.tanh(0.1 * 0.5 + 0.1)
    assert first == pytest.approx(sigmoid(0.3 * 0.5 + 0.3) * cell, rel=1e-6)
    z, f, o = (gate * -1.0 + 10 * gate * 0.5 + offset for gate, offset in [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)])
    cell = sigmoid(f) * np.tanh(z) + (1 - sigmoid(f)) * cell
    assert second == pytest.approx(sigmoid(o) * cell, rel=1e-6)


def test_torch_bias_is_the_sum_of_both():
    layer = torch_lstm(2, 3)
    np.testing.assert_array_equal(layer.weights()["bias"], layer.bias_ih.array + layer.bias_hh.array)


def test_tensors_are_listed_by_their_names_in_the_file():
    layer = torch_lstm(2, 3)
    assert list(layer.tensors) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert layer.tensors["bias_hh"] is layer.bias_hh.array


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((8, 3), (8, 3), (8,), (8,)), "weight_hh is [8, 3], expected [12, 3]: weight_hh has 3 columns"),
        (((12, 3), (8, 2), (8,), (8,)), "weight_ih is [12, 3], expected [8, 3]"),
        (((8, 3), (8, 2), (4,), (8,)), "bias_ih is [4], expected [8]"),
        (((8, 3), (8, 2), (8,), (8, 1)), "bias_hh is [8, 1], expected [8]"),
        (((8,), (8, 2), (8,), (8,)), "weight_ih is [8], expected 2 dimensions"),
        (((8, 0), (8, 2), (8,), (8,)), "weight_ih is [8, 0], expected 2 dimensions, none of them empty"),
    ],
)
def test_lstm_tensors_that_do_not_fit_are_named(shapes, message):
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = [tensor(name, *shape) for name, shape in zip(names, shapes, strict=True)]
    assert message in refusal(TorchLSTM, *tensors)


def test_keras_lstm_tensors_that_do_not_fit_are_named():
    assert "kernel is [3, 12], expected [3, 8]" in refusal(
        KerasLSTM, tensor("kernel", 3, 12), tensor("recurrent", 2, 8), tensor("bias", 8)
    )


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        ((8, 4), (8,), "weight is [8, 4]: 8 is not 3 gates of a QRNN with fo-pooling"),
        ((6, 5), (6,), "weight is [6, 5], expected 5 to be a multiple of 2, the features that come in"),
        ((6, 4), (3,), "bias is [3], expected [6]: weight is [6, 4]"),
        ((6,), (6,), "weight is [6], expected 2 dimensions"),
    ],
)
def test_qrnn_tensors_that_do_not_fit_are_named(weight, bias, message):
    assert message in refusal(TorchQRNN, tensor("weight", *weight), tensor("bias", *bias), 2)
    if len(weight) == 2:
        turned = refusal(KerasQRNN, tensor("weight", *weight[::-1]), tensor("bias", *bias), 2)
        assert message.partition(" is ")[0] in turned


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(3, "int64"), "w holds int64, expected floating-point numbers"),
        (np.array([1, np.nan, np.nan, np.inf]), "w has 2 NaN and 1 infinite values among 4 as float32"),
        (np.array([1e300]), "w has 0 NaN and 1 infinite values among 1 as float32"),
    ],
)
def test_values_that_are_no_weights_are_counted(array, message):
    assert message in refusal(SourceTensor, "x.pth", "w", array)


def test_model_tells_its_sizes():
    layers = (torch_qrnn(6, 4, 2), torch_qrnn(6, 6, 1), torch_qrnn(4, 6, 3))
    config = LanguageModelWeights("fastai", embeddings(9, 4), layers).encoder_config()
    assert (config.architecture, config.embedding_size, config.hidden_sizes) == ("qrnn", 4, (6, 6, 4))
    assert [config.window(layer) for layer in range(3)] == [2, 1, 3]
    assert (config.qrnn_pooling, config.forget_convention) == ("fo", "fastai")
    model = LanguageModelWeights("fastai", embeddings(9, 4), (torch_lstm(7, 4),))
    assert (model.architecture, model.vocab_size, model.encoder_config().hidden_sizes) == ("awd_lstm", 9, (7,))


NO_LAYERS = {"layers": ()}
OF_ONE_DIMENSION = {"embeddings": tensor("encoder.weight", 9)}
WIDE_INPUT = {"layers": (torch_lstm(4, 5),)}
UNCHAINED = {"layers": (torch_lstm(6, 4), torch_lstm(4, 5))}
MIXED = {"layers": (torch_lstm(4, 4), torch_qrnn(4, 4, 1))}
SHORT_BIAS = {"has_head": True, "head_bias": tensor("1.decoder.bias", 8)}
SHORT_HEAD = {"has_head": True, "head_kernel": tensor("1.decoder.weight", 8, 4)}
TIED_TO_OTHER_SIZE = {"has_head": True, "layers": (torch_lstm(6, 4),)}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (NO_LAYERS, "has no recurrent layers"),
        (OF_ONE_DIMENSION, "encoder.weight is [9], expected 2 dimensions"),
        (WIDE_INPUT, "weight_ih [16, 5] takes 5 features, and encoder.weight [9, 4] before it gives 4"),
        (UNCHAINED, "weight_ih [16, 5] takes 5 features, and layer 0 before it gives 6"),
        (MIXED, "weight [12, 4] makes layer 1 qrnn, and layer 0 is awd_lstm"),
        (SHORT_BIAS, "1.decoder.bias is [8], expected [9]: encoder.weight has 9 pieces"),
        (SHORT_HEAD, "1.decoder.weight is [8, 4], expected [9, 4]: encoder.weight has 9 pieces"),
        (TIED_TO_OTHER_SIZE, "gives 6 features, and the head's weights are the embeddings', which have 4"),
    ],
)
def test_parts_that_do_not_fit_are_named(parts, message):
    whole = {"source_format": "fastai", "embeddings": embeddings(9, 4), "layers": (torch_lstm(4, 4),)}
    assert message in refusal(LanguageModelWeights, **whole | parts)
