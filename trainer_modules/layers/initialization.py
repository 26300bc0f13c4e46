"""How the weights of recurrent layers begin: as in the AWD-LSTM paper and in PyTorch, so that training compares."""

import keras


def uniform_within(size: int) -> keras.initializers.Initializer:
    """Uniform in -1/sqrt(size)..1/sqrt(size).

    Args:
        size: Of the state (LSTM) or of the input (QRNN).
    """
    bound = size**-0.5
    return keras.initializers.RandomUniform(-bound, bound)
