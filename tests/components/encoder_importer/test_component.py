"""The component as TFX runs it, and what Trainer makes of its output."""

import numpy as np
import pytest
import tensorflow as tf
from random_language_model import PAD, RandomLanguageModel
from tfx.types import standard_artifacts

from ulmfit_tfx.components.encoder_importer.checkpoint import input_fingerprint
from ulmfit_tfx.components.encoder_importer.component import EncoderImporter
from ulmfit_tfx.components.encoder_importer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config import CleaningConfig, EncoderConfig, EncoderDropoutConfig, PretrainedConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.base_model import encoder_from
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

IDS = np.array([[2, 7, 5, 9, 3], [2, 8, 3, PAD, PAD]], "int32")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, torch_writer, tokenizer_file):
    """A configuration that names a small file, and the model in it."""
    source = RandomLanguageModel(200, (6, 8, 6))
    file = torch_writer.save(tmp_path_factory.mktemp("pth") / "wiki.pth", source.state_dict())
    return PretrainedConfig(checkpoint=str(file), tokenizer=str(tokenizer_file))


@pytest.fixture(scope="module")
def artifacts(pretrained, tmp_path_factory):
    """URIs of the component's outputs, after its executor ran."""
    component = EncoderImporter(pretrained, "fingerprint", CleaningConfig(strip_html=True), fixed_seq_len=12)
    outputs = {name: standard_artifacts.Model() for name in (specs.MODEL, specs.TOKENIZER)}
    for name, artifact in outputs.items():
        artifact.uri = str(tmp_path_factory.mktemp(name))
    Executor().Do({}, {name: [artifact] for name, artifact in outputs.items()}, component.exec_properties)
    return {name: artifact.uri for name, artifact in outputs.items()}


def test_model_has_the_layout_that_base_model_channels_expect(artifacts):
    served = tf.saved_model.load(f"{artifacts[specs.MODEL]}/Format-Serving")
    assert served.signatures["string_encoder"](tf.constant(["a film"]))["output"].shape == (1, 12, 6)
    assert tf.io.gfile.exists(f"{artifacts[specs.MODEL]}/encoder.json")


def test_tokenizer_stands_where_that_of_sentencepiece_trainer_would(artifacts, spm_model):
    tokenizer = read_tokenizer(artifacts[specs.TOKENIZER])
    assert tokenizer.model == spm_model
    assert tokenizer.cleaning.strip_html


def test_trainer_starts_from_the_imported_weights_with_dropouts_of_its_own(artifacts):
    dropouts = EncoderConfig(dropout=EncoderDropoutConfig(input=0.4))
    base_model = f"{artifacts[specs.MODEL]}/Format-Serving"
    encoder, config = encoder_from(base_model, dropouts, read_tokenizer(artifacts[specs.TOKENIZER]), seed=1)
    served = tf.saved_model.load(base_model).signatures["numericalized_encoder"](tf.constant(IDS))
    np.testing.assert_allclose(encoder(IDS)[0], served["output"], atol=1e-6)
    assert (config.layer_sizes, config.dropout.input) == ((8, 6), 0.4)


def test_base_model_of_another_tokenizer_is_refused(artifacts, spm_model):
    own = read_tokenizer(artifacts[specs.TOKENIZER])
    other = Tokenizer(spm_model + b"\x1a\x00", own.config, own.cleaning)
    with pytest.raises(DataError, match="another tokenizer"):
        encoder_from(f"{artifacts[specs.MODEL]}/Format-Serving", EncoderConfig(), other, seed=1)


def test_fingerprint_follows_the_content_of_checkpoint_and_tokenizer(pretrained, tmp_path):
    before = input_fingerprint(pretrained)
    assert input_fingerprint(pretrained) == before
    copy = tmp_path / "copy.model"
    copy.write_bytes(b"another tokenizer")
    assert input_fingerprint(pretrained.model_copy(update={"tokenizer": str(copy)})) != before
    with pytest.raises(DataError, match="no such file"):
        input_fingerprint(pretrained.model_copy(update={"checkpoint": str(tmp_path / "none.pth")}))
