import itertools

import numpy as np
import old_package_writer
import pytest
import tensorflow as tf
from old_package_writer import write_checkpoint as write

from ulmfit_tfx.components.encoder_importer.keras_checkpoint import (
    read_keras_checkpoint,
    read_saved_model_variables,
    sentencepiece_model,
)
from ulmfit_tfx.components.encoder_importer.source_layers import KerasLSTM, KerasQRNN
from ulmfit_tfx.schemas.errors import DataError

RNG = np.random.default_rng(0)
VOCAB = 11
LSTM = [(4, 7), (7, 7), (7, 4)]
QRNN = [(4, 7, 3), (7, 7, 1), (7, 4, 2)]


def normal(*shape):
    return RNG.normal(0, 0.5, shape).astype("float32")


def lstm_layer(inputs, units):
    return {
        "kernel": normal(inputs, 4 * units),
        "recurrent_kernel": normal(units, 4 * units),
        "bias": normal(4 * units),
    }


def qrnn_layer(inputs, units, window):
    return {"fused_gate_weights": normal(window * inputs, 3 * units), "fused_gate_biases": normal(3 * units)}


LAYERS = {"lstm": [lstm_layer(*sizes) for sizes in LSTM], "qrnn": [qrnn_layer(*sizes) for sizes in QRNN]}
CELLS = pytest.mark.parametrize("cell", ["lstm", "qrnn"])


def of_checkpoint(layers, size=4):
    """Variables by name as the old package's checkpoint has them, a tied head's bias too."""
    variables = {"layer_with_weights-0/embeddings": normal(VOCAB, size)}
    for number, layer in enumerate(layers, start=1):
        variables |= {f"layer_with_weights-{number}/cell/{field}": value for field, value in layer.items()}
    return variables | {f"layer_with_weights-{len(layers) + 1}/layer/tied_bias": normal(VOCAB)}


def of_saved_model(layers, size=4):
    """Variables by name as the old package's SavedModel has them."""
    values = [value for layer in layers for value in layer.values()]
    numbered = {f"encoder_num/variables/{number}": value for number, value in enumerate(values, start=1)}
    embeddings = {"encoder_num/layer_with_weights-0/embeddings": normal(VOCAB, size)}
    return embeddings | numbered | {"lm_head_biases": normal(VOCAB)}


def write_saved_model(folder, variables, assets=("wiki-sp1k.model",)):
    return old_package_writer.write_saved_model(folder, variables, dict.fromkeys(assets, b""))


