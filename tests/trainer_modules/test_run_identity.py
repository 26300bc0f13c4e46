import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ulmfit_tfx.trainer_modules.optimization.run_identity import (
    checkpoint_folder,
    corpora_folder,
    matching_files,
    training_code,
)


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.fixture
def fn_args(tmp_path):
    for name in ("train-0.gz", "train-1.gz", "eval-0.gz"):
        (tmp_path / name).write_bytes(b"records")
    write(tmp_path / "transform/7", {"tokenizer/sp8k.model": "pieces", "transform_fn/assets/labels": "good"})
    write(tmp_path / "base/1", {"variables/variables.index": "checksums", "assets.extra/ulmfit_tfx.json": "{}"})
    return SimpleNamespace(
        custom_config={"checkpoints": str(tmp_path / "checkpoints"), "seed": 1, "encoder": {"zoneout": 0.0}},
        train_files=[str(tmp_path / "train-*")],
        eval_files=[str(tmp_path / "eval-*")],
        transform_graph_path=str(tmp_path / "transform/7"),
        base_model=str(tmp_path / "base/1"),
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


@pytest.mark.parametrize("attributes", [{"base_model": None}, {"hyperparameters": {"values": {"rate": 0.1}}}])
def test_another_input_is_another_training_on_the_same_corpora(fn_args, attributes):
    other = changed(fn_args, **attributes)
    assert checkpoint_folder(other) != checkpoint_folder(fn_args)
    assert corpora_folder(other) == corpora_folder(fn_args)


def test_another_setting_is_another_training(fn_args):
    other = changed(fn_args, custom_config=fn_args.custom_config | {"encoder": {"zoneout": 0.1}})
    assert checkpoint_folder(other) != checkpoint_folder(fn_args)
    assert corpora_folder(other) == corpora_folder(fn_args)


@pytest.mark.parametrize(
    "file",
    [
        "transform/7/tokenizer/sp8k.model",
        "transform/7/transform_fn/assets/labels",
        "base/1/variables/variables.index",
        "base/1/assets.extra/ulmfit_tfx.json",
    ],
)
def test_another_tokenizer_vocabulary_or_base_model_is_another_training(fn_args, tmp_path, file):
    before = checkpoint_folder(fn_args)
    (tmp_path / file).write_text("others")
    assert checkpoint_folder(fn_args) != before


def test_same_inputs_elsewhere_are_the_same_training(fn_args, tmp_path):
    """Stages that run anew, since their code was changed, write what they wrote before, into new folders."""
    (tmp_path / "moved").mkdir()
    for name in ("train-0.gz", "train-1.gz", "eval-0.gz", "transform", "base"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    moved = changed(
        fn_args,
        train_files=[str(tmp_path / "moved" / "train-*")],
        eval_files=[str(tmp_path / "moved" / "eval-*")],
        transform_graph_path=str(tmp_path / "moved" / "transform/7"),
        base_model=str(tmp_path / "moved" / "base/1"),
    )
    folders = checkpoint_folder(moved), corpora_folder(moved)
    (tmp_path / "moved" / "train-0.gz").write_bytes(b"others")
    assert folders[0] != checkpoint_folder(moved)
    for name in ("train-0.gz", "train-1.gz", "eval-0.gz", "transform", "base"):
        (tmp_path / "moved" / name).rename(tmp_path / name)
    (tmp_path / "train-0.gz").write_bytes(b"records")
    assert (checkpoint_folder(fn_args), corpora_folder(fn_args)) == folders


def test_version_of_the_code_is_none_of_the_identity(fn_args):
    other = changed(fn_args, custom_config=fn_args.custom_config | {"code_version": "9.9+0"})
    assert checkpoint_folder(other) == checkpoint_folder(fn_args)


@pytest.mark.parametrize("task", ["classification", "regression", "tagging", "language_model"])
def test_code_of_a_training_is_what_weights_follow_from(task):
    modules = {name.removeprefix("ulmfit_tfx.") for name in training_code(f"ulmfit_tfx.tasks.{task}.trainer")}
    assert {"trainer_modules.layers.qrnn", "trainer_modules.optimization.optimizers"} <= modules
    assert not [
        name
        for name in modules
        if name.startswith("trainer_modules.serving.") or name.endswith((".progress", ".tensorboard", ".signatures"))
    ]


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
