"""A training that was killed, and whose code was edited before it is run again."""

import json
import uuid

import pytest
import tensorflow as tf
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.language_model import trainer as language_model
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

OFTEN = {"checkpoint_seconds": 0, "batch_size": 8, "epochs": 1}
"""A checkpoint after each of few batches."""


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(params=["classifier", pytest.param("language_model", marks=pytest.mark.thorough)])
def killed(request, tmp_path, spm_model, reviews, monkeypatch, copied_sources):
    """Runs a training that was killed after two batches again: says where it went on, and whether it did."""
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    config = PipelineConfig.model_validate(CONFIG | {"training": CONFIG["training"] | OFTEN})
    rows = [Row(text, mood) for text, mood in reviews[:36]]
    fn_args = write_inputs(tmp_path / "task", tokenizer, config, rows[:24], rows[24:])
    remote = f"ram://{uuid.uuid4()}/checkpoints"
    fn_args.custom_config |= {"checkpoints": remote} if request.param == "classifier" else {}
    fn_args.custom_config["language_model"] = LanguageModelConfig(**OFTEN, bptt=25).model_dump(mode="json")
    run_fn = {"classifier": classifier, "language_model": language_model}[request.param].run_fn
    batch_done = Progress.batch_done

    def kill(self, epoch, batch, metrics):
        batch_done(self, epoch, batch, metrics)
        if self.done == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "batch_done", kill)
        with pytest.raises(Killed):
            run_fn(fn_args)
    fn_args.custom_config["code_version"] = "another one"  # as the graph gives it after any edit
    return fn_args, run_fn


def edit(path):
    path.write_text(f"{path.read_text()}\nEDITED = True\n")


def run_again(killed, capsys):
    fn_args, run_fn = killed
    run_fn(fn_args)
    return capsys.readouterr().out


def test_after_comments_docstrings_and_edits_elsewhere_it_goes_on(killed, capsys, copied_sources):
    path = copied_sources / "schemas" / "config" / "kubeflow.py"
    path.write_text(f"# One comment\n{path.read_text()}")
    path = copied_sources / "trainer_modules" / "layers" / "qrnn.py"
    path.write_text(path.read_text().replace('"""', '"""Edited. ', 1))
    edit(copied_sources / "trainer_modules" / "layers" / "crf.py")
    edit(copied_sources / "trainer_modules" / "serving" / "saved_model.py")
    shown = run_again(killed, capsys)
    assert "resumed from the checkpoint at step 1" in shown
    assert "begins anew" not in shown


def test_after_its_code_was_edited_it_begins_anew_and_says_what_was(killed, capsys, caplog, copied_sources):
    edit(copied_sources / "trainer_modules" / "layers" / "qrnn.py")
    shown = run_again(killed, capsys)
    said = "since its last checkpoint, code has changed in ulmfit_tfx.trainer_modules.layers.qrnn"
    assert f"begins anew: {said}\n" in shown
    assert "resumed" not in shown
    assert said in caplog.text


@pytest.mark.thorough
def test_after_the_format_of_checkpoints_changed_it_begins_anew_and_says_so(killed, capsys):
    checkpoints = killed[0].custom_config["checkpoints"]
    [file] = [f"{folder}/made_by.json" for folder, _, files in tf.io.gfile.walk(checkpoints) if "made_by.json" in files]
    with tf.io.gfile.GFile(file) as written:
        content = json.loads(written.read())
    tf.io.gfile.remove(file)
    with tf.io.gfile.GFile(file, "w") as written:
        written.write(json.dumps(content | {"format": 0}))
    assert "begins anew: there is a checkpoint of format 0, expected 1" in run_again(killed, capsys)
