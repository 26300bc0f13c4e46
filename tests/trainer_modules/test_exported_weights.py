import dataclasses

import keras
import numpy as np
import pytest

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.serving.saved_model import ExportedModel
from ulmfit_tfx.trainer_modules.transfer.exported_weights import assign_exported

CONFIG = EncoderConfig(embedding_size=4, hidden_sizes=(5, 4))


def language_model(seed):
    keras.utils.set_random_seed(seed)
    return build_language_model(build_encoder(CONFIG, vocab_size=12, pad_id=1))


def exported_from(model, prefix="", without=()):
    weights = {prefix + weight.path: weight.numpy() for weight in model.weights if weight.path not in without}
    return ExportedModel(CONFIG, CleaningConfig(), "0" * 64, add_bos=True, add_eos=True, weights=weights)


@pytest.mark.parametrize("prefix", ["", "backward/"])
def test_weights_are_those_of_the_same_name(prefix):
    source, model = language_model(1), language_model(2)
    exported = exported_from(source, prefix)
    shuffled = dict(reversed(exported.weights.items())) | {"another": np.zeros(3)}
    assign_exported(model, dataclasses.replace(exported, weights=shuffled), "base", prefix)
    for weight, expected in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_missing_weight_is_named():
    exported = exported_from(language_model(1), without=["lm_head/bias"])
    with pytest.raises(DataError, match=r"base: lm_head/bias: expected shape \[12\], found no such weight"):
        assign_exported(language_model(2), exported, "base")


def test_weight_that_is_optional_stays_as_it_is_where_it_is_missing():
    source, model = language_model(1), language_model(2)
    bias = next(weight for weight in model.weights if weight.path == "lm_head/bias")
    bias.assign(np.arange(12))
    assign_exported(model, exported_from(source, without=["lm_head/bias"]), "base", optional=("lm_head/",))
    np.testing.assert_array_equal(bias, np.arange(12))
    np.testing.assert_array_equal(model.get_weights()[0], source.get_weights()[0])


def test_weight_of_another_shape_is_refused_even_where_it_is_optional():
    exported = exported_from(language_model(1))
    exported.weights["lm_head/bias"] = np.zeros(13)
    with pytest.raises(DataError, match=r"lm_head/bias: expected shape \[12\], found one of shape \[13\]"):
        assign_exported(language_model(2), exported, "base", optional=("lm_head/",))