def refusal(read, path) -> str:
    with pytest.raises(DataError) as error:
        read(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@CELLS
def test_checkpoint_is_read_layer_by_layer(tmp_path, cell):
    variables = of_checkpoint(LAYERS[cell])
    weights = read_keras_checkpoint(write(tmp_path / "exp", variables))
    assert weights.source_format == "keras"
    np.testing.assert_array_equal(weights.embeddings.array, variables["layer_with_weights-0/embeddings"])
    np.testing.assert_array_equal(weights.head_bias.array, variables["layer_with_weights-4/layer/tied_bias"])
    assert (weights.has_head, weights.head_kernel, weights.ignored) == (True, None, ("save_counter",))
    for number, (layer, written) in enumerate(zip(weights.layers, LAYERS[cell], strict=True), start=1):
        assert type(layer) is {"lstm": KerasLSTM, "qrnn": KerasQRNN}[cell]
        for field, value in written.items():
            np.testing.assert_array_equal(getattr(layer, field).array, value)
            assert getattr(layer, field).name == f"layer_with_weights-{number}/cell/{field}"
    if cell == "qrnn":
        assert [(layer.inputs, layer.units, layer.window) for layer in weights.layers] == QRNN


@CELLS
def test_saved_model_is_read_layer_by_layer_without_its_graph(tmp_path, cell, monkeypatch):
    monkeypatch.setattr(tf.saved_model, "load", lambda *_: pytest.fail("the graph was loaded"))
    variables = of_saved_model(LAYERS[cell])
    weights = read_saved_model_variables(write_saved_model(tmp_path / "model", variables))
    assert weights.source_format == "saved-model"
    np.testing.assert_array_equal(weights.head_bias.array, variables["lm_head_biases"])
    for layer, written in zip(weights.layers, LAYERS[cell], strict=True):
        for field, value in written.items():
            np.testing.assert_array_equal(getattr(layer, field).array, value)


def test_more_than_nine_layers_come_in_the_order_of_their_numbers(tmp_path):
    units = [4, *range(5, 16), 4]
    layers = [qrnn_layer(inputs, outputs, 1) for inputs, outputs in itertools.pairwise(units)]
    for weights in (
        read_keras_checkpoint(write(tmp_path / "exp", of_checkpoint(layers))),
        read_saved_model_variables(write_saved_model(tmp_path / "model", of_saved_model(layers))),
    ):
        assert [layer.units for layer in weights.layers] == units[1:]


def test_keras_own_writer_gives_the_keys_that_are_read(tmp_path):
    """A tree of variables saved by tf.train.Checkpoint, its optimizer with it, in place of names written by hand."""

    def node(**children):
        made = tf.train.Checkpoint()
        for name, child in children.items():
            setattr(made, name, child)
        return made

    variables = {field: tf.Variable(value) for field, value in lstm_layer(4, 4).items()}
    embeddings = tf.Variable(normal(VOCAB, 4))
    names = {
        "layer_with_weights-0": node(embeddings=embeddings),
        "layer_with_weights-1": node(cell=node(**variables)),
        "layer_with_weights-2": node(layer=node(tied_bias=tf.Variable(normal(VOCAB)))),
        "optimizer": node(learning_rate=tf.Variable(0.1)),
    }
    path = tf.train.Checkpoint(**names).save(str(tmp_path / "exp"))
    weights = read_keras_checkpoint(path)
    np.testing.assert_array_equal(weights.layers[0].kernel.array, variables["kernel"])
    assert weights.ignored == ("optimizer/learning_rate", "save_counter")


@pytest.mark.parametrize("path", ["exp", "exp.index", ""])
def test_checkpoint_is_named_by_prefix_index_or_folder(tmp_path, path):
    write(tmp_path / "exp", of_checkpoint(LAYERS["lstm"]))
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: exp")
    assert len(read_keras_checkpoint(tmp_path / path).layers) == 3


def test_optimizer_and_task_head_are_not_imported(tmp_path):
    variables = of_checkpoint(LAYERS["qrnn"])
    del variables["layer_with_weights-4/layer/tied_bias"]
    more = {
        "layer_with_weights-4/kernel": normal(12, 50),
        "layer_with_weights-4/bias": normal(50),
        "layer_with_weights-5/moving_mean": normal(50),
        "layer_with_weights-6/layer/kernel": normal(4, 3),
        "layer_with_weights-1/cell/fused_gate_weights/.OPTIMIZER_SLOT/optimizer/m": normal(12, 21),
        "optimizer/iter": np.int64(3),
    }
    weights = read_keras_checkpoint(write(tmp_path / "exp", variables | more))
    assert weights.ignored == tuple(sorted([*more, "save_counter"]))
    assert (weights.has_head, weights.head_bias, weights.head_kernel) == (False, None, None)


def test_untied_head_is_turned_to_pieces_by_units(tmp_path):
    variables = of_checkpoint([qrnn_layer(4, 7, 2)])
    del variables["layer_with_weights-2/layer/tied_bias"]
    variables |= {"layer_with_weights-2/kernel": normal(7, VOCAB), "layer_with_weights-2/bias": normal(VOCAB)}
    weights = read_keras_checkpoint(write(tmp_path / "exp", variables))
    assert weights.has_head
    np.testing.assert_array_equal(weights.head_kernel.array, variables["layer_with_weights-2/kernel"].T)
    np.testing.assert_array_equal(weights.head_bias.array, variables["layer_with_weights-2/bias"])


def test_bias_of_an_untied_head_alone_is_not_imported(tmp_path):
    folder = write_saved_model(tmp_path / "model", of_saved_model([qrnn_layer(4, 7, 2)]))
    weights = read_saved_model_variables(folder)
    assert (weights.has_head, weights.head_bias) == (False, None)
    assert "lm_head_biases" in weights.ignored


def test_saved_model_without_a_head(tmp_path):
    variables = of_saved_model(LAYERS["lstm"])
    del variables["lm_head_biases"]
    assert not read_saved_model_variables(write_saved_model(tmp_path / "model", variables)).has_head


def test_saved_model_may_name_its_variables_trainable(tmp_path):
    variables = of_saved_model(LAYERS["lstm"])
    renamed = {name.replace("num/var", "num/trainable_var"): value for name, value in variables.items()}
    assert len(read_saved_model_variables(write_saved_model(tmp_path / "model", renamed)).layers) == 3


def test_sentencepiece_model_of_the_assets(tmp_path):
    variables = of_saved_model(LAYERS["lstm"])
    one = write_saved_model(tmp_path / "one", variables, ("wiki-sp1k.model", "wiki-sp1k.vocab"))
    assert sentencepiece_model(one) == one / "assets" / "wiki-sp1k.model"
    assert sentencepiece_model(write_saved_model(tmp_path / "none", variables, ())) is None
    several = write_saved_model(tmp_path / "several", variables, ("a.model", "b.model"))
    assert "has 2 SentencePiece models: a.model, b.model" in refusal(sentencepiece_model, several)


# What is refused


def changed(variables, **changes):
    """Variables with some replaced, or left out where the value is None."""
    names = {name.replace("__", "/").replace("lww", "layer_with_weights-"): value for name, value in changes.items()}
    return {name: value for name, value in (variables | names).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lww0__embeddings": None}, "has no embeddings: layer_with_weights-0/embeddings is missing"),
        ({"lww2__cell__bias": None}, "layer 1 is incomplete: layer_with_weights-2/cell/bias is missing"),
        ({"lww3__cell__bias": normal(3)}, "layer_with_weights-3/cell/bias is [3], expected [16]"),
        ({"lww3__cell__kernel": normal(6, 16)}, "layer_with_weights-3/cell/kernel [6, 16] takes 6 features"),
        ({"lww1__cell__kernel": np.full((4, 28), np.inf, "f4")}, "kernel has 0 NaN and 112 infinite values"),
        ({"lww1__cell__kernel": np.ones((4, 28), "i4")}, "kernel holds int32, expected floating-point numbers"),
        ({"lww4__layer__tied_bias": normal(9)}, "tied_bias is [9], expected [11]"),
        ({"lww9__cell__gates": normal(9)}, "layer_with_weights-9/cell/gates. Other models cannot be imported"),
        ({f"dense{n}__w": normal(9) for n in range(8)}, "dense0/w, dense1/w, dense2/w, dense3/w, dense4/w and 3 more"),
    ],
)
def test_variable_that_does_not_fit_is_named(tmp_path, changes, message):
    path = write(tmp_path / "exp", changed(of_checkpoint(LAYERS["lstm"]), **changes))
    assert message in refusal(read_keras_checkpoint, path)


