"""Layer groups: what learns at a rate of its own, and is unfrozen by itself.

Howard and Ruder 2018, https://arxiv.org/abs/1801.06146: discriminative rates, section 3.2; gradual unfreezing, 3.3.
"""

import dataclasses
from collections.abc import Sequence

import keras

from ulmfit_tfx.schemas.config.optimization import OptimizationConfig
from ulmfit_tfx.trainer_modules.layers.embedding import TokenEmbedding
from ulmfit_tfx.trainer_modules.layers.head_bias import HeadBias
from ulmfit_tfx.trainer_modules.layers.whole_sequence import WholeSequenceRNN

TRANSFER_RATE_FACTOR = 2.6
"""How many times slower a layer group learns than the one above it, where the encoder is pretrained."""


@dataclasses.dataclass(frozen=True, eq=False)
class LayerGroup:
    """Layers that are trained alike.

    Attributes:
        name: The layer's, or `head`.
        layers: From bottom to top.
        variables: All that can be trained in them, frozen or not.
    """

    name: str
    layers: tuple[keras.layers.Layer, ...]
    variables: tuple[keras.Variable, ...]


def layer_groups(model: keras.Model) -> list[LayerGroup]:
    """Groups of a model, from bottom to top: the embedding, each recurrent layer, the head.

    Args:
        model: As `build_classifier`, `build_tagger` or `build_language_model` makes it, nothing frozen. Embeddings that
            a language model's head shares belong to the head, as in fastai: they learn while all recurrent layers are
            frozen. Layers of two encoders at the same height are one group.

    Returns:
        Groups that together hold each trainable variable once.
    """
    layers = [layer for layer in dict.fromkeys(_inner_layers(model)) if layer.trainable_variables]
    has_tied_head = any(isinstance(layer, HeadBias) for layer in layers)
    below = (WholeSequenceRNN,) if has_tied_head else (TokenEmbedding, WholeSequenceRNN)
    heights: dict[str, list[keras.layers.Layer]] = {}
    for layer in layers:
        heights.setdefault(layer.name if isinstance(layer, below) else "head", []).append(layer)
    head = heights.pop("head", [])
    return [_group(name, found) for name, found in heights.items()] + [_group("head", head)]


def rate_factor(config: OptimizationConfig, is_pretrained: bool) -> float:
    """How many times slower each group learns than the one above it: as configured, or what suits."""
    if config.layer_rate_factor is not None:
        return config.layer_rate_factor
    return TRANSFER_RATE_FACTOR if is_pretrained else 1.0


def rate_factors(groups: Sequence[LayerGroup], factor: float) -> dict[str, float]:
    """What the learning rate of each variable is multiplied by, by its path.

    Args:
        groups: From bottom to top.
        factor: How many times slower a group learns than the one above it: 2.6 in the paper.

    Returns:
        1 in the top group, 1 / factor in the one below, and so on.
    """
    top = len(groups) - 1
    return {
        variable.path: factor ** (index - top) for index, group in enumerate(groups) for variable in group.variables
    }


def frozen_at(groups: Sequence[LayerGroup], epoch: int) -> list[LayerGroup]:
    """Groups that gradual unfreezing leaves out of an epoch, counted from 0: at first all but the top one."""
    return list(groups[: max(len(groups) - 1 - epoch, 0)])


def freeze(model: keras.Model, groups: Sequence[LayerGroup], frozen: Sequence[LayerGroup]) -> None:
    """Lets `fit` train some groups and leave the others alone: without gradients, decay or moments.

    Args:
        model: Compiled, its optimizer built for all variables.
        groups: Of the model.
        frozen: Those of them to leave alone.
    """
    for group in groups:
        for layer in group.layers:
            layer.trainable = group not in frozen
    model.train_function = None  # Keras has traced it for the variables that were trainable before


def _inner_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """A model's layers in the order of its graph, those of nested models in their place."""
    return [
        inner
        for layer in model.layers
        for inner in (_inner_layers(layer) if isinstance(layer, keras.Model) else [layer])
    ]


def _group(name: str, layers: Sequence[keras.layers.Layer]) -> LayerGroup:
    return LayerGroup(
        name, tuple(layers), tuple(variable for layer in layers for variable in layer.trainable_variables)
    )
