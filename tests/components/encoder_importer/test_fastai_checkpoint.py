import collections
import itertools
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ulmfit_tfx.components.encoder_importer.fastai_checkpoint import read_fastai
from ulmfit_tfx.components.encoder_importer.source_layers import TorchLSTM, TorchQRNN
from ulmfit_tfx.schemas.errors import DataError

RNG = np.random.default_rng(0)
VOCAB = 11
LSTM_FIELDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
QRNN_FIELDS = ("weight", "bias")

# Names of layer {n}'s tensors in each family of files: weight_ih, weight_hh, bias_ih, bias_hh.
LSTM_NAMES = {
    "fastai 2": ("{n}.module.weight_ih_l0", "{n}.weight_hh_l0_raw", "{n}.module.bias_ih_l0", "{n}.module.bias_hh_l0"),
    "fastai 0.7": tuple(f"{{n}}.module.{x}" for x in ("weight_ih_l0", "weight_hh_l0_raw", "bias_ih_l0", "bias_hh_l0")),
    "no weight drop": ("{n}.weight_ih_l0", "{n}.weight_hh_l0", "{n}.bias_ih_l0", "{n}.bias_hh_l0"),
}
QRNN_NAMES = {
    "fastai 2": ("{n}.layers.0.linear.weight_raw", "{n}.layers.0.linear.module.bias"),
    "fastai 1": ("{n}.layers.0.linear.module.weight_raw", "{n}.layers.0.linear.module.bias"),
    "pytorch-qrnn": ("{n}.linear.weight", "{n}.linear.bias"),
    "pytorch-qrnn, weight drop": ("{n}.linear.module.weight_raw", "{n}.linear.module.bias"),
    "pytorch-qrnn, QRNN": ("{n}.layers.0.linear.weight", "{n}.layers.0.linear.bias"),
}
# What stands before the encoder's names and before the head's.
PREFIXES = {
    "language model": ("0.", "1."),
    "salesforce": ("", ""),
    "DataParallel": ("module.0.", "module.1."),
    "encoder": ("", None),
    "classifier": ("0.module.", None),
}


def normal(*shape):
    return RNG.normal(0, 0.5, shape).astype("float32")


def lstm_tensors(sizes, names="fastai 2"):
    """Tensors by name of LSTM layers: sizes are the embeddings' and each layer's."""
    tensors = {}
    for n, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        values = normal(4 * units, inputs), normal(4 * units, units), normal(4 * units), normal(4 * units)
        tensors |= {f"rnns.{name.format(n=n)}": value for name, value in zip(LSTM_NAMES[names], values, strict=True)}
    return tensors


def qrnn_tensors(sizes, windows, names="fastai 2"):
    tensors = {}
    for n, (inputs, units, window) in enumerate(zip(sizes, sizes[1:], windows, strict=False)):
        values = normal(3 * units, window * inputs), normal(3 * units)
        tensors |= {f"rnns.{name.format(n=n)}": value for name, value in zip(QRNN_NAMES[names], values, strict=True)}
    return tensors


def model(layers, size, prefixes="language model", again="encoder_dp.emb.weight"):
    """A state dict of embeddings, layers and, if the prefixes have one, a tied head."""
    encoder, head = PREFIXES[prefixes]
    embeddings = normal(VOCAB, size)
    tensors = collections.OrderedDict({f"{encoder}encoder.weight": embeddings})
    tensors |= {f"{encoder}{again}": embeddings} if again else {}
    tensors |= {f"{encoder}{name}": value for name, value in layers.items()}
    return tensors | (
        {} if head is None else {f"{head}decoder.weight": embeddings, f"{head}decoder.bias": normal(VOCAB)}
    )


@pytest.fixture
def read(tmp_path, torch_writer):
    """Writes a state dict and reads it."""
    return lambda content: read_fastai(torch_writer.save(tmp_path / "x.pth", content))


@pytest.fixture
def refusal(tmp_path, read):
    """What is said of a state dict."""

    def said(content) -> str:
        with pytest.raises(DataError) as error:
            read(content)
        assert str(error.value).startswith(f"{tmp_path / 'x.pth'}: ")
        assert "\n" not in str(error.value)
        return str(error.value).removeprefix(f"{tmp_path / 'x.pth'}: ")

    return said


def by_name(tensors, pattern):
    (found,) = [value for name, value in tensors.items() if re.search(pattern, name)]
    return found


