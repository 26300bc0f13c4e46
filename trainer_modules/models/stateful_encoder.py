"""The encoder as a function from ids and states to hidden states and states: what reads a text piece by piece needs."""

import keras
from keras import ops

from ulmfit_tfx.trainer_modules.layers.whole_sequence import WholeSequenceRNN


def stateful_encoder(encoder: keras.Model, masked: bool = True) -> keras.Model:
    """Builds a model that shares the encoder's layers and carries their states.

    Args:
        encoder: As `build_encoder` makes it.
        masked: Whether ids may hold padding, anywhere. Without it the layers do less.

    Returns:
        A model from `[ids, *states]` to `[hidden, raw, *states]`. Ids are int32 [batch, time], in the order in which
        they are read: for a backward encoder that is from the end of the text. `raw` is the last recurrent layer's
        output, float [batch, time, units], and `hidden` the same after the output dropout. States are float [batch,
        size] each: before the first id, and after the last.
    """
    ids = keras.Input((None,), dtype="int32", name="numericalized")
    mask = encoder.get_layer("mask")(ids) if masked else None
    hidden = encoder.get_layer("input_dropout")(encoder.get_layer("embedding")(ids))
    raw, states_before, states_after = hidden, [], []
    for index, layer in enumerate(recurrent_layers(encoder)):
        states = [
            keras.Input((size,), dtype="float32", name=f"state_{index}_{number}")
            for number, size in enumerate(_sizes(layer))
        ]
        raw, *after = layer(hidden, initial_state=states, mask=mask)
        hidden = encoder.get_layer(f"hidden_dropout_{index}")(raw)
        states_before += states
        states_after += [ops.cast(state, "float32") for state in after]
    return keras.Model([ids, *states_before], [hidden, raw, *states_after], name=f"stateful_{encoder.name}")


def recurrent_layers(encoder: keras.Model) -> list[WholeSequenceRNN]:
    """The recurrent layers, the one on the embeddings first."""
    return [layer for layer in encoder.layers if isinstance(layer, WholeSequenceRNN)]


def zero_states(model: keras.Model, batch: int) -> list:
    """States before the first id, float32 [batch, size] each.

    Args:
        model: As `stateful_encoder` makes it.
        batch: Rows.
    """
    return [ops.zeros((batch, state.shape[1]), "float32") for state in model.inputs[1:]]


def _sizes(layer: WholeSequenceRNN) -> list[int]:
    sizes = layer.state_size
    return list(sizes) if isinstance(sizes, list | tuple) else [sizes]
