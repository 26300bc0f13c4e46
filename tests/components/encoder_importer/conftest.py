"""Shared fixtures: the writer of .pth files, the files of fastai itself, a tokenizer."""

import contextlib
from pathlib import Path

import pytest
from torch_writer import TorchWriter

from ulmfit_tfx.trainer_modules.serving import encoder_folder

SHARED = Path(__file__).parents[4] / "shared" / "fixtures" / "fastai"


@pytest.fixture(scope="session")
def torch_writer() -> type[TorchWriter]:
    """Writes .pth files."""
    return TorchWriter


@pytest.fixture(scope="session")
def fastai_files() -> Path:
    """The folder of files that fastai wrote, with what it computed."""
    if not SHARED.is_dir():
        pytest.skip(f"no files of fastai in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory, spm_model) -> Path:
    """The file of a SentencePiece model of 200 pieces."""
    file = tmp_path_factory.mktemp("tokenizer") / "wiki-sp200.model"
    file.write_bytes(spm_model)
    return file


@pytest.fixture(scope="module")
def no_saved_model():
    """Imports without the SavedModel, the slow half, while the context lives."""

    @contextlib.contextmanager
    def left_out():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encoder_folder, "save", lambda *_: None)
            yield

    return left_out
