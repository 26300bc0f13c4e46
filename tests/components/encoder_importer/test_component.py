"""The component as TFX runs it, and what Trainer makes of its output."""

import json
import re
import uuid
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from base_encoders import encoder_from
from random_language_model import PAD, RandomLanguageModel
from tfx.types import standard_artifacts

from ulmfit_tfx.components.encoder_importer.checkpoint_files import fetched, input_fingerprint
from ulmfit_tfx.components.encoder_importer.component import EncoderImporter
from ulmfit_tfx.components.encoder_importer.executor import Executor
from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
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


@pytest.fixture
def remote(pretrained, gcs):
    """The same configuration with its files in a fake Google Cloud Storage."""
    folder = f"gs://{uuid.uuid4()}/encoders"
    tf.io.gfile.copy(pretrained.checkpoint, f"{folder}/wiki.pth")
    tf.io.gfile.copy(pretrained.tokenizer, f"{folder}/wiki-sp200.model")
    return PretrainedConfig(checkpoint=f"{folder}/wiki.pth", tokenizer=f"{folder}/wiki-sp200.model")


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
    encoder, config = encoder_from(base_model, read_tokenizer(artifacts[specs.TOKENIZER]), dropouts=dropouts)
    served = tf.saved_model.load(base_model).signatures["numericalized_encoder"](tf.constant(IDS))
    np.testing.assert_allclose(encoder(IDS)[0], served["output"], atol=1e-6)
    assert (config.hidden_sizes, config.dropout.input) == ((8, 6), 0.4)


def test_base_model_of_another_tokenizer_is_refused(artifacts, spm_model):
    own = read_tokenizer(artifacts[specs.TOKENIZER])
    other = Tokenizer(spm_model + b"\x1a\x00", own.config, own.cleaning)
    with pytest.raises(DataError, match="another tokenizer"):
        encoder_from(f"{artifacts[specs.MODEL]}/Format-Serving", other)


def test_fingerprint_follows_the_content_of_checkpoint_and_tokenizer(pretrained, tmp_path):
    before = input_fingerprint(pretrained)
    assert input_fingerprint(pretrained) == before
    copy = tmp_path / "copy.model"
    copy.write_bytes(b"another tokenizer")
    assert input_fingerprint(pretrained.model_copy(update={"tokenizer": str(copy)})) != before
    with pytest.raises(DataError, match="no such file"):
        input_fingerprint(pretrained.model_copy(update={"checkpoint": str(tmp_path / "none.pth")}))


def test_remote_checkpoint_becomes_remote_artifacts_like_those_of_a_local_one(remote, artifacts):
    component = EncoderImporter(remote, "fingerprint", CleaningConfig(strip_html=True), fixed_seq_len=12)
    outputs = {name: standard_artifacts.Model() for name in (specs.MODEL, specs.TOKENIZER)}
    for name, artifact in outputs.items():
        artifact.uri = f"{remote.checkpoint}-imported/{name}"
    Executor().Do({}, {name: [artifact] for name, artifact in outputs.items()}, component.exec_properties)
    for name, artifact in outputs.items():
        assert files_below(artifact.uri) == files_below(artifacts[name])
    weights = [read_exported(f"{uri}/Format-Serving").weights for uri in (artifacts[specs.MODEL], outputs["model"].uri)]
    for weight, expected in zip(weights[1].values(), weights[0].values(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    with tf.io.gfile.GFile(f"{outputs['model'].uri}/encoder.json") as file:
        assert json.loads(file.read())["source"]["file"] == "wiki.pth"


def files_below(folder):
    walked = tf.io.gfile.walk(folder)
    return sorted(
        f"{path}/{name}".removeprefix(folder).replace("//", "/") for path, _, names in walked for name in names
    )


@pytest.mark.parametrize("named", ["saved/encoder.index", "saved/encoder", "saved", "saved.tgz"])
def test_remote_checkpoint_of_several_files_is_fetched_whole(named, gcs, tmp_path):
    folder = f"gs://{uuid.uuid4()}"
    files = ["saved/encoder.index", "saved/encoder.data-00000-of-00001", "saved.tgz", "saved/other.txt"]
    for name in files:
        with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
            file.write(name)
    expected = {
        "saved": {name for name in files if name.startswith("saved/")},
        "saved.tgz": {"saved.tgz"},
    }.get(named, set(files[:2]))
    with fetched(PretrainedConfig(checkpoint=f"{folder}/{named}")) as local:
        root = Path(local.checkpoint).parent
        found = {file.relative_to(root).as_posix(): file.read_text() for file in root.rglob("*") if file.is_file()}
    assert found == {name.removeprefix("saved/") if named.startswith("saved/") else name: name for name in expected}
    assert not root.exists()


def test_errors_name_the_remote_file(remote):
    with (
        pytest.raises(DataError, match=re.escape(f"{remote.checkpoint}2: no such file.")),
        fetched(remote.model_copy(update={"checkpoint": f"{remote.checkpoint}2"})),
    ):
        pass
    swapped = PretrainedConfig(checkpoint=remote.tokenizer, tokenizer=remote.tokenizer)
    with pytest.raises(DataError, match=re.escape(f"{remote.tokenizer}: is")), fetched(swapped) as local:
        import_encoder(local, local.checkpoint + "-imported")


def test_fingerprint_of_remote_files_follows_their_changes(remote):
    before = input_fingerprint(remote)
    assert input_fingerprint(remote) == before
    with tf.io.gfile.GFile(remote.tokenizer, "w") as file:
        file.write("another tokenizer")
    assert input_fingerprint(remote) != before
