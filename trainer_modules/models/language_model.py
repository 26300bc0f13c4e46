"""The language model of ULMFiT and MultiFiT: an encoder and a softmax over the next piece."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ulmfit_tfx.trainer_modules.layers.head_bias import HeadBias

HEAD = "lm_head"


def build_language_model(encoder: keras.Model, tied: bool | None = None) -> keras.Model:
    """Puts a language-model head on an encoder.

    Args:
        encoder: As `build_encoder` makes it.
        tied: Whether the head's weights are the embeddings; its bias is its own. None: where the sizes allow it.

    Returns:
        A model from ids, int32 [batch, time], to logits of the piece that follows each, float [batch, time,
        vocab_size]; for a backward encoder, of the piece that precedes each.

    Raises:
        ValueError: `tied` with an encoder whose output size is not that of its embeddings.
    """
    embedding = encoder.get_layer("embedding")
    hidden, _ = encoder.output
    fits = hidden.shape[-1] == embedding.size
    if tied and not fits:
        raise ValueError(
            f"a tied head needs an encoder output of the embedding's size, {embedding.size}; it is {hidden.shape[-1]}"
        )
    if fits if tied is None else tied:
        logits = HeadBias(name=HEAD)(embedding(hidden, reverse=True))
    else:
        logits = keras.layers.Dense(embedding.vocab_size, name=HEAD)(hidden)
    # One graph with the encoder's: Keras would reload an embedding that a nested model shares as two, untied.
    return keras.Model(encoder.input, logits, name="language_model")


def head_weights(model: keras.Model) -> tuple[Any, Any]:
    """The softmax's weights.

    Args:
        model: As `build_language_model` makes it.

    Returns:
        Kernel, float32 [vocab_size, size], which is the embeddings where the head is tied, and bias, float32
        [vocab_size].
    """
    head = model.get_layer(HEAD)
    if is_tied(model):
        return model.get_layer("embedding").embeddings, head.bias
    return ops.transpose(head.kernel), head.bias


def begin_at_unigram(model: keras.Model, counts: np.ndarray) -> None:
    """Sets the head's bias to the logarithms of the pieces' frequencies: what there is to know without a context.

    Args:
        model: As `build_language_model` makes it.
        counts: How often each piece occurs, int [vocab_size]. One is added to each, for those that do not occur.
    """
    smoothed = np.asarray(counts, np.float64) + 1
    model.get_layer(HEAD).bias.assign(np.log(smoothed / smoothed.sum()))


def is_tied(model: keras.Model) -> bool:
    """Whether the softmax's weights are the embeddings."""
    return isinstance(model.get_layer(HEAD), HeadBias)