def test_missing_layer_is_named(tmp_path):
    variables = of_checkpoint(LAYERS["qrnn"])
    without = {name: value for name, value in variables.items() if "weights-2/" not in name}
    message = refusal(read_keras_checkpoint, write(tmp_path / "exp", without))
    assert "a recurrent layer is missing between others: it has no layer_with_weights-2/cell/fused_gate" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_num__lww0__embeddings": None}, "has no embeddings: encoder_num/layer_with_weights-0/embeddings"),
        ({"encoder_num__variables__4": None}, "encoder_num/variables/4 is missing"),
        (
            {"encoder_num__variables__9": None},
            "encoder_num/variables/7, encoder_num/variables/8 are no recurrent layer",
        ),
        ({"encoder_num__variables__10": normal(4)}, "encoder_num/variables/10 are no recurrent layer"),
        ({"encoder_num__variables__3": normal(7)}, "encoder_num/variables/3 is [7], expected [28]"),
        ({"encoder_num__dense__kernel": normal(7)}, "encoder_num/dense/kernel. Other models cannot be imported"),
    ],
)
def test_saved_models_variable_that_does_not_fit_is_named(tmp_path, changes, message):
    folder = write_saved_model(tmp_path / "model", changed(of_saved_model(LAYERS["lstm"]), **changes))
    assert message in refusal(read_saved_model_variables, folder)


def test_missing_and_ambiguous_paths_are_named(tmp_path):
    assert "no such checkpoint, expected a file exp.index" in refusal(read_keras_checkpoint, tmp_path / "exp")
    assert "expected a folder with one checkpoint (PREFIX.index), found none" in refusal(
        read_keras_checkpoint, tmp_path
    )
    for name in ("a", "b"):
        write(tmp_path / name, of_checkpoint(LAYERS["lstm"]))
    assert "found a.index, b.index" in refusal(read_keras_checkpoint, tmp_path)
    assert "has no saved_model.pb" in refusal(read_saved_model_variables, tmp_path)
    (tmp_path / "saved_model.pb").touch()
    assert "variables: no such checkpoint" in refusal(read_saved_model_variables, tmp_path)


def test_git_lfs_pointer_in_place_of_a_part_is_named(tmp_path):
    prefix = write(tmp_path / "exp", of_checkpoint(LAYERS["lstm"]))
    shard = tmp_path / "exp.data-00000-of-00001"
    shard.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert f"{shard}: is a git-LFS pointer" in refusal(read_keras_checkpoint, prefix)


def test_damaged_checkpoint_is_named(tmp_path):
    prefix = write(tmp_path / "exp", of_checkpoint(LAYERS["lstm"]))
    shard, index = tmp_path / "exp.data-00000-of-00001", tmp_path / "exp.index"
    whole, whole_index = shard.read_bytes(), index.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    assert ": cannot be read, is it damaged? " in refusal(read_keras_checkpoint, prefix)
    shard.write_bytes(bytes(byte ^ 1 for byte in whole))
    assert "Checksum does not match" in refusal(read_keras_checkpoint, prefix)
    shard.write_bytes(b"")
    assert "numbers in 0 bytes of data" in refusal(read_keras_checkpoint, prefix)
    shard.unlink()
    assert "its data is missing" in refusal(read_keras_checkpoint, prefix)
    shard.write_bytes(whole)
    for cut in (0, 10, len(whole_index) // 2, len(whole_index) - 1):
        index.write_bytes(whole_index[:cut])
        assert f"{prefix}: cannot be read" in refusal(read_keras_checkpoint, prefix)
