import functools
import io
import json
import uuid
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization.layer_groups import layer_groups, rate_factors
from ulmfit_tfx.trainer_modules.optimization.optimizers import ReplicaLossScale, ScheduledAdamW
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import (
    FORMAT,
    CheckpointFolder,
    TrainingState,
    check_loss,
    fit_resumably,
)
from ulmfit_tfx.trainer_modules.optimization.schedules import OneCycle
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog

RNG = np.random.default_rng(0)
IDS = RNG.integers(4, 50, (48, 9)).astype("int32")
LABELS = (IDS[:, 0] > 25).astype("int64")
STEPS, EPOCHS = 6, 2


class Killed(BaseException):
    """Stands for the end of the process."""


class KilledAfter(Progress):
    """Progress display that ends the process after some batches."""

    def __init__(self, batches: float, out=None):
        super().__init__(EPOCHS, STEPS, IDS.size, "accuracy", Console(file=out or io.StringIO()))
        self.batches = batches

    def batch_done(self, epoch, batch, metrics):
        super().batch_done(epoch, batch, metrics)
        if self.done >= self.batches:
            raise Killed


def train_epoch(epoch, skip):
    rows = tf.data.Dataset.from_tensor_slices((IDS, LABELS)).shuffle(48, seed=epoch)
    return rows.batch(8).skip(skip)


