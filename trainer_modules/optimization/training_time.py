"""How long a training takes, estimated before it begins: its multiplications, and how fast this machine multiplies.

A piece costs six operations a weight of the recurrent layers: two forward, four backward (Kaplan et al. 2020,
https://arxiv.org/abs/2001.08361, section 2.1). Embeddings are looked up, not multiplied. Small matrices do not reach a
machine's full speed, which `_EFFICIENCY` stands for: with the default encoder a core did 0.37 of what it does with
products alone, and two cores less than twice that. Larger encoders are faster than is said here.
"""

import timeit
from typing import NamedTuple

import numpy as np

from ulmfit_tfx.schemas.config.encoder import EncoderSizesConfig

_OPERATIONS = 6
_EFFICIENCY = 0.2
_SECONDS_A_STEP = 0.03
"""What a step costs beside its multiplications: batches are made, weights updated."""
_SIZE = 512
_TRIALS = 20
_GATES = {"f": 2, "fo": 3, "ifo": 4}
_LSTM_GATES = 4


class TrainingSize(NamedTuple):
    """What a training computes.

    Attributes:
        parameters: Weights of the model.
        multiplied: Those of them that each piece is multiplied with.
        pieces: That are read in an epoch.
        steps: Batches of an epoch.
        epochs: Of the training.
    """

    parameters: int
    multiplied: int
    pieces: int
    steps: int
    epochs: int

    @property
    def pieces_read(self) -> int:
        """Pieces of all epochs."""
        return self.pieces * self.epochs

    def announcement(self, operations_a_second: float | None) -> str:
        """What is going to be computed, in a line.

        >>> TrainingSize(402_903, 180_900, 28_960, 31, 4).announcement(5e10)
        '402,903 parameters; 28,960 pieces an epoch, 4 epochs: less than a minute, estimated'

        Args:
            operations_a_second: As `measured_speed` says. None: not known, and there is no estimate.
        """
        computed = f"{self.parameters:,} parameters; {self.pieces:,} pieces an epoch, {self.epochs} epochs"
        return (
            computed
            if operations_a_second is None
            else f"{computed}: {about(self.seconds(operations_a_second))}, estimated"
        )

    def seconds(self, operations_a_second: float) -> float:
        """An estimate of how long it takes.

        Args:
            operations_a_second: As `measured_speed` says.
        """
        computing = _OPERATIONS * self.multiplied * self.pieces / (operations_a_second * _EFFICIENCY)
        return self.epochs * (computing + self.steps * _SECONDS_A_STEP)


def measured_speed() -> float:
    """Operations a second of this machine's processor: of products of float32 matrices, by which NumPy multiplies."""
    matrix = np.ones((_SIZE, _SIZE), np.float32)
    fastest = min(timeit.repeat(lambda: matrix @ matrix, number=1, repeat=_TRIALS))
    return 2 * _SIZE**3 / max(fastest, 1e-9)


def recurrent_weights(encoder: EncoderSizesConfig) -> int:
    """Weights of an encoder's recurrent layers.

    >>> recurrent_weights(EncoderSizesConfig(embedding_size=100, hidden_sizes=(200, 100)))
    180900
    """
    total, size = 0, encoder.embedding_size
    for layer, units in enumerate(encoder.hidden_sizes):
        if encoder.architecture == "qrnn":
            gates = _GATES[encoder.qrnn_pooling]
            total += (encoder.window(layer) * size + 1) * gates * units
        else:
            total += (size + units + 1) * _LSTM_GATES * units
        size = units
    return total


def about(seconds: float) -> str:
    """An estimate in words, no more exact than it is.

    >>> about(20), about(100), about(1000), about(9000)
    ('less than a minute', 'about 2 minutes', 'about 17 minutes', 'about 2.5 hours')
    """
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return "about 1 minute" if round(minutes) == 1 else f"about {minutes:.0f} minutes"
    return f"about {minutes / 60:.1f} hours"