@pytest.mark.parametrize("kind", ["", "_state_dict", "_encoder"])
@pytest.mark.parametrize("name", ["ulmfit-tiny", "multifit-tiny"])
def test_files_of_fastai_compute_what_fastai_computed(fastai_files, name, kind):
    weights = read_fastai(fastai_files / f"{name}{kind}.pth")
    expected = np.load(fastai_files / f"{name}_expected.npz")
    assert weights.has_head == (kind != "_encoder")
    assert weights.head_kernel is None
    for text in ("0", "1", "2", "3", "4", "long"):
        hidden = weights.embeddings.float64[expected[f"ids_{text}"]][None]
        for layer in weights.layers:
            hidden = layer.forward(hidden)
        np.testing.assert_allclose(hidden[0], expected[f"hidden_{text}"], rtol=0, atol=1e-5)
        if weights.has_head and text != "long":
            logits = hidden[0] @ weights.embeddings.float64.T + weights.head_bias.float64
            np.testing.assert_allclose(logits, expected[f"logits_{text}"], rtol=0, atol=1e-5)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    names=st.sampled_from(sorted(LSTM_NAMES)),
    prefixes=st.sampled_from(sorted(PREFIXES)),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lstm_of_any_family_and_size(read, sizes, names, prefixes):
    sizes = [*sizes, sizes[0]]
    layers = lstm_tensors(sizes, names)
    again = "encoder_with_dropout.embed.weight" if names == "fastai 0.7" else "encoder_dp.emb.weight"
    tensors = model(layers, sizes[0], prefixes, again)
    weights = read(tensors)
    assert [(type(layer), layer.inputs, layer.units) for layer in weights.layers] == [
        (TorchLSTM, inputs, units) for inputs, units in itertools.pairwise(sizes)
    ]
    for n, layer in enumerate(weights.layers):
        for field, name in zip(LSTM_FIELDS, LSTM_NAMES[names], strict=True):
            tensor = getattr(layer, field)
            assert tensor.name == PREFIXES[prefixes][0] + f"rnns.{name.format(n=n)}"
            np.testing.assert_array_equal(tensor.array, tensors[tensor.name])
    assert weights.ignored == (PREFIXES[prefixes][0] + again,)
    assert weights.has_head == (weights.head_bias is not None) == (PREFIXES[prefixes][1] is not None)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    windows=st.lists(st.integers(1, 3), min_size=5, max_size=5),
    names=st.sampled_from(sorted(QRNN_NAMES)),
    prefixes=st.sampled_from(sorted(PREFIXES)),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_qrnn_of_any_family_size_and_window(read, sizes, windows, names, prefixes):
    sizes = [*sizes, sizes[0]]
    layers = qrnn_tensors(sizes, windows, names)
    weights = read(model(layers, sizes[0], prefixes))
    assert [(type(layer), layer.inputs, layer.units, layer.window) for layer in weights.layers] == [
        (TorchQRNN, *row) for row in zip(sizes, sizes[1:], windows, strict=False)
    ]
    for n, layer in enumerate(weights.layers):
        for field, name in zip(QRNN_FIELDS, QRNN_NAMES[names], strict=True):
            np.testing.assert_array_equal(getattr(layer, field).array, layers[f"rnns.{name.format(n=n)}"])


def test_layers_are_ordered_by_number_not_by_text(read):
    sizes = [3, *range(4, 14), 3]
    assert [layer.units for layer in read(model(lstm_tensors(sizes), 3)).layers] == sizes[1:]


def test_learner_and_bare_state_dict_hold_the_same(read):
    tensors = model(lstm_tensors([3, 5, 3]), 3)
    for content in (tensors, {"model": tensors, "opt": {"state": []}}, {"model": tensors}):
        np.testing.assert_array_equal(read(content).layers[1].weight_ih.array, tensors["0.rnns.1.module.weight_ih_l0"])


@pytest.mark.parametrize("stale", ["0.rnns.0.module.weight_hh_l0", "0.rnns.0.weight_hh_l0"])
def test_raw_weight_counts_where_its_masked_copy_is_there_too(read, stale):
    tensors = model(lstm_tensors([3, 3]), 3)
    weights = read(tensors | {stale: np.zeros((12, 3), "f4")})
    np.testing.assert_array_equal(weights.layers[0].weight_hh.array, tensors["0.rnns.0.weight_hh_l0_raw"])
    assert stale in weights.ignored


