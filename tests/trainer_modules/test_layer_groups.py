import keras
import numpy as np
import pytest

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.tagging.model import build_tagger
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.optimization.layer_groups import freeze, frozen_at, layer_groups, rate_factors
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for

RNG = np.random.default_rng(0)
IDS, LABELS = RNG.integers(4, 50, (8, 9)).astype("int32"), RNG.integers(0, 2, 8)


def encoder_of(architecture="awd_lstm", output_size=8):
    config = EncoderConfig(architecture=architecture, embedding_size=8, hidden_sizes=(6, output_size))
    return build_encoder(config, 50, 1, seed=3)


def classifier(architecture="awd_lstm"):
    return build_classifier(encoder_of(architecture), HeadConfig(), 2, seed=3)


def names(groups):
    return [group.name for group in groups]


def untied_language_model(architecture):
    return build_language_model(encoder_of(architecture), tied=False)


@pytest.mark.parametrize("architecture", ["awd_lstm", "qrnn"])
@pytest.mark.parametrize("build", [classifier, untied_language_model])
def test_groups_are_the_embedding_each_recurrent_layer_and_the_head(build, architecture):
    model = build(architecture)
    groups = layer_groups(model)
    layers = [layer.name for group in groups for layer in group.layers[:1]]
    assert names(groups) == ["embedding", *layers[1:3], "head"]
    assert layers[1] != layers[2]
    variables = [variable for group in groups for variable in group.variables]
    assert len(variables) == len(model.trainable_variables)
    assert {id(variable) for variable in variables} == {id(variable) for variable in model.trainable_variables}
    assert [variable.path for variable in groups[0].variables] == ["embedding/embeddings"]


def test_tied_embeddings_learn_with_the_head_and_faster_than_all_recurrent_layers():
    groups = layer_groups(build_language_model(encoder_of(output_size=8)))
    assert [group.name for group in groups] == ["awd_lstm_0", "awd_lstm_1", "head"]
    factors = rate_factors(groups, 2.6)
    assert factors["embedding/embeddings"] == factors["lm_head/bias"] == 1
    assert max(value for path, value in factors.items() if path.startswith("awd_lstm")) == pytest.approx(1 / 2.6)


def test_untied_head_of_a_language_model_has_its_kernel():
    head = layer_groups(build_language_model(encoder_of(output_size=5)))[-1]
    assert [variable.path for variable in head.variables] == ["lm_head/kernel", "lm_head/bias"]


def test_head_of_a_classifier_has_its_normalization():
    head = layer_groups(classifier())[-1]
    assert [layer.name for layer in head.layers] == ["batch_norm_0", "hidden", "batch_norm_1", "logits"]


@pytest.mark.parametrize("architecture", ["awd_lstm", "qrnn"])
def test_layers_of_two_encoders_at_the_same_height_are_one_group(architecture):
    config = EncoderConfig(architecture=architecture, embedding_size=8, hidden_sizes=(6, 8))
    encoders = [
        build_encoder(config.model_copy(update={"direction": direction}), 50, 1, name=direction)
        for direction in ("forward", "backward")
    ]
    tagger = build_tagger(
        encoders, config, HeadConfig(), TaggingConfig(context_layer=4, decoder="crf", word_features={}), 3
    )
    groups = layer_groups(tagger.model)
    heights = ["embedding", f"{architecture}_0", f"{architecture}_1"]
    assert names(groups) == [*heights, "head"]
    for group, height in zip(groups, heights, strict=False):
        assert list(group.layers) == [encoder.get_layer(height) for encoder in encoders]
    assert [layer.name for layer in groups[-1].layers] == [*WORD_FEATURES, "context", "emissions", "crf"]
    of_groups = [id(variable) for group in groups for variable in group.variables]
    assert sorted(of_groups) == sorted(id(variable) for variable in tagger.model.trainable_variables)
    factors = rate_factors(groups, 2.0)
    for group, factor in zip(groups, (1 / 8, 1 / 4, 1 / 2, 1), strict=True):
        assert {factors[variable.path] for variable in group.variables} == {factor}
    freeze(tagger.model, groups, frozen_at(groups, 1))
    assert all(not encoder.get_layer(height).trainable for encoder in encoders for height in heights[:2])
    assert all(encoder.get_layer(heights[2]).trainable for encoder in encoders)


def test_rate_of_a_group_is_a_factor_below_that_of_the_next():
    groups = layer_groups(classifier())
    factors = rate_factors(groups, 2.6)
    expected = [1 / (2.6 * 2.6 * 2.6), 1 / (2.6 * 2.6), 1 / 2.6, 1]
    for group, factor in zip(groups, expected, strict=True):
        assert [factors[variable.path] for variable in group.variables] == pytest.approx(
            [factor] * len(group.variables)
        )
    assert len(factors) == sum(len(group.variables) for group in groups)


def test_one_more_group_is_unfrozen_each_epoch_from_the_top():
    groups = layer_groups(classifier())
    frozen = [names(frozen_at(groups, epoch)) for epoch in range(5)]
    assert frozen == [names(groups[:3]), names(groups[:2]), names(groups[:1]), [], []]


def test_fit_trains_what_is_not_frozen_and_goes_on_to_what_is_unfrozen():
    model = classifier()
    groups = layer_groups(model)
    model.compile(
        optimizer_for(TrainingConfig(schedule="constant", learning_rate=0.1), 9, rate_factors(groups, 2.6)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.optimizer.build(model.trainable_variables)
    for epoch in range(4):
        freeze(model, groups, frozen_at(groups, epoch))
        before = [[variable.numpy() for variable in group.variables] for group in groups]
        model.fit(IDS, LABELS, batch_size=4, verbose=0)
        changed = [
            any((variable.numpy() != value).any() for variable, value in zip(group.variables, values, strict=True))
            for group, values in zip(groups, before, strict=True)
        ]
        assert changed == [index >= 3 - epoch for index in range(4)]


def test_weights_are_saved_alike_whatever_is_frozen(tmp_path):
    model, again = classifier(), classifier()
    groups = layer_groups(model)
    freeze(model, groups, groups[:-1])
    model.save_weights(tmp_path / "frozen.weights.h5")
    again.load_weights(tmp_path / "frozen.weights.h5")
    for weight, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
