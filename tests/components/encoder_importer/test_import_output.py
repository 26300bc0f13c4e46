"""What an import leaves behind, done or not."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from random_language_model import RandomLanguageModel

from ulmfit_tfx.components.encoder_importer import importing as module
from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.trainer_modules.serving.encoder_folder import load_encoder, read_record


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def importing(tmp_path, torch_writer, tokenizer_file, no_saved_model):
    """Imports an AWD-LSTM of some units to `folder/out`, without its SavedModel; returns that path."""
    (tmp_path / "folder").mkdir()

    def run(units=8, overwrite=False, output=tmp_path / "folder" / "out"):
        model = RandomLanguageModel(200, (6, units, 6))
        checkpoint = torch_writer.save(tmp_path / "wiki.pth", model.state_dict())
        config = PretrainedConfig(checkpoint=str(checkpoint), tokenizer=str(tokenizer_file))
        with no_saved_model():
            import_encoder(config, output, overwrite=overwrite)
        return output

    return run


@pytest.fixture
def refusal(importing):
    def said(**options) -> str:
        with pytest.raises(ConfigError) as error:
            importing(**options)
        return str(error.value)

    return said


def test_folder_has_what_is_promised(tmp_path, torch_writer, tokenizer_file):
    checkpoint = torch_writer.save(tmp_path / "wiki.pth", RandomLanguageModel(200, (6, 6)).state_dict())
    import_encoder(PretrainedConfig(checkpoint=str(checkpoint), tokenizer=str(tokenizer_file)), tmp_path / "out")
    assert set(files_in(tmp_path / "out")) == {
        "encoder.json",
        "keras_weights/language_model.weights.h5",
        "saved_model/assets.extra/ulmfit_tfx.json",
        "saved_model/assets/wiki-sp200.model",
        "saved_model/fingerprint.pb",
        "saved_model/saved_model.pb",
        "saved_model/variables/variables.data-00000-of-00001",
        "saved_model/variables/variables.index",
        "spm_model/tokenizer.json",
        "spm_model/wiki-sp200.model",
        "spm_model/wiki-sp200.vocab",
    }


def test_other_users_may_read_the_folder(importing):
    assert importing().stat().st_mode & 0o777 == 0o755


def test_empty_folder_is_taken(importing, tmp_path):
    (tmp_path / "folder" / "out").mkdir()
    assert read_record(importing()).vocab_size == 200


@pytest.mark.parametrize("overwrite", [False, True])
def test_folder_of_something_else_is_left_alone(refusal, tmp_path, overwrite):
    (tmp_path / "folder" / "out").mkdir()
    (tmp_path / "folder" / "out" / "thesis.txt").write_text("years of work")
    assert "out: exists and is no imported encoder, expected a new folder." in refusal(overwrite=overwrite)
    assert files_in(tmp_path / "folder") == {"out/thesis.txt": b"years of work"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_file_is_left_alone(refusal, tmp_path, overwrite):
    (tmp_path / "folder" / "out").write_text("years of work")
    assert "exists and is no imported encoder" in refusal(overwrite=overwrite)
    assert files_in(tmp_path / "folder") == {"out": b"years of work"}


def test_folder_that_cannot_be_made_is_named(refusal, tmp_path):
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "out"
    assert refusal(output=output).startswith(f"{output}: cannot be written: ")


def test_earlier_import_is_replaced_only_where_asked(importing, refusal):
    output = importing()
    assert "holds an imported encoder already. Pass --overwrite to replace it." in refusal(units=5)
    assert load_encoder(output).get_layer("awd_lstm_0").units == 8
    importing(units=5, overwrite=True)
    assert load_encoder(output).get_layer("awd_lstm_0").units == 5


def test_nothing_else_is_replaced(importing, tmp_path):
    folder = tmp_path / "folder"
    importing()
    (folder / "out2").mkdir()
    (folder / "out2" / "encoder.json").write_text("another import")
    (folder / ".out-notes").write_text("no temporary folder")
    importing(units=5, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == [".out-notes", "out", "out2"]
    assert (folder / "out2" / "encoder.json").read_text() == "another import"


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()], ids=["error", "Ctrl+C"])
def test_import_that_fails_while_writing_leaves_nothing(importing, tmp_path, monkeypatch, error):
    fail_half_way(monkeypatch, error)
    with pytest.raises(type(error)):
        importing()
    assert list((tmp_path / "folder").iterdir()) == []


def test_import_that_fails_while_writing_leaves_the_earlier_one(importing, tmp_path, monkeypatch):
    before = files_in(importing())
    fail_half_way(monkeypatch, OSError("No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        importing(units=5, overwrite=True)
    assert files_in(tmp_path / "folder") == {f"out/{name}": content for name, content in before.items()}


def fail_half_way(monkeypatch, error: BaseException):
    def write_half(folder, *_):
        (folder / "encoder.json").touch()
        raise error

    monkeypatch.setattr(module, "write_encoder", write_half)


KILLED = """
import os, signal, sys
from ulmfit_tfx.components.encoder_importer import importing
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.trainer_modules.serving import encoder_folder

encoder_folder.save = lambda *_: None  # the SavedModel, the slow half
write = importing.write_encoder
def write_and_die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

importing.write_encoder = write_and_die
checkpoint, tokenizer, output = sys.argv[1:]
importing.import_encoder(PretrainedConfig(checkpoint=checkpoint, tokenizer=tokenizer), output)
"""


def test_killed_import_leaves_no_folder_of_the_final_name(tmp_path, torch_writer, tokenizer_file):
    checkpoint = torch_writer.save(tmp_path / "wiki.pth", RandomLanguageModel(200, (6, 6)).state_dict())
    (tmp_path / "folder").mkdir()
    arguments = [str(path) for path in (checkpoint, tokenizer_file, tmp_path / "folder" / "out")]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    (left,) = (tmp_path / "folder").iterdir()
    assert left.name.startswith(".out-")


def test_what_appears_at_the_output_during_the_import_is_left_alone(importing, tmp_path, monkeypatch):
    thesis = tmp_path / "folder" / "out" / "thesis.txt"
    checked = module.check_parity

    def meanwhile(*arguments):
        thesis.parent.mkdir()
        thesis.write_text("years of work")
        return checked(*arguments)

    monkeypatch.setattr(module, "check_parity", meanwhile)
    with pytest.raises(ConfigError, match="is no imported encoder"):
        importing(overwrite=True)
    assert files_in(tmp_path / "folder") == {"out/thesis.txt": b"years of work"}


def test_output_may_be_a_link_to_an_earlier_import(importing, tmp_path):
    earlier = importing(units=8)
    link = tmp_path / "link"
    link.symlink_to(earlier)
    importing(units=10, overwrite=True, output=link)
    assert read_record(link).encoder.hidden_sizes == (10, 6)
    assert [path.name for path in earlier.parent.iterdir()] == ["out"]
