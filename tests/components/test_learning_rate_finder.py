import json

import pytest
from tfx.components.tuner import executor as tuner
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, channel_utils, standard_artifacts
from tfx.utils import proto_utils

from ulmfit_tfx.components.learning_rate_finder.component import LearningRateFinder
from ulmfit_tfx.components.learning_rate_finder.executor import Executor
from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import LearningRateCurve

TUNER_MODULE = """
from tfx.components.tuner.component import TunerFnResult
from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import LearningRateTuner

def tuner_fn(fn_args):
    assert fn_args.train_files[0].endswith("Split-train/*")
    weight = [fn_args.custom_config["weight"]]
    def step(rate):
        loss = weight[0] ** 2 + 1
        weight[0] *= 1 - rate
        return loss
    return TunerFnResult(tuner=LearningRateTuner(step, folder=fn_args.working_dir), fit_kwargs={})
"""


@pytest.fixture
def run_finder(tmp_path, monkeypatch):
    """Runs the executor with a tuner of a parabola that starts at a weight; returns the folders of its outputs."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "parabola_tuner.py").write_text(TUNER_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))

    def run(weight):
        examples = standard_artifacts.Examples()
        examples.uri = str(tmp_path / "examples")
        examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
        hyperparameters, results = standard_artifacts.HyperParameters(), standard_artifacts.TunerResults()
        for artifact, name in ((hyperparameters, "hyperparameters"), (results, "results")):
            artifact.uri = str(tmp_path / name)
            (tmp_path / name).mkdir()
        Executor(BaseExecutor.Context(tmp_dir=str(tmp_path / "working"), unique_id="1")).Do(
            {"examples": [examples]},
            {"best_hyperparameters": [hyperparameters], "tuner_results": [results]},
            {
                "tuner_fn": "parabola_tuner.tuner_fn",
                "train_args": proto_utils.proto_to_json(trainer_pb2.TrainArgs(splits=["train"])),
                "eval_args": proto_utils.proto_to_json(trainer_pb2.EvalArgs(splits=["eval"])),
                "custom_config": json.dumps({"weight": weight}),
                "checkpoints": str(tmp_path / "checkpoints"),
            },
        )
        return tmp_path / "hyperparameters", tmp_path / "results"

    return run


def test_outputs_hold_what_the_docstring_draws_and_nothing_is_printed(run_finder, capfd):
    hyperparameters, results = run_finder(weight=3.0)
    assert {path.name for path in hyperparameters.iterdir()} == {"best_hyperparameters.txt"}
    assert {path.name for path in results.iterdir()} == {
        "tuner_results.json",
        "learning_rate.json",
        "learning_rate.png",
    }
    rate = json.loads((hyperparameters / "best_hyperparameters.txt").read_text())["values"]["learning_rate"]
    assert rate == LearningRateCurve.from_json((results / "learning_rate.json").read_text()).suggestion
    (trial,) = json.loads((results / "tuner_results.json").read_text())
    assert trial["learning_rate"] == rate
    assert capfd.readouterr().out == ""


def test_component_runs_our_executor_on_the_channels_of_tuner():
    finder = LearningRateFinder(
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        transform_graph=channel_utils.as_channel([standard_artifacts.TransformGraph()]),
        base_model=channel_utils.as_channel([standard_artifacts.Model()]),
        tuner_fn="parabola_tuner.tuner_fn",
        custom_config={"weight": 3.0},
        checkpoints="checkpoints",
    )
    assert finder.executor_spec.executor_class is Executor
    assert issubclass(Executor, tuner.Executor)
    assert set(finder.inputs) == {"examples", "transform_graph", "base_model"}
    assert set(finder.outputs) == {"best_hyperparameters", "tuner_results"}
