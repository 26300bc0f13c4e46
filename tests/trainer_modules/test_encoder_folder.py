"""Folders and SavedModels that lie about themselves, as one from outside may."""

import json
import shutil

import h5py
import numpy as np
import pytest

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.serving.encoder_folder import (
    EncoderRecord,
    build,
    load_encoder,
    load_language_model,
    read_record,
    write_encoder,
)
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
from ulmfit_tfx.trainer_modules.serving.signature_names import MODEL_INFO_FILE
from ulmfit_tfx.transforms.tokenization import Tokenizer

RECORD = EncoderRecord(EncoderConfig(embedding_size=6, hidden_sizes=(8, 6)), 200, 1, "tied", 70, 512, {})
WEIGHTS = "keras_weights/language_model.weights.h5"
IDS = np.array([[2, 7, 9, 3]], "int32")


@pytest.fixture(scope="module")
def written(tmp_path_factory, spm_model):
    """An encoder's folder, to be copied."""
    folder = tmp_path_factory.mktemp("encoder")
    write_encoder(folder, *build(RECORD), Tokenizer(spm_model, TokenizerConfig(), CleaningConfig()), RECORD)
    return folder


@pytest.fixture
def folder(tmp_path, written):
    """An encoder's folder."""
    return shutil.copytree(written, tmp_path, dirs_exist_ok=True)


def edit(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_folder_gives_back_what_was_written(tmp_path, spm_model):
    encoder, model = build(RECORD)
    write_encoder(tmp_path, encoder, model, Tokenizer(spm_model, TokenizerConfig(), CleaningConfig()), RECORD)
    assert read_record(tmp_path) == RECORD
    np.testing.assert_array_equal(load_encoder(tmp_path)(IDS)[0], encoder(IDS)[0])
    np.testing.assert_array_equal(load_language_model(tmp_path)(IDS), model(IDS))


@pytest.mark.parametrize(
    "values", [{"vocab_size": -3}, {"vocab_size": None}, {"pad_id": "x"}, {"head": "abc"}, {"encoder": [1]}]
)
def test_record_with_wrong_values_is_refused(folder, values):
    edit(folder / "encoder.json", **values)
    with pytest.raises(DataError, match="is not what"):
        load_encoder(folder)


def test_record_of_other_sizes_than_the_weights_is_refused(folder):
    edit(folder / "encoder.json", encoder=RECORD.encoder.model_dump(mode="json") | {"hidden_sizes": [9, 6]})
    with pytest.raises(DataError, match="cannot be read into the encoder"):
        load_encoder(folder)


HEAD_BIAS = "layers/head_bias/vars/0"


def replace_by_external_data(file, name, secret):
    del file[name]
    secret.write_bytes(np.arange(200, dtype="float32").tobytes())
    file.create_dataset(name, (200,), "float32", external=[(str(secret), 0, 800)])


def replace_by_link(file, name, secret):
    del file[name]
    file[name] = h5py.ExternalLink(str(secret), "/x")


def replace_by_huge_dataset(file, name, _):
    del file[name]
    file.create_dataset(name, (10**9, 10**3), "float32")


@pytest.mark.parametrize("trick", [replace_by_external_data, replace_by_link, replace_by_huge_dataset])
def test_weights_that_lie_in_other_files_or_are_huge_are_refused(folder, tmp_path, trick):
    with h5py.File(folder / WEIGHTS, "r+") as file:
        trick(file, HEAD_BIAS, tmp_path / "secret.raw")
    with pytest.raises(DataError, match="is a link|another file or is larger"):
        load_language_model(folder)


@pytest.mark.parametrize(
    "values",
    [{"encoder": 3}, {"encoder": {"hidden_sizes": [-1]}}, {"tokenizer": {}}, {"weights": ["x"] * 99}, {"weights": 1}],
)
def test_saved_model_whose_information_file_lies_is_refused(folder, values):
    edit(folder / "saved_model" / MODEL_INFO_FILE, **values)
    with pytest.raises(DataError):
        read_exported(str(folder / "saved_model"))
