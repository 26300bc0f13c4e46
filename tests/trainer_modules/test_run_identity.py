import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ulmfit_tfx.trainer_modules.optimization.run_identity import checkpoint_folder, corpora_folder, matching_files


@pytest.fixture
def fn_args(tmp_path):
    for name in ("train-0.gz", "train-1.gz", "eval-0.gz"):
        (tmp_path / name).write_bytes(b"records")
    return SimpleNamespace(
        custom_config={"checkpoints": str(tmp_path / "checkpoints"), "seed": 1, "encoder": {"zoneout": 0.0}},
        train_files=[str(tmp_path / "train-*")],
        eval_files=[str(tmp_path / "eval-*")],
        transform_graph_path="transform/7",
        base_model=None,
        hyperparameters=None,
        model_run_dir="runs/1",
    )


def changed(fn_args, **attributes):
    return SimpleNamespace(**vars(fn_args) | attributes)


def test_files_are_those_of_all_patterns_in_order(fn_args, tmp_path):
    patterns = [*fn_args.train_files, *fn_args.eval_files]
    expected = ["eval-0.gz", "train-0.gz", "train-1.gz"]
    assert [Path(path).name for path in matching_files(patterns)] == expected


def test_rerun_finds_the_same_folders(fn_args):
    rerun = changed(fn_args, model_run_dir="runs/2")
    assert checkpoint_folder(rerun) == checkpoint_folder(fn_args)
    assert corpora_folder(rerun) == corpora_folder(fn_args)
    assert Path(checkpoint_folder(fn_args)).parent == Path(fn_args.custom_config["checkpoints"])


def test_remote_checkpoints_keep_their_address_and_corpora_stay_on_this_machine(fn_args):
    remote = changed(fn_args, custom_config=fn_args.custom_config | {"checkpoints": "gs://bucket/checkpoints/"})
    bucket, _, name = checkpoint_folder(remote).rpartition("/")
    assert bucket == "gs://bucket/checkpoints"
    assert len(name) == 16
    assert corpora_folder(remote).is_dir()


@pytest.mark.parametrize(
    "attributes",
    [{"transform_graph_path": "transform/8"}, {"base_model": "base/1"}, {"hyperparameters": {"values": {"rate": 0.1}}}],
)
def test_another_input_is_another_training_on_the_same_corpora(fn_args, attributes):
    other = changed(fn_args, **attributes)
    assert checkpoint_folder(other) != checkpoint_folder(fn_args)
    assert corpora_folder(other) == corpora_folder(fn_args)


def test_another_setting_is_another_training(fn_args):
    other = changed(fn_args, custom_config=fn_args.custom_config | {"encoder": {"zoneout": 0.1}})
    assert checkpoint_folder(other) != checkpoint_folder(fn_args)
    assert corpora_folder(other) == corpora_folder(fn_args)


def rewrite(path):
    path.write_bytes(b"RECORDS")
    os.utime(path, ns=(5, 5))


def lengthen(path):
    before = path.stat().st_mtime_ns
    path.write_bytes(b"more records")
    os.utime(path, ns=(before, before))


def add(path):
    path.with_name(path.name.replace("0", "2")).write_bytes(b"records")


@pytest.mark.parametrize("name", ["train-0.gz", "eval-0.gz"])
@pytest.mark.parametrize("change", [rewrite, lengthen, add, Path.unlink])
def test_other_files_are_another_training_on_other_corpora(fn_args, tmp_path, change, name):
    before = checkpoint_folder(fn_args), corpora_folder(fn_args)
    change(tmp_path / name)
    assert checkpoint_folder(fn_args) != before[0]
    assert corpora_folder(fn_args) != before[1]
