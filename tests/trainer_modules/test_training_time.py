import doctest
import io
import math

import keras
import pytest
from rich.console import Console

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization import progress, training_time
from ulmfit_tfx.trainer_modules.optimization.training_time import TrainingSize, measured_speed, recurrent_weights

ENCODERS = [
    {},
    {"hidden_sizes": [24, 20, 16], "qrnn_windows": [3, 2, 1], "qrnn_pooling": "ifo"},
    {"hidden_sizes": [12], "qrnn_pooling": "f"},
    {"architecture": "awd_lstm", "embedding_size": 30, "hidden_sizes": [24, 16]},
]


def test_examples_in_docstrings():
    result = doctest.testmod(training_time)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("fields", ENCODERS)
def test_recurrent_weights_are_those_of_the_built_encoder(fields):
    config = EncoderConfig(**fields)
    encoder = build_encoder(config, 50, 1, 0)
    assert recurrent_weights(config) == encoder.count_params() - 50 * config.embedding_size


def test_twice_the_epochs_take_twice_as_long_and_a_faster_machine_less():
    size = TrainingSize(10**6, 10**5, 10**6, 100, 2)
    assert size._replace(epochs=4).seconds(1e10) == pytest.approx(2 * size.seconds(1e10))
    assert size.seconds(2e10) < size.seconds(1e10)


def test_speed_is_that_of_a_machine():
    assert 1e8 < measured_speed() < 1e14


def test_training_is_announced_with_what_is_multiplied(monkeypatch):
    """Embeddings are parameters, and cost nothing."""
    told = []
    monkeypatch.setattr(TrainingSize, "seconds", lambda size, speed: told.append(size) or 130.0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(1000, 8), keras.layers.Dense(4)])
    console = Console(file=io.StringIO(), width=200)
    progress.announce(console, model, 12_345, 6, 2)
    parameters = 1000 * 8 + 8 * 4 + 4
    assert console.file.getvalue() == (
        f"      {parameters:,} parameters; 12,345 pieces an epoch, 2 epochs: about 2 minutes, estimated\n"
    )
    assert [size.multiplied for size in told] == [8 * 4 + 4]
    assert math.prod(model.weights[0].shape) == 8000
