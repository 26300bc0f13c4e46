"""An encoder is the same whichever file it comes in."""

import dataclasses
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from old_package_writer import write_checkpoint, write_saved_model
from random_language_model import RandomLanguageModel

from ulmfit_tfx.components.encoder_importer.checkpoint import opened
from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.model_info import ClassificationDetails
from ulmfit_tfx.tasks.classification.signatures import classifier_signatures
from ulmfit_tfx.trainer_modules.serving.encoder_folder import (
    SPM_MODEL,
    load_encoder,
    load_language_model,
    read_record,
)
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures, text_outputs
from ulmfit_tfx.transforms.tokenization import Tokenizer

FIXED_SEQ_LEN = 12
MODELS = {"lstm": {"sizes": (5, 7, 5)}, "qrnn": {"sizes": (5, 7, 5), "windows": (2, 3)}}
SOURCES = ["own folder", "own SavedModel", "old checkpoint", "old SavedModel"]
COMPARED_WHOLE = ("lstm", "old SavedModel")
"""Whose SavedModel is always compared. Of the others it is all that a SavedModel is written from."""
TEXTS = ["A great film!", "", "a dull story and a clumsy plot " * 3, "\u017b\u00f3\u0142\u0107"]
INPUTS = {
    "string_inputs": TEXTS,
    "numericalized": [[2, 9, 8, 3], [2, 3, 1, 1]],
    "examples": [
        tf.train.Example(
            features=tf.train.Features(
                feature={"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))}
            )
        ).SerializeToString()
        for text in TEXTS
    ],
}
ENCODER_SIGNATURES = {"string_encoder", "numericalized_encoder", "spm_processor"}


def imported(checkpoint: Path, folder: Path, tokenizer: Path | None = None) -> Path:
    config = PretrainedConfig(checkpoint=str(checkpoint), tokenizer=tokenizer and str(tokenizer))
    import_encoder(config, folder, FIXED_SEQ_LEN)
    return folder


def described(folder: Path):
    """Names, dtypes and shapes of all inputs and outputs of a SavedModel, and its outputs."""
    specs, outputs = {}, {}
    for name, function in tf.saved_model.load(str(folder / "saved_model")).signatures.items():
        of_inputs = function.structured_input_signature[1]
        specs[name] = {key: (spec.dtype, spec.shape.as_list()) for key, spec in of_inputs.items()}
        found = function(**{key: tf.constant(INPUTS[key], spec.dtype) for key, spec in of_inputs.items()})
        outputs |= {f"{name}/{key}": value.numpy() for key, value in found.items()}
    return specs, outputs


@pytest.fixture(scope="module", params=MODELS)
def from_pth(request, tmp_path_factory, torch_writer, tokenizer_file):
    """A model of random weights, and the folder that its .pth was imported to."""
    folder = tmp_path_factory.mktemp(request.param)
    model = RandomLanguageModel(200, **MODELS[request.param])
    return model, imported(
        torch_writer.save(folder / "wiki.pth", model.state_dict()), folder / "imported", tokenizer_file
    )


def source_in(folder: Path, kind: str, model: RandomLanguageModel, own: Path, spm_model: bytes) -> Path:
    if kind == "own folder":
        return own
    if kind == "own SavedModel":
        return own / "saved_model"
    if kind == "old checkpoint":
        return write_checkpoint(folder / "checkpoint" / "wiki", model.checkpoint())
    return write_saved_model(folder / "old", model.saved_model(), {"wiki-sp200.model": spm_model})


@pytest.fixture(scope="module")
def expected(from_pth):
    """What the import of the .pth has and gives."""
    return described(from_pth[1])


def encoder_part(description):
    """What `described` gives of the encoder's signatures alone."""
    specs, outputs = description
    return (
        {name: spec for name, spec in specs.items() if name in ENCODER_SIGNATURES},
        {name: value for name, value in outputs.items() if name.split("/")[0] in ENCODER_SIGNATURES},
    )


def assert_same(folder: Path, expected):
    (specs, outputs), (expected_specs, expected_outputs) = described(folder), expected
    assert specs == expected_specs
    assert outputs.keys() == expected_outputs.keys()
    for name, array in expected_outputs.items():
        assert outputs[name].dtype == array.dtype, name
        np.testing.assert_allclose(outputs[name], array, rtol=0, atol=1e-6, err_msg=name)


def written(folder: Path):
    """What an import writes its SavedModel from: the record but for where it comes from, tokenizer files, weights."""
    record = dataclasses.replace(read_record(folder), source={})
    files = {file.name: file.read_bytes() for file in (folder / SPM_MODEL).iterdir()}
    return record, files, {weight.path: weight.numpy() for weight in load_language_model(folder).weights}


def assert_written_alike(folder: Path, own: Path):
    (record, files, weights), (expected_record, expected_files, expected_weights) = written(folder), written(own)
    assert record == expected_record
    assert files == expected_files
    assert weights.keys() == expected_weights.keys()
    for path, weight in expected_weights.items():
        np.testing.assert_allclose(weights[path], weight, rtol=0, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("kind", SOURCES)
def test_import_is_the_same_from_every_source(from_pth, tmp_path, tokenizer_file, spm_model, no_saved_model, kind):
    model, own = from_pth
    source = source_in(tmp_path, kind, model, own, spm_model)
    with no_saved_model():
        folder = imported(source, tmp_path / "out", tokenizer_file if kind == "old checkpoint" else None)
    assert_written_alike(folder, own)


@pytest.mark.parametrize(
    ("from_pth", "kind"),
    [
        pytest.param(*pair, marks=[] if pair == COMPARED_WHOLE else pytest.mark.thorough)
        for pair in itertools.product(MODELS, SOURCES)
    ],
    indirect=["from_pth"],
)
def test_saved_model_is_the_same_from_every_source(from_pth, expected, tmp_path, tokenizer_file, spm_model, kind):
    model, own = from_pth
    source = source_in(tmp_path, kind, model, own, spm_model)
    folder = imported(source, tmp_path / "out", tokenizer_file if kind == "old checkpoint" else None)
    assert_same(folder, expected)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("from_pth", ["lstm"], indirect=True)
def test_saved_model_is_the_same_from_an_archive(from_pth, expected, tmp_path, tokenizer_file, spm_model, kind):
    model, own = from_pth
    source = source_in(tmp_path, kind, model, own, spm_model)
    root = source.parent if kind == "old checkpoint" else source
    archive = Path(shutil.make_archive(str(tmp_path / "wiki"), "gztar", root))
    folder = imported(archive, tmp_path / "out", tokenizer_file if kind == "old checkpoint" else None)
    assert_same(folder, expected)


@pytest.mark.parametrize("from_pth", ["lstm"], indirect=True)
def test_import_is_the_same_from_an_archived_pth(from_pth, tmp_path, torch_writer, tokenizer_file, no_saved_model):
    model, own = from_pth
    (tmp_path / "files").mkdir()
    torch_writer.save(tmp_path / "files" / "wiki.pth", model.state_dict())
    archive = Path(shutil.make_archive(str(tmp_path / "wiki"), "gztar", tmp_path / "files"))
    with no_saved_model():
        assert_written_alike(imported(archive, tmp_path / "out", tokenizer_file), own)


def test_head_is_the_same_from_every_source(from_pth, tmp_path, spm_model):
    model, own = from_pth
    for kind in SOURCES:
        (folder := tmp_path / kind).mkdir()
        weights = opened_weights(source_in(folder, kind, model, own, spm_model))
        assert weights.has_head, kind
        np.testing.assert_array_equal(weights.head_bias.float32, model.head_bias, err_msg=kind)


def opened_weights(path: Path):
    with opened(str(path), "auto") as checkpoint:
        return checkpoint.weights


@pytest.mark.parametrize("from_pth", ["lstm"], indirect=True)
def test_encoder_of_a_classifiers_saved_model_comes_out(from_pth, expected, tmp_path, spm_model):
    _, own = from_pth
    encoder, record = load_encoder(own), read_record(own)
    model = build_classifier(encoder, HeadConfig(), 3)
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    signatures = encoder_signatures(encoder, tokenizer, FIXED_SEQ_LEN, 40)
    signatures |= classifier_signatures(text_outputs(model, tokenizer, 40), tokenizer, ["a", "b", "c"])
    info = ModelDescription(
        task="classification",
        encoder=record.encoder,
        max_seq_len=40,
        fixed_seq_len=FIXED_SEQ_LEN,
        labels=["a", "b", "c"],
        details=ClassificationDetails(),
    )
    save(str(tmp_path / "classifier"), model, tokenizer, signatures, info)
    folder = imported(tmp_path / "classifier", tmp_path / "out")
    assert_same(folder, encoder_part(expected))
    assert read_record(folder).head is None


@pytest.mark.parametrize("from_pth", ["lstm"], indirect=True)
def test_message_about_an_archives_content_names_the_archive(from_pth, tmp_path):
    model, _ = from_pth
    write_saved_model(tmp_path / "old", model.saved_model(), {"wiki-sp200.model": b"no tokenizer"})
    archive = Path(shutil.make_archive(str(tmp_path / "wiki"), "gztar", tmp_path / "old"))
    with pytest.raises(DataError) as error:
        imported(archive, tmp_path / "out")
    assert str(error.value).startswith(f"{archive}/assets/wiki-sp200.model: is a text, expected a SentencePiece model")
