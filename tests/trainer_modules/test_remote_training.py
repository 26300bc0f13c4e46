"""Trainings whose inputs, checkpoints and outputs all lie in Google Cloud Storage, here a fake one."""

import uuid
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks import load_language_model, load_predictor
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.language_model import trainer as language_model
from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import CHART_FILE, CURVE_FILE
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

OFTEN = {"checkpoint_seconds": 0, "batch_size": 8, "epochs": 1}
"""A checkpoint after each of few batches."""


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, spm_model, reviews):
    """`FnArgs` of a classifier with all files in one local folder; the folder."""
    folder = tmp_path_factory.mktemp("inputs") / "task"
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    config = PipelineConfig.model_validate(CONFIG | {"training": CONFIG["training"] | OFTEN})
    rows = [Row(text, mood) for text, mood in reviews[:36]]
    return write_inputs(folder, tokenizer, config, rows[:24], rows[24:]), folder


def in_folder(inputs, folder, **custom):
    """The same `FnArgs` with all of its files in a folder, to which the inputs are copied."""
    fn_args, source = inputs
    copy_folder(source, folder)

    def moved(value):
        return value.replace(str(source), folder) if isinstance(value, str) else value

    moved_args = {
        name: [moved(item) for item in value] if isinstance(value, list) else moved(value)
        for name, value in vars(fn_args).items()
    }
    custom_config = fn_args.custom_config | {"checkpoints": f"{folder}/checkpoints"} | custom
    return SimpleNamespace(**moved_args | {"custom_config": custom_config, "working_dir": f"{folder}/tuner"})


def train_with_kills(run_fn, fn_args, monkeypatch, kills):
    """Runs a training to its end that is killed before, each time after so many batches of its nth model.

    Returns:
        Epoch and batch at which each model that was resumed was.
    """
    resumed = []
    batch_done = Progress.batch_done
    monkeypatch.setattr(Progress, "resumed", lambda self, step, epoch, batch: resumed.append((epoch, batch)))
    for model, batches in kills:
        shown = []

        def count(self, epoch, batch, metrics, model=model, batches=batches, shown=shown):
            if self not in shown:
                shown.append(self)
            batch_done(self, epoch, batch, metrics)
            if len(shown) == model and self.done == batches:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Progress, "batch_done", count)
            with pytest.raises(Killed):
                run_fn(fn_args)
    run_fn(fn_args)
    return resumed


def assert_same_weights(model, expected):
    found, wanted = read_exported(model).weights, read_exported(expected).weights
    assert found.keys() == wanted.keys()
    for name, weight in wanted.items():
        np.testing.assert_allclose(found[name], weight, atol=1e-5, err_msg=name)


def test_killed_classifier_resumes_from_remote_checkpoints_to_the_weights_of_an_unbroken_one(
    inputs, tmp_path, monkeypatch, gcs
):
    local = in_folder(inputs, str(tmp_path / "unbroken"))
    classifier.run_fn(local)
    remote = in_folder(inputs, f"gs://{uuid.uuid4()}/task")
    assert train_with_kills(classifier.run_fn, remote, monkeypatch, kills=[(1, 2), (1, 3)]) == [(0, 1), (0, 3)]
    assert_same_weights(remote.serving_model_dir, local.serving_model_dir)
    assert not tf.io.gfile.glob(f"{remote.custom_config['checkpoints']}/*"), "they are removed at the end"
    assert tf.io.gfile.exists(f"{remote.model_run_dir}/history.json")
    assert tf.io.gfile.glob(f"{remote.model_run_dir}/events.out.tfevents*")
    model = find_model(remote.serving_model_dir)
    text = ["a superb cast and a dull script"]
    [found], [wanted] = (load_predictor(path).answer(text) for path in (model, local.serving_model_dir))
    assert found.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)


@pytest.mark.thorough
def test_killed_language_models_of_both_directions_resume_from_remote_checkpoints(inputs, tmp_path, monkeypatch, gcs):
    section = LanguageModelConfig(**OFTEN, bptt=25, direction="both").model_dump(mode="json")
    local = in_folder(inputs, str(tmp_path / "unbroken"), language_model=section)
    language_model.run_fn(local)
    remote = in_folder(inputs, f"gs://{uuid.uuid4()}/task", language_model=section)
    resumed = train_with_kills(language_model.run_fn, remote, monkeypatch, kills=[(1, 2), (2, 2)])
    assert resumed == [(0, 1), (1, 0), (0, 1)], "at last the forward model is finished, and only loaded"
    assert_same_weights(remote.serving_model_dir, local.serving_model_dir)
    folder = remote.serving_model_dir.rpartition("/")[0]
    for file in ("encoder.json", "keras_weights/language_model.weights.h5", "backward/encoder.json"):
        assert tf.io.gfile.exists(f"{folder}/{file}")
    [completion] = load_language_model(remote.serving_model_dir).complete("a superb", beams=1, pieces=3)
    assert completion.prompt == "a superb"


def test_learning_rate_finder_leaves_curve_and_chart_in_a_remote_folder(inputs, gcs):
    section = LanguageModelConfig(**OFTEN, bptt=25).model_dump(mode="json")
    remote = in_folder(inputs, f"gs://{uuid.uuid4()}/task", language_model=section)
    language_model.tuner_fn(remote).tuner.search()
    assert {CURVE_FILE, CHART_FILE} <= set(tf.io.gfile.listdir(remote.working_dir))
