"""A remote folder is written so that a kill at any moment leaves one that can be gone on from."""

import itertools
import uuid

import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.optimization.mirrored_folder import MirroredFolder, local_folder

PARTS = ("weights", "random", "state")
LAST = "state"


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def remote(gcs):
    return f"gs://{uuid.uuid4()}/checkpoints/hash"


@pytest.fixture
def in_memory():
    """A quick one, for whatever does not depend on the file system."""
    return f"ram://{uuid.uuid4()}/checkpoints/hash"


def write(folder, number):
    """A folder as after the `number`th checkpoint: its files say which, and the one before it is gone."""
    for old in folder.local.glob("step-*"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    step = folder.local / f"step-{number}"
    step.mkdir(parents=True)
    for part in PARTS:
        (step / part).write_text(str(number) * 5)
    (folder.local / "best").write_text(str(number) * 7)


def downloaded(remote):
    """Contents by path of what another machine finds."""
    folder = MirroredFolder(remote, LAST)
    folder.download()
    files = (file for file in folder.local.rglob("*") if file.is_file())
    return {file.relative_to(folder.local).as_posix(): file.read_text() for file in files}


def files_of(number):
    return {f"step-{number}/{part}": str(number) * 5 for part in PARTS}


def test_local_folder_is_worked_on_where_it_is(tmp_path):
    folder = MirroredFolder(tmp_path, LAST)
    assert folder.local == tmp_path
    write(folder, 1)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    folder.download()
    folder.upload()
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before
    folder.remove()
    assert not tmp_path.exists()


def test_another_machine_finds_what_was_uploaded_and_nothing_older(remote):
    folder = MirroredFolder(remote, LAST)
    for number in (1, 2):
        write(folder, number)
        folder.upload()
        assert downloaded(remote) == files_of(number) | {"best": str(number) * 7}


def test_unchanged_files_are_not_uploaded_again(in_memory, monkeypatch):
    write(folder := MirroredFolder(in_memory, LAST), 1)
    folder.upload()
    (again := MirroredFolder(in_memory, LAST)).download()
    (again.local / "best").write_text("better")
    copied = []
    copy = tf.io.gfile.copy
    monkeypatch.setattr(
        tf.io.gfile, "copy", lambda source, *rest, **more: (copied.append(source), copy(source, *rest, **more))
    )
    again.upload()
    assert copied == [str(again.local / "best")]


def killed_at(operation, monkeypatch):
    """Lets the process end in the nth operation on files, of a copy in the middle of it."""
    count = itertools.count(1)

    def counted(name):
        original = getattr(tf.io.gfile, name)

        def call(*arguments, **more):
            if next(count) == operation:
                if name == "copy":
                    with tf.io.gfile.GFile(arguments[1], "w") as half:
                        half.write("1")
                raise Killed
            return original(*arguments, **more)

        return call

    for name in ("copy", "rename", "makedirs", "rmtree"):
        monkeypatch.setattr(tf.io.gfile, name, counted(name))


@pytest.mark.parametrize("operation", range(1, 13))
def test_kill_at_any_moment_leaves_a_whole_checkpoint_the_new_one_or_the_one_before(in_memory, monkeypatch, operation):
    folder = MirroredFolder(in_memory, LAST)
    write(folder, 1)
    folder.upload()
    write(folder, 2)
    with monkeypatch.context() as patch:
        killed_at(operation, patch)
        with pytest.raises(Killed):
            folder.upload()
    found = downloaded(in_memory)
    newest = 2 if "step-2/state" in found else 1
    assert files_of(newest).items() <= found.items()
    assert found["best"] in ("1" * 7, "2" * 7)
    assert all(len(content) in (5, 7) for content in found.values()), "no file is there by half"
    (again := MirroredFolder(in_memory, LAST)).download()
    write(again, 3)
    again.upload()
    assert downloaded(in_memory) == files_of(3) | {"best": "3" * 7}


def test_removed_folder_is_gone_on_both_sides(remote):
    write(folder := MirroredFolder(remote, LAST), 1)
    folder.upload()
    MirroredFolder(remote, LAST).remove()
    assert not tf.io.gfile.exists(remote)
    folder.remove()
    assert not folder.local.exists()


@pytest.mark.parametrize("folder", ["gs://bucket/a", "ram://a", "hdfs://name:9000/a"])
def test_remote_folder_has_a_new_local_one_at_each_call(folder):
    assert local_folder(folder).is_dir()
    assert local_folder(folder) != local_folder(folder)