def test_raw_qrnn_weight_counts(read):
    tensors = model(qrnn_tensors([3, 3], [2]), 3)
    weights = read(tensors | {"0.rnns.0.layers.0.linear.module.weight": np.zeros((9, 6), "f4")})
    np.testing.assert_array_equal(weights.layers[0].weight.array, tensors["0.rnns.0.layers.0.linear.weight_raw"])


def test_half_precision_is_read(read):
    tensors = {name: value.astype("f2") for name, value in model(lstm_tensors([3, 3]), 3).items()}
    weights = read(tensors).layers[0].weights()
    assert weights["kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["kernel"], tensors["0.rnns.0.module.weight_ih_l0"].T)


def test_head_without_bias_as_in_fastai_0_7(read):
    tensors = model(lstm_tensors([3, 3]), 3)
    del tensors["1.decoder.bias"]
    weights = read(tensors)
    assert (weights.has_head, weights.head_bias, weights.head_kernel) == (True, None, None)


def test_untied_head_is_kept(read):
    tensors = model(lstm_tensors([3, 5]), 3) | {"1.decoder.weight": normal(VOCAB, 5)}
    np.testing.assert_array_equal(read(tensors).head_kernel.array, tensors["1.decoder.weight"])
    same_size = model(lstm_tensors([3, 3]), 3) | {"1.decoder.weight": normal(VOCAB, 3)}
    np.testing.assert_array_equal(read(same_size).head_kernel.array, same_size["1.decoder.weight"])


def test_head_of_a_text_classifier_is_not_imported(read):
    head = {
        "1.layers.0.0.weight": normal(9),
        "1.layers.0.0.num_batches_tracked": np.array(7),
        "1.layers.1.2.weight": normal(2, 9),
    }
    weights = read(model(lstm_tensors([3, 3]), 3, "classifier") | head)
    assert set(head) < set(weights.ignored)
    assert not weights.has_head


# What is refused


@pytest.mark.parametrize("name", ["0.rnns.0.module.weight_ih_l0_reverse", "0.rnns.0.layers_bwd.0.linear.weight_raw"])
def test_bidirectional_encoders_are_refused(refusal, name):
    message = refusal(model(lstm_tensors([3, 3]), 3) | {name: normal(12, 3)})
    assert "bidirectional encoders are not supported; forward and backward models are imported one by one" in message
    assert name in message


@pytest.mark.parametrize(
    "name", ["0.rnns.0.module.weight_ih_l1", "0.rnns.0.weight_hh_l1_raw", "0.rnns.0.layers.1.linear.weight_raw"]
)
def test_several_layers_in_a_module_are_refused(refusal, name):
    message = refusal(model(lstm_tensors([3, 3]), 3) | {name: normal(12, 3)})
    assert f"{name}: several layers in one module are not supported" in message


@pytest.mark.parametrize(
    "missing", ["module.weight_ih_l0", "weight_hh_l0_raw", "module.bias_ih_l0", "module.bias_hh_l0"]
)
def test_missing_lstm_tensor_is_named(refusal, missing):
    tensors = model(lstm_tensors([3, 5, 3]), 3)
    del tensors[f"0.rnns.1.{missing}"]
    assert refusal(tensors) == f"layer 1 is incomplete: 0.rnns.1.{missing} is missing."


@pytest.mark.parametrize("missing", ["linear.weight_raw", "linear.module.bias"])
def test_missing_qrnn_tensor_is_named(refusal, missing):
    tensors = model(qrnn_tensors([3, 5, 3], [2, 1]), 3)
    del tensors[f"0.rnns.0.layers.0.{missing}"]
    assert refusal(tensors) == f"layer 0 is incomplete: 0.rnns.0.layers.0.{missing} is missing."


def test_missing_layer_is_named(refusal):
    tensors = model(lstm_tensors([3, 3, 3, 3]), 3)
    without = {name: value for name, value in tensors.items() if "rnns.1." not in name}
    assert "a recurrent layer is missing between others: it has no 0.rnns.1." in refusal(without)


def test_missing_embeddings_layers_and_head_weights_are_named(refusal):
    tensors = model(lstm_tensors([3, 3]), 3)
    without = {name: value for name, value in tensors.items() if name != "0.encoder.weight"}
    assert refusal(without) == "has no embeddings: 0.encoder.weight (or encoder.weight) is missing."
    assert "has no recurrent layers" in refusal(model({}, 3))
    del tensors["1.decoder.weight"]
    assert "1.decoder.bias is the bias of a head, and its decoder.weight is missing" in refusal(tensors)


def test_unknown_tensors_are_counted_and_five_of_them_named(refusal):
    strange = {f"0.transformer.{n}.weight": normal(2) for n in range(9)}
    message = refusal(model(lstm_tensors([3, 3]), 3) | strange)
    named = ", ".join(f"0.transformer.{n}.weight" for n in range(5))
    assert f"not of an AWD-LSTM or QRNN language model: {named} and 4 more." in message


def test_names_from_the_file_are_printable_in_messages(refusal):
    message = refusal(model(lstm_tensors([3, 3]), 3) | {"\x1b[31m\nx" + "y" * 500: normal(2)})
    assert r"\x1b[31m\nxyyy" in message
    assert len(message) < 400


def test_layer_of_two_kinds_and_layers_of_two_kinds_are_refused(refusal):
    lstm, qrnn = lstm_tensors([3, 3]), qrnn_tensors([3, 3], [1])
    assert "layer 0 has tensors of an LSTM and of a QRNN" in refusal(model(lstm | qrnn, 3))
    second = {name.replace("rnns.0", "rnns.1"): value for name, value in qrnn.items()}
    assert "makes layer 1 qrnn, and layer 0 is awd_lstm" in refusal(model(lstm | second, 3))


def test_two_names_of_one_tensor_are_refused(refusal):
    tensors = model(lstm_tensors([3, 3]), 3)
    message = refusal(tensors | {"encoder.weight": tensors["0.encoder.weight"]})
    assert "0.encoder.weight and encoder.weight are the same tensor of the model" in message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("0.encoder.weight", normal(VOCAB, 4), "0.encoder_dp.emb.weight is [11, 3], expected [11, 4]"),
        ("0.encoder.weight", normal(VOCAB), "0.encoder.weight is [11], expected 2 dimensions"),
        ("0.encoder.weight", np.ones((VOCAB, 3), "i8"), "0.encoder.weight holds int64, expected floating-point"),
        ("0.rnns.1.module.weight_ih_l0", normal(12, 4), "0.rnns.1.module.weight_ih_l0 [12, 4] takes 4 features"),
        ("0.rnns.1.module.bias_hh_l0", normal(11), "0.rnns.1.module.bias_hh_l0 is [11], expected [12]"),
        ("0.rnns.0.module.bias_hh_l0", np.full(20, np.nan, "f4"), "0.rnns.0.module.bias_hh_l0 has 20 NaN and 0"),
        ("1.decoder.weight", normal(9, 3), "1.decoder.weight is [9, 3], expected [11, 3]: 0.encoder.weight has"),
        ("1.decoder.bias", normal(9), "1.decoder.bias is [9], expected [11]"),
        ("0.rnns.0.module.weight_ih_l0", 7, "0.rnns.0.module.weight_ih_l0 is a int, expected a tensor"),
    ],
)
def test_tensor_that_does_not_fit_is_named(refusal, name, value, message):
    assert message in refusal(model(lstm_tensors([3, 5, 3]), 3) | {name: value})


@pytest.mark.parametrize("content", [[], {}, 3, [{"0.encoder.weight": np.ones(2)}], {"model": {}}])
def test_other_content_than_a_state_dict_is_refused(refusal, content):
    assert "holds no state dict" in refusal(content)


@pytest.mark.parametrize("prefixes", ["language model", "encoder"])
@pytest.mark.parametrize("gates", [2, 4])
@pytest.mark.parametrize("sizes", [[6, 12, 6], [6, 6], [6, 12, 12, 6]])
def test_qrnn_with_another_pooling_is_refused(refusal, prefixes, gates, sizes):
    layers = {}
    for n, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        layers[f"rnns.{n}.layers.0.linear.weight_raw"] = normal(gates * units, (2 if n == 0 else 1) * inputs)
        layers[f"rnns.{n}.layers.0.linear.module.bias"] = normal(gates * units)
    message = refusal(model(layers, 6, prefixes))
    assert "3 gates" in message or "the head's weights are the embeddings'" in message
