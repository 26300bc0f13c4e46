import time

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog


def scalars(folder):
    """Steps and values by tag, as TensorBoard shows them."""
    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    events.Reload()
    return {
        tag: [(event.step, float(np.frombuffer(event.tensor_proto.tensor_content, "float32")[0])) for event in found]
        for tag in events.Tags()["tensors"]
        for found in [events.Tensors(tag)]
    }


def test_metrics_are_written_at_every_so_many_steps_and_at_each_epoch(tmp_path):
    log = TrainingLog(str(tmp_path), steps_between=2)
    for step in range(1, 6):
        log.step(step, {"loss": step / 4, "learning_rate": 0.5})
    log.epoch(5, {"eval_loss": 0.125})
    assert scalars(tmp_path) == {
        "step/loss": [(2, 0.5), (4, 1.0)],
        "step/learning_rate": [(2, 0.5), (4, 0.5)],
        "epoch/eval_loss": [(5, 0.125)],
    }


def test_resumed_training_goes_on_at_its_step(tmp_path):
    TrainingLog(str(tmp_path), steps_between=2).step(2, {"loss": 1.0})
    time.sleep(1.1)  # files of the same second and process have no order that TensorBoard knows
    TrainingLog(str(tmp_path), steps_between=2).step(4, {"loss": 0.5})
    assert scalars(tmp_path) == {"step/loss": [(2, 1.0), (4, 0.5)]}


@pytest.mark.parametrize(("folder", "step", "due"), [("here", 20, True), ("here", 21, False), (None, 20, False)])
def test_steps_that_are_due(folder, step, due):
    assert TrainingLog(folder).is_due(step) == due


def test_no_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = TrainingLog(None)
    log.step(10, {"loss": 1.0})
    log.epoch(10, {"loss": 1.0})
    assert not list(tmp_path.iterdir())
