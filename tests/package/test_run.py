"""Pipelines run from Python."""

import logging
import os
import sys
import warnings

import pytest

import ulmfit_tfx as ut
from ulmfit_tfx.pipeline.stage_display import StageDisplay

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def project(tmp_path_factory, reviews, tiny_project):
    return tiny_project(tmp_path_factory.mktemp("project"), reviews)


def surroundings():
    """What a run changes for its time, and has to put back."""
    return sys.argv, sys.stderr, os.fstat(2), logging.getLogger().handlers[:], warnings.showwarning


@pytest.fixture(scope="module")
def first(project):
    config = ut.load_config(project, ["training.epochs=3"])
    before = surroundings()
    run = ut.run(config, root=project.parent / "root", progress=False)
    assert surroundings() == before
    return run


def test_run_says_how_good_the_model_is_and_where_things_lie(first, project):
    assert first.blessed
    assert first.pushed
    assert first.root == project.parent / "root"
    assert first.model_dir.parent == first.root / "serving" / "tiny"
    assert (first.model_dir / "saved_model.pb").is_file()
    assert first.report.name == "report.html"
    assert "<html" in first.report.read_text()
    assert first.log.is_file()
    assert first.scores["accuracy"] >= 0.8
    assert first.scores["accuracy"] == first.evaluation.scores["accuracy"].value
    assert {"model", "majority"} <= set(first.held_out.systems)
    assert first.language_model_dir is None
    assert list(first.stages)[-1] == "Pusher"


def test_run_shows_itself_in_a_line_and_in_a_notebook_as_a_table(first):
    assert repr(first).startswith("Run(tiny: classification, blessed, accuracy=")
    shown = first._repr_html_()
    assert "<table>" in shown
    for expected in ("eval accuracy", "test accuracy", str(first.model_dir), str(first.report)):
        assert expected in shown


def test_second_run_takes_the_cache_and_shows_each_stage_on_standard_output_alone(first, project, capfd):
    run = ut.run(ut.load_config(project, ["training.epochs=3"]), root=first.root)
    assert [name for name, stage in run.stages.items() if not stage.cached] == ["Pusher"]
    out, err = capfd.readouterr()
    assert out.startswith(f"tiny -> {first.root}\n")
    assert "] Trainer: trains and exports the model\n        from cache\n" in out
    assert err == ""


def test_model_that_is_not_blessed_is_the_trained_one_and_no_error(first, project, capfd):
    settings = ["training.epochs=3", "evaluation.thresholds.calibration_error=0"]
    run = ut.run(ut.load_config(project, settings), root=first.root, progress=False)
    assert capfd.readouterr() == ("", "")
    assert (run.blessed, run.pushed) == (False, False)
    assert "not blessed" in repr(run)
    assert run.model_dir.name == "Format-Serving"
    assert (run.model_dir / "saved_model.pb").is_file()


@pytest.mark.thorough
def test_what_a_training_prints_is_shown_or_in_the_log(first, project, capfd):
    for seed, progress in ((1, True), (2, False)):
        settings = ["training.epochs=1", f"seed={seed}", "evaluation.compare_with_served=false"]
        run = ut.run(ut.load_config(project, settings), root=first.root, progress=progress)
        assert not run.stages["Trainer"].cached
        assert ("eval_loss" in capfd.readouterr().out) == progress
        assert ("      loss" in run.log.read_text()) != progress


def test_stage_that_fails_is_named_with_its_cause_and_the_log(project, tmp_path):
    config = ut.load_config(project, ["tokenizer.vocab_size=30000"])
    with pytest.raises(ut.RunFailedError, match=r"^SentencePieceTrainer failed: .*30,?000") as failed:
        ut.run(config, root=tmp_path, progress=False)
    error = failed.value
    assert isinstance(error, ut.UserError)
    assert error.stage == "SentencePieceTrainer"
    assert error.__cause__ is not None
    assert str(error).endswith(f"The full log is in {error.log}")
    assert "Traceback" in error.log.read_text()


def test_interrupted_run_goes_on_where_it_stopped(project, tmp_path, monkeypatch):
    config, before = ut.load_config(project), surroundings()

    def interrupted(self, name, number, of):
        if name == "TextTransform":
            raise KeyboardInterrupt

    monkeypatch.setattr(StageDisplay, "stage_started", interrupted)
    finished = {}
    monkeypatch.setattr(StageDisplay, "stage_finished", lambda self, result: finished.update({result.name: result}))
    for from_cache in (False, True):
        with pytest.raises(KeyboardInterrupt):
            ut.run(config, root=tmp_path)
        assert "SentencePieceTrainer" in finished
        assert {result.cached for result in finished.values()} == {from_cache}
        assert surroundings() == before


def test_missing_source_is_found_before_tensorflow_is_loaded(project, tmp_path):
    config = ut.load_config(project, ["data.path=none.tsv"])
    with pytest.raises(ut.UserError, match=r"none\.tsv"):
        ut.run(config, root=tmp_path)
    assert not (tmp_path / "logs").exists()
