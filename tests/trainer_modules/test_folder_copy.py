import uuid

import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

FILES = {"top.txt": b"1", "a/inner.bin": b"\x00\xff", "a/b/deep.txt": b"3"}


@pytest.fixture
def source(tmp_path):
    for name, content in FILES.items():
        file = tmp_path / "source" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "source"


def files_below(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_files_come_back_from_another_filesystem_as_they_went_there(source, tmp_path):
    elsewhere = f"ram://{uuid.uuid4()}/copy"
    copy_folder(source, elsewhere)
    copy_folder(elsewhere, str(tmp_path / "back"))
    assert files_below(tmp_path / "back") == FILES


def test_files_of_the_same_name_are_replaced_and_others_stay(source, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "top.txt").write_text("old")
    (target / "own.txt").write_text("mine")
    copy_folder(f"{source}/", str(target))
    assert files_below(target) == FILES | {"own.txt": b"mine"}


def test_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="no such folder"):
        copy_folder(tmp_path / "missing", str(tmp_path / "target"))
