import numpy as np
import pytest

from ulmfit_tfx.schemas.config import CleaningConfig, EncoderConfig, EncoderDropoutConfig, TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.trainer_modules.transfer.base_model import base_directions, encoder_from
from ulmfit_tfx.transforms.tokenization import Tokenizer

IDS = np.array([[2, 9, 8, 7, 3], [2, 11, 3, 1, 1]], "int32")


def encoders_of(tokenizer, *directions):
    config = EncoderConfig(embedding_size=8, hidden_sizes=(6,))
    return {
        direction: build_encoder(
            config.model_copy(update={"direction": direction}), tokenizer.vocab_size, tokenizer.special_ids.pad
        )
        for direction in directions
    }


def export(folder, tokenizer, encoders):
    first = next(iter(encoders.values()))
    config = EncoderConfig(embedding_size=8, hidden_sizes=(6,), direction=next(iter(encoders)))
    info = ModelDescription(
        task="encoder", encoder=config, max_seq_len=20, fixed_seq_len=None, directions=tuple(encoders)
    )
    parts = {"" if encoder is first else BACKWARD: encoder for encoder in encoders.values()}
    save(str(folder), parts, tokenizer, encoder_signatures(first, tokenizer, None, 20), info)
    return str(folder)


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())


@pytest.fixture(scope="module")
def both(tmp_path_factory, tokenizer):
    encoders = encoders_of(tokenizer, "forward", "backward")
    return export(tmp_path_factory.mktemp("both"), tokenizer, encoders), encoders


@pytest.fixture(scope="module")
def backward_only(tmp_path_factory, tokenizer):
    encoders = encoders_of(tokenizer, "backward")
    return export(tmp_path_factory.mktemp("backward"), tokenizer, encoders), encoders


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_each_of_two_encoders_comes_back(both, tokenizer, direction):
    folder, encoders = both
    encoder, config = encoder_from(folder, EncoderConfig(), tokenizer, None, direction)
    assert config.direction == direction
    np.testing.assert_allclose(encoder(IDS)[0], encoders[direction](IDS)[0], atol=1e-6)


def test_an_only_encoder_comes_back_in_its_direction(backward_only, tokenizer):
    folder, encoders = backward_only
    encoder, config = encoder_from(folder, EncoderConfig(), tokenizer, None)
    assert config.direction == "backward"
    np.testing.assert_allclose(encoder(IDS)[0], encoders["backward"](IDS)[0], atol=1e-6)


def test_directions_are_those_of_the_export(both, backward_only):
    assert base_directions(both[0]) == ("forward", "backward")
    assert base_directions(backward_only[0]) == ("backward",)


def test_direction_that_there_is_not(backward_only, tokenizer):
    with pytest.raises(DataError, match="has no forward encoder, only a backward one"):
        encoder_from(backward_only[0], EncoderConfig(), tokenizer, None, "forward")


def test_dropouts_are_those_of_the_new_training(both, tokenizer):
    dropouts = EncoderConfig(dropout=EncoderDropoutConfig(hidden=0.44), zoneout=0.2)
    encoder, config = encoder_from(both[0], dropouts, tokenizer, None, "backward")
    assert (config.dropout.hidden, config.zoneout, config.hidden_sizes) == (0.44, 0.2, (6,))
    assert encoder.get_layer("qrnn_0").cell.zoneout == 0.2
