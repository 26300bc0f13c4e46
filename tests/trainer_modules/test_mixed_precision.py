import keras
import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.optimization.mixed_precision import mixed_precision


@pytest.mark.parametrize("setting", ["float16", "bfloat16"])
def test_layers_made_inside_compute_in_half_precision_and_keep_float32_weights(setting):
    with mixed_precision(setting):
        layer = keras.layers.Dense(2)
    layer.build((1, 3))
    assert (layer.compute_dtype, layer.kernel.dtype) == (setting, "float32")


@pytest.mark.parametrize("setting", ["off", "float16", "bfloat16", "auto"])
def test_policy_ends_with_the_block_whatever_happens(setting):
    before = keras.config.dtype_policy()
    with pytest.raises(KeyError), mixed_precision(setting):
        raise KeyError
    assert keras.config.dtype_policy() == before


def test_policy_before_is_the_one_that_comes_back():
    with mixed_precision("bfloat16"):
        with mixed_precision("off"):
            assert keras.config.dtype_policy().name == "float32"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("gpus", "policy"), [([], "float32"), (["GPU:0"], "mixed_float16")])
def test_auto_is_half_precision_where_there_is_a_gpu(gpus, policy, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else ["CPU:0"])
    with mixed_precision("auto"):
        assert keras.config.dtype_policy().name == policy