def fresh_model():
    keras.utils.set_random_seed(5)
    encoder = build_encoder(EncoderConfig(embedding_size=8, hidden_sizes=(8,)), 50, 1, seed=3)
    model = build_classifier(encoder, HeadConfig(), 2, seed=3)
    factors = rate_factors(layer_groups(model), 1.5)
    model.compile(
        ScheduledAdamW(OneCycle(0.05, STEPS * EPOCHS), rate_factors=factors),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def quick_model():
    """Learns the same task without recurrent layers: it is built in no time, and has dropout and optimizer as well."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((IDS.shape[1],), dtype="int32"),
            layers.Embedding(50, 8),
            layers.Flatten(),
            layers.Dropout(0.2, seed=3),
            layers.Dense(2),
        ],
        name="quick",
    )
    model.compile(
        ScheduledAdamW(OneCycle(0.05, STEPS * EPOCHS)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def train(folder, kill_after=float("inf"), gradually=False, build=fresh_model, **arguments):
    model, out = build(), io.StringIO()
    arguments["unfreeze"] = layer_groups(model) if gradually else ()
    settings = {"epochs": EPOCHS, "patience": None, "checkpoint_seconds": 0.0, "train_epoch": train_epoch}
    settings["steps"] = STEPS
    state = fit_resumably(
        model,
        folder=CheckpointFolder(folder),
        eval_batches=tf.data.Dataset.from_tensor_slices((IDS, LABELS)).batch(32),
        progress=KilledAfter(kill_after, out),
        **(settings | arguments),
    )
    return model, state, out.getvalue()


train_quickly = functools.partial(train, build=quick_model)
"""For what does not depend on the model that is trained."""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    model, state, _ = train(tmp_path_factory.mktemp("unbroken"))
    assert state.best_epoch == EPOCHS - 1, "an earlier best would hide what happens later"
    return model, state


@pytest.mark.parametrize("killed_after", [6, *(pytest.param(n, marks=pytest.mark.thorough) for n in (3, 9))])
def test_killed_training_ends_where_an_unbroken_one_does(tmp_path, unbroken, killed_after):
    expected, expected_state = unbroken
    with pytest.raises(Killed):
        train(tmp_path / "broken", kill_after=killed_after)
    model, state, shown = train(tmp_path / "broken")
    assert f"resumed from the checkpoint at step {killed_after - 1}" in shown
    assert state.history[-1]["eval_loss"] == pytest.approx(expected_state.history[-1]["eval_loss"], abs=1e-5)
    for weight, wanted in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, atol=1e-5)


@pytest.mark.thorough
def test_killed_training_resumes_from_a_remote_folder_as_an_unbroken_one_ends(unbroken, gcs):
    remote = f"gs://{uuid.uuid4()}/checkpoints/hash"
    for killed_after in (4, 6):
        with pytest.raises(Killed):
            train(remote, kill_after=killed_after)
    model, state, shown = train(remote)
    assert "resumed from the checkpoint at step 8" in shown
    assert state.history[-1]["eval_loss"] == pytest.approx(unbroken[1].history[-1]["eval_loss"], abs=1e-5)
    for weight, wanted in zip(model.get_weights(), unbroken[0].get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, atol=1e-5)
    last = f"step-{STEPS * EPOCHS}-{EPOCHS}-0"
    left = sorted(name.rstrip("/") for name in tf.io.gfile.listdir(remote))
    assert left == ["best.weights.h5", last, "unfinished"]
    CheckpointFolder(remote).remove()
    assert not tf.io.gfile.exists(remote)


@pytest.mark.thorough
def test_killed_training_resumes_in_the_middle_of_gradual_unfreezing(tmp_path):
    expected, expected_state, _ = train(tmp_path / "unbroken", gradually=True)
    with pytest.raises(Killed):
        train(tmp_path / "broken", kill_after=9, gradually=True)
    model, state, _ = train(tmp_path / "broken", gradually=True)
    assert state.history[-1]["eval_loss"] == pytest.approx(expected_state.history[-1]["eval_loss"], abs=1e-5)
    for weight, wanted in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, atol=1e-5)
    fresh = fresh_model()
    changed = [
        not np.array_equal(group.variables[0], first.variables[0])
        for group, first in zip(layer_groups(model), layer_groups(fresh), strict=True)
    ]
    assert changed == [False, True, True], "two epochs reach the head and the layer below"
    assert len(model.trainable_variables) == len(fresh.trainable_variables), "nothing is left frozen"


def test_finished_training_is_not_trained_again(tmp_path):
    model, _, _ = train_quickly(tmp_path)
    again, state, shown = train_quickly(tmp_path, kill_after=1)
    assert state.epoch == EPOCHS
    for weight, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path, monkeypatch):
    with pytest.raises(Killed):
        train_quickly(tmp_path, kill_after=3)
    before = sorted(path.name for path in tmp_path.glob("step-*"))

    def write_half(_, path):
        path.write_bytes(b"half")
        raise Killed

    monkeypatch.setattr(keras.Model, "save_weights", write_half)
    with pytest.raises(Killed):
        train_quickly(tmp_path)
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.glob("step-*")) == before
    assert train_quickly(tmp_path)[1].epoch == EPOCHS


def test_kill_at_the_end_of_an_epoch_loses_none_of_it(tmp_path, monkeypatch):
    """The last batch is saved; the process ends while the epoch is evaluated or its checkpoint moved into place."""
    unbroken, _, _ = train_quickly(tmp_path / "unbroken")
    folder = tmp_path / "broken"
    monkeypatch.setattr(keras.Model, "evaluate", lambda *_, **__: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        train_quickly(folder)
    monkeypatch.undo()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            train_quickly(folder)
    assert [path.name for path in folder.glob("step-*")] == [f"step-{STEPS}-0-{STEPS}"]
    model, state, _ = train_quickly(folder)
    assert all("loss" in epoch for epoch in state.history)
    for weight, wanted in zip(model.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, atol=1e-5)


def test_checkpoints_do_not_pile_up(tmp_path):
    train_quickly(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.weights.h5", f"step-{STEPS * EPOCHS}-{EPOCHS}-0"]
    state = json.loads((tmp_path / f"step-{STEPS * EPOCHS}-{EPOCHS}-0" / "state.json").read_text())
    assert len(state["history"]) == EPOCHS


def test_best_weights_are_those_left_in_the_model(tmp_path):
    model, state, _ = train_quickly(tmp_path)
    loss = model.evaluate(IDS, LABELS, batch_size=32, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(min(epoch["eval_loss"] for epoch in state.history), abs=1e-4)
    assert state.best == min(epoch["eval_loss"] for epoch in state.history)


def test_arrays_of_the_last_checkpoint_come_back_as_they_were(tmp_path):
    folder, model = CheckpointFolder(tmp_path), fresh_model()
    assert folder.arrays() == {}
    assert folder.restore(model) == TrainingState()
    arrays = {"state_0": RNG.normal(size=(4, 3)).astype("float32"), "rows": np.array([[7]]), "names": np.array(["ä"])}
    folder.save(model, TrainingState(batch=1), {"state_0": np.zeros(2)})
    folder.save(model, TrainingState(batch=2), arrays)
    again = CheckpointFolder(tmp_path)
    assert again.restore(fresh_model()) == TrainingState(batch=2)
    restored = again.arrays()
    assert restored.keys() == arrays.keys()
    for name, array in arrays.items():
        assert restored[name].dtype == array.dtype
        np.testing.assert_array_equal(restored[name], array)


def test_arrays_of_python_objects_are_refused_and_the_checkpoint_before_is_kept(tmp_path):
    folder, model = CheckpointFolder(tmp_path), fresh_model()
    folder.restore(model)
    folder.save(model, TrainingState(batch=1), {"state": np.ones(1)})
    with pytest.raises(ValueError, match="array 'state' is of type object, expected numbers or strings"):
        folder.save(model, TrainingState(batch=2), {"state": np.array([{}])})
    assert folder.restore(fresh_model()) == TrainingState(batch=1)


def test_steps_that_scaling_of_the_loss_skips_have_checkpoints_too(tmp_path):
    """The optimizer stands where it stood; the position in the data does not."""
    folder, model = CheckpointFolder(tmp_path), fresh_model()
    model.compile(ReplicaLossScale(model.optimizer, initial_scale=64.0))
    folder.restore(model)
    folder.save(model, TrainingState(batch=1))
    model.optimizer.dynamic_scale.assign(32.0)
    folder.save(model, TrainingState(batch=2))
    again = fresh_model()
    again.compile(ReplicaLossScale(again.optimizer, initial_scale=64.0))
    assert folder.restore(again).batch == 2
    assert float(again.optimizer.dynamic_scale) == 32.0


def test_training_log_has_steps_with_the_learning_rate_and_epochs(tmp_path):
    with pytest.raises(Killed):
        train_quickly(tmp_path / "checkpoints", kill_after=7, training_log=TrainingLog(str(tmp_path / "first"), 4))
    _, state, _ = train_quickly(tmp_path / "checkpoints", training_log=TrainingLog(str(tmp_path / "second"), 4))
    events = EventAccumulator(str(tmp_path / "second"))
    events.Reload()
    assert {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]} == {
        **{f"step/{name}": [8, 12] for name in ("loss", "accuracy", "learning_rate")},
        **{f"epoch/{name}": [12] for name in state.history[-1]},
    }
    [rate, _] = [tf.make_ndarray(event.tensor_proto) for event in events.Tensors("step/learning_rate")]
    assert rate == pytest.approx(float(OneCycle(0.05, STEPS * EPOCHS)(8)))


def small_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="model")
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    return model


def remote_folder():
    return f"ram://{uuid.uuid4()}/checkpoints/hash"


@pytest.fixture(params=["local", "remote"])
def checkpoint(request, tmp_path):
    """A folder with one checkpoint of code, and its path below."""
    folder = tmp_path if request.param == "local" else remote_folder()
    kept = CheckpointFolder(folder, {"a": "1", "b": "2"})
    kept.restore(model := small_model())
    kept.save_best(model)
    kept.save(model, TrainingState(batch=1))
    return folder


def restored(folder, code):
    """What comes back, and what is said."""
    said = []
    again = CheckpointFolder(folder, code)
    return again, again.restore(small_model(), said.append), said


def test_checkpoint_of_the_same_code_is_gone_on_from(checkpoint):
    assert restored(checkpoint, {"b": "2", "a": "1"})[1:] == (TrainingState(batch=1), [])


@pytest.mark.parametrize(
    ("code", "changed"),
    [({"a": "9", "b": "2"}, "a"), ({"a": "1"}, "b"), ({"a": "1", "b": "3", "c": "3"}, "b, c"), ({}, "a, b")],
)
def test_checkpoint_of_other_code_is_replaced_and_the_code_is_named(checkpoint, caplog, code, changed):
    folder, state, [said] = restored(checkpoint, code)
    assert state == TrainingState()
    assert said == f"since its last checkpoint, code has changed in {changed}"
    assert f"Training begins anew: {said}" in caplog.text
    folder.save(small_model(), TrainingState(batch=1))
    assert restored(checkpoint, code)[1:] == (TrainingState(batch=1), [])


def test_much_that_has_changed_is_counted(checkpoint):
    [said] = restored(checkpoint, {f"module_{number}": "1" for number in range(8)})[2]
    assert said.endswith("code has changed in a, b, module_0, module_1, module_2, module_3 and 4 more")


@pytest.mark.parametrize(
    ("content", "found"),
    [('{"format": 0, "code": {}}', "0"), ('{"format": 99, "layout": []}', "99"), (None, "that has no number")],
)
def test_checkpoint_of_another_format_is_replaced_and_the_format_is_named(tmp_path, content, found):
    folder = CheckpointFolder(tmp_path)
    folder.restore(model := small_model())
    folder.save(model, TrainingState(batch=1))
    [file] = tmp_path.glob("step-*/made_by.json")
    file.unlink()
    if content is not None:
        file.write_text(content)
    _, state, [said] = restored(tmp_path, {})
    assert (state, said) == (TrainingState(), f"there is a checkpoint of format {found}, expected {FORMAT}")
    assert not tmp_path.exists()


def test_kill_while_checkpoints_of_other_code_are_removed_leaves_none_that_is_half_there(checkpoint, monkeypatch):
    rmtree = tf.io.gfile.rmtree

    def killed(folder):
        if folder == str(checkpoint):
            raise Killed
        rmtree(folder)

    monkeypatch.setattr(tf.io.gfile, "rmtree", killed)
    with pytest.raises(Killed):
        restored(checkpoint, {})
    monkeypatch.undo()
    assert restored(checkpoint, {"a": "1", "b": "2"})[1] == TrainingState()


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_loss_of_any_loop_is_checked(loss):
    optimizer = ScheduledAdamW(0.25)
    optimizer.iterations.assign(7)
    state = TrainingState(epoch=1, batch=3)
    check_loss(1e30, "loss", optimizer, state)
    with pytest.raises(UserError, match=rf"eval loss is {loss} at step 7 \(epoch 2, batch 3\), learning rate 0.25\."):
        check_loss(loss, "eval loss", optimizer, state)


@pytest.mark.parametrize(
    ("epoch", "best_epoch", "patience", "stops"),
    [(3, 0, 2, True), (3, 1, 2, False), (1, 0, 1, False), (2, 0, 1, True), (0, -1, 1, False), (99, 0, None, False)],
)
def test_early_stopping_counts_epochs_without_improvement(epoch, best_epoch, patience, stops):
    assert TrainingState(epoch=epoch, best_epoch=best_epoch).stops_early(patience) == stops


def test_loss_that_is_no_number_stops_with_step_and_learning_rate(tmp_path):
    model = quick_model()
    model.compile("sgd", loss=lambda y, p: keras.ops.mean(p) * float("nan"), metrics=["accuracy"])
    with pytest.raises(UserError, match=r"loss is nan at step 1 \(epoch 1, batch 1\), learning rate"):
        fit_resumably(
            model,
            folder=CheckpointFolder(tmp_path),
            train_epoch=train_epoch,
            steps=STEPS,
            eval_batches=None,
            epochs=1,
            patience=None,
            checkpoint_seconds=9.0,
            progress=KilledAfter(99),
        )


@pytest.mark.parametrize(("best_by", "best_epoch"), [("loss", 0), ("accuracy", 1)])
def test_best_epoch_is_the_one_with_the_lowest_loss_or_the_highest_accuracy(tmp_path, best_by, best_epoch):
    model = small_model()
    folder, state = CheckpointFolder(tmp_path), TrainingState()
    for epoch, (loss, accuracy) in enumerate([(0.5, 0.6), (0.7, 0.8), (0.6, 0.8)]):
        model.layers[0].bias.assign([float(epoch)])
        folder.finish_epoch(model, state, {"eval_loss": loss, "eval_accuracy": accuracy}, best_by)
    assert state.best_epoch == best_epoch
    folder.load_best(model)
    assert model.layers[0].bias.numpy() == best_epoch
