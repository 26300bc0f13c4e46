import numpy as np
import pytest
import tensorflow as tf
from base_encoders import encoder_from
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.tagging import trainer as tagger
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, read_exported, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.trainer_modules.transfer.base_model import BaseModel
from ulmfit_tfx.transforms.records.record import Row
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
    encoder, config = encoder_from(folder, tokenizer, direction)
    assert config.direction == direction
    np.testing.assert_allclose(encoder(IDS)[0], encoders[direction](IDS)[0], atol=1e-6)


def test_an_only_encoder_comes_back_in_its_direction(backward_only, tokenizer):
    folder, encoders = backward_only
    encoder, config = encoder_from(folder, tokenizer)
    assert config.direction == "backward"
    np.testing.assert_allclose(encoder(IDS)[0], encoders["backward"](IDS)[0], atol=1e-6)


def test_directions_are_those_of_the_export(both, backward_only, tokenizer):
    assert BaseModel.read(both[0], tokenizer).directions == ("forward", "backward")
    assert BaseModel.read(backward_only[0], tokenizer).directions == ("backward",)


def test_direction_that_there_is_not(backward_only, tokenizer):
    with pytest.raises(DataError, match="has no forward encoder, only a backward one"):
        encoder_from(backward_only[0], tokenizer, "forward")


def test_dropouts_are_those_of_the_new_training(both, tokenizer):
    dropouts = EncoderConfig(dropout=EncoderDropoutConfig(hidden=0.44), zoneout=0.2)
    encoder, config = encoder_from(both[0], tokenizer, "backward", dropouts)
    assert (config.dropout.hidden, config.zoneout, config.hidden_sizes) == (0.44, 0.2, (6,))
    assert encoder.get_layer("qrnn_0").cell.zoneout == 0.2


def tagged(text, mood):
    words = tuple(text.split())
    return Row("", words=words, tags=(mood,) * len(words))


@pytest.mark.parametrize("exported", ["both", pytest.param("backward_only", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("task", ["classification", pytest.param("tagging", marks=pytest.mark.thorough)])
def test_weights_are_read_once_for_a_training(request, tmp_path, tokenizer, reviews, monkeypatch, exported, task):
    short = [review for review in reviews if len(review[0]) < 60]
    rows = [tagged(*review) if task == "tagging" else Row(*review) for review in short]
    sections = {"task": task, "training": CONFIG["training"] | {"epochs": 1}}
    sections["data"] = {"path": "rows", "format": "conll" if task == "tagging" else "tsv"}
    config = PipelineConfig.model_validate(CONFIG | sections)
    fn_args = write_inputs(tmp_path / "inputs", tokenizer, config, rows[:16], rows[16:24])
    fn_args.base_model = request.getfixturevalue(exported)[0]
    read = []
    load_checkpoint = tf.train.load_checkpoint
    monkeypatch.setattr(tf.train, "load_checkpoint", lambda path: (read.append(path), load_checkpoint(path))[1])
    {"classification": classifier, "tagging": tagger}[task].run_fn(fn_args)
    assert read == [f"{fn_args.base_model}/variables/variables"]
    monkeypatch.undo()
    assert read_exported(fn_args.serving_model_dir).directions == read_exported(fn_args.base_model).directions
