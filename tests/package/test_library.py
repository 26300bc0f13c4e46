import numpy as np
import pytest
from random_language_model import RandomLanguageModel
from torch_writer import TorchWriter

import ulmfit_tfx as ut

SOURCE = RandomLanguageModel(200, (6, 8, 6))


@pytest.fixture(scope="module")
def files(tmp_path_factory, spm_model):
    """A folder with a fastai checkpoint of 200 pieces and its tokenizer."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "tiny.model").write_bytes(spm_model)
    TorchWriter.save(folder / "tiny.pth", SOURCE.state_dict())
    return folder


@pytest.fixture(scope="module")
def imported(files):
    report = ut.import_encoder(files / "tiny.pth", tokenizer=files / "tiny.model", output=files / "encoder")
    return files / "encoder", report


def test_import_says_how_far_each_layer_is_from_its_source(imported):
    _, report = imported
    assert report.record.encoder.hidden_sizes == (8, 6)
    assert {"embedding", "encoder"} <= {layer.layer for layer in report.parity}
    assert max(layer.difference for layer in report.parity) < 1e-5


def test_encoder_gives_hidden_states_and_mask_of_ids_and_can_be_trained(imported):
    encoder = ut.load_encoder(imported[0])
    ids = np.array([[2, 17, 40, 3], [2, 9, 3, 1]], "int32")
    hidden, mask = encoder(ids)
    np.testing.assert_array_equal(mask, ids != 1)
    np.testing.assert_allclose(hidden, SOURCE.hidden(ids), atol=1e-5)
    assert not hidden.numpy()[1, 3].any()
    assert encoder.trainable_weights


def test_second_import_needs_overwrite(files, imported):
    arguments = {"tokenizer": files / "tiny.model", "output": imported[0]}
    with pytest.raises(ut.ConfigError, match="holds an imported encoder already"):
        ut.import_encoder(files / "tiny.pth", **arguments)
    ut.import_encoder(files / "tiny.pth", **arguments, overwrite=True)


def test_wrong_arguments_are_errors_for_people(files):
    with pytest.raises(ut.ConfigError, match="^format is 'pytorch': .*'fastai'"):
        ut.import_encoder(files / "tiny.pth", files / "out", format="pytorch")
    with pytest.raises(ut.UserError, match="none.pth"):
        ut.import_encoder(files / "none.pth", files / "out", tokenizer=files / "tiny.model")
    with pytest.raises(ut.DataError, match="has no encoder.json"):
        ut.load_encoder(files)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classifier", ut.Classifier),
        ("regressor", ut.Regressor),
        ("tagger", ut.Tagger),
        ("language_model", ut.LanguageModel),
    ],
)
def test_model_is_loaded_as_what_it_is(exported_model, kind, expected):
    model = ut.load_model(exported_model(kind))
    assert type(model) is expected
    if kind == "language_model":
        assert model.complete("a", beams=2, pieces=3)
    else:
        assert len(model.predict(["a text", "another"])) == 2


def test_newest_version_of_a_folder_is_taken_and_other_folders_are_refused(exported_model, imported, tmp_path):
    for version in ("9", "10"):
        (tmp_path / version).symlink_to(exported_model("classifier" if version == "10" else "tagger"))
    assert isinstance(ut.load_model(tmp_path), ut.Classifier)
    assert isinstance(ut.load_model(imported[0]), ut.LanguageModel)
    with pytest.raises(ut.ConfigError, match="no such folder"):
        ut.load_model(tmp_path / "none")
