"""Training that a killed run takes up again: weights, optimizer, position, best weights and history on disk.

Keras' own `BackupAndRestore` forgets what `EarlyStopping` and `ModelCheckpoint` know and starts an interrupted epoch
over; here the whole state lies in one folder, written so that a kill at any moment leaves a complete one.
"""

import dataclasses
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from ulmfit_tfx.schemas.config.training import BestBy
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.optimization.distribution import number
from ulmfit_tfx.trainer_modules.optimization.layer_groups import LayerGroup, freeze, frozen_at
from ulmfit_tfx.trainer_modules.optimization.mirrored_folder import MirroredFolder
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog

log = logging.getLogger(__name__)

FORMAT = 1
"""Of what is in a checkpoint. Another one cannot be gone on from."""
_STATE = "state.json"
_MADE_BY = "made_by.json"
_RANDOM = "random.json"
_LATEST = "latest.weights.h5"
_ARRAYS = "arrays.npz"
_BEST = "best.weights.h5"
_NO_ARRAYS: Mapping[str, np.ndarray] = MappingProxyType({})
_NO_CODE: Mapping[str, str] = MappingProxyType({})
_NAMED_MODULES = 6


@dataclasses.dataclass
class TrainingState:
    """Where a training stands.

    Attributes:
        epoch: Epoch under way, from 0.
        batch: Batches of it that are done.
        best: The best epoch's eval loss, or 1 - accuracy or F1 where that decides: the lower, the better.
        best_epoch: Epoch after which it was measured.
        metrics: Of the epoch under way, since its beginning or since training was resumed.
        history: One record of metrics a finished epoch.
    """

    epoch: int = 0
    batch: int = 0
    best: float = float("inf")
    best_epoch: int = -1
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)

    def stops_early(self, patience: int | None) -> bool:
        """Whether no epoch was better for `patience` epochs."""
        return patience is not None and self.epoch - 1 - self.best_epoch >= patience


class CheckpointFolder:
    """A folder with the last checkpoint and the best weights of one training.

    folder/
        step-120-0-20/state.json          position and history; the name is step, epoch and batch
        step-120-0-20/made_by.json        `FORMAT`, and digests of the training's code by module
        step-120-0-20/random.json         states of the dropouts' random generators
        step-120-0-20/latest.weights.h5   weights and optimizer
        step-120-0-20/arrays.npz          what else the training carries from step to step
        best.weights.h5                   weights of the best epoch

    It needs no more of a model than its weights and an `optimizer`, whichever loop trains it. A folder on a remote file
    system is read by `restore` and kept up to date by `save`, with a copy on this machine between them.
    """

    def __init__(self, folder: str | Path, code: Mapping[str, str] = _NO_CODE):
        """Names the folder; nothing of it is read or made.

        Args:
            folder: Local or remote.
            code: Of the training, as `training_code` gives it.
        """
        self._mirror = MirroredFolder(folder, last=_STATE)
        self._code = dict(code)
        self.folder = self._mirror.local

    def restore(self, model: keras.Model, begins_anew: Callable[[str], None] | None = None) -> TrainingState:
        """Loads the last checkpoint into a compiled, built model; a fresh state where there is none.

        One of another format, or of other code, is removed with all that is in the folder.

        The optimizer is built for the variables that are trainable now, unless it is built: freeze them afterwards.

        Args:
            model: To be trained.
            begins_anew: Told why, where there is a checkpoint that cannot be gone on from.
        """
        model.optimizer.build(model.trainable_variables)
        self._mirror.download()
        latest = self._latest()
        if latest is None:
            return TrainingState()
        if reason := self._why_not(latest):
            log.warning("Training begins anew: %s", reason)
            if begins_anew is not None:
                begins_anew(reason)
            self._mirror.remove()
            return TrainingState()
        model.load_weights(latest / _LATEST)
        for variable, value in zip(_random_states(model), json.loads((latest / _RANDOM).read_text()), strict=True):
            variable.assign(value)
        return TrainingState(**json.loads((latest / _STATE).read_text()))

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the last checkpoint, by name; none where there is no checkpoint."""
        latest = self._latest()
        if latest is None:
            return {}
        with np.load(latest / _ARRAYS, allow_pickle=False) as arrays:
            return dict(arrays)

    def save(self, model: keras.Model, state: TrainingState, arrays: Mapping[str, np.ndarray] = _NO_ARRAYS) -> None:
        """Writes a checkpoint, complete before it can be found, and removes the ones before it.

        Args:
            model: Built, with its optimizer.
            state: Its position. A checkpoint of the same position is kept as it is.
            arrays: Numbers or strings of any shape, by name, such as the state each row of a batch carries.
        """
        target = self.folder / f"step-{int(number(model.optimizer.iterations))}-{state.epoch}-{state.batch}"
        if target.exists():
            return
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        model.save_weights(unfinished / _LATEST)
        random_states = [keras.ops.convert_to_numpy(variable).tolist() for variable in _random_states(model)]
        (unfinished / _RANDOM).write_text(json.dumps(random_states))
        (unfinished / _MADE_BY).write_text(json.dumps({"format": FORMAT, "code": self._code}))
        np.savez(unfinished / _ARRAYS, **_without_objects(arrays))
        (unfinished / _STATE).write_text(json.dumps(dataclasses.asdict(state)))
        unfinished.rename(target)
        for older in self.folder.glob("step-*"):
            if older != target:
                shutil.rmtree(older)
        self._mirror.upload()

    def _latest(self) -> Path | None:
        complete = (path.parent for path in self.folder.glob(f"step-*/{_STATE}"))
        checkpoints = sorted(complete, key=lambda path: [int(n) for n in path.name.split("-")[1:]])
        return checkpoints[-1] if checkpoints else None

    def _why_not(self, checkpoint: Path) -> str | None:
        """Why a checkpoint cannot be gone on from, if so."""
        file = checkpoint / _MADE_BY
        made_by = json.loads(file.read_text()) if file.exists() else {}
        if made_by.get("format") != FORMAT:
            found = made_by.get("format", "that has no number")
            return f"there is a checkpoint of format {found}, expected {FORMAT}"
        before = made_by["code"]
        changed = sorted(name for name in {*self._code, *before} if self._code.get(name) != before.get(name))
        if not changed:
            return None
        more = f" and {len(changed) - _NAMED_MODULES} more" if len(changed) > _NAMED_MODULES else ""
        return f"since its last checkpoint, code has changed in {', '.join(changed[:_NAMED_MODULES])}{more}"

    def finish_epoch(
        self, model: keras.Model, state: TrainingState, metrics: dict[str, float], best_by: BestBy = "loss"
    ) -> None:
        """Notes an epoch's metrics, keeps the weights if they are the best so far, and writes a checkpoint.

        Args:
            model: Built, with its optimizer.
            state: At the end of the epoch; afterwards at the beginning of the next one.
            metrics: Of the epoch: `eval_loss`, and `eval_accuracy` or `eval_micro_f1` where that decides.
            best_by: What decides. Of equals the first is kept.
        """
        state.history.append(metrics)
        value = metrics["eval_loss"] if best_by == "loss" else 1 - metrics[f"eval_{best_by}"]
        if value < state.best:
            state.best, state.best_epoch = value, state.epoch
            self.save_best(model)
        state.epoch, state.batch = state.epoch + 1, 0
        self.save(model, state)

    def save_best(self, model: keras.Model) -> None:
        """Keeps the model's weights as the best so far."""
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f"unfinished-{_BEST}"
        model.save_weights(unfinished)
        unfinished.replace(self.folder / _BEST)

    def remove(self) -> None:
        """Removes the folder with all that is in it."""
        self._mirror.remove()

    def load_best(self, model: keras.Model) -> None:
        """Loads the best weights."""
        model.load_weights(self.folder / _BEST)


def fit_resumably(
    model: keras.Model,
    *,
    folder: CheckpointFolder,
    train_epoch: Callable[[int, int], Any],
    eval_batches: Any,
    steps: int,
    epochs: int,
    patience: int | None,
    checkpoint_seconds: float,
    progress: Progress,
    best_by: BestBy = "loss",
    unfreeze: Sequence[LayerGroup] = (),
    training_log: TrainingLog | None = None,
) -> TrainingState:
    """Trains to the end from wherever an earlier call was cut off, and leaves the best weights in the model.

    Args:
        model: Compiled and built, fresh.
        folder: Of this very training: the same data and configuration.
        train_epoch: From an epoch and a number of batches to skip, the rest of that epoch's batches.
        eval_batches: Batches of the eval split.
        steps: Batches an epoch.
        epochs: Epochs of the whole training.
        patience: See `TrainingState.stops_early`.
        checkpoint_seconds: Least time between checkpoints within an epoch. At an epoch's end there always is one.
        progress: Told of each batch and epoch.
        best_by: Which epoch's weights are the best.
        unfreeze: The model's layer groups, to unfreeze them one an epoch from the top. Empty: all are trained.
        training_log: TensorBoard's.

    Returns:
        The final state.

    Raises:
        UserError: The loss is not a number.
    """
    state = folder.restore(model, progress.begins_anew)
    if state.epoch or state.batch:
        step = int(number(model.optimizer.iterations))
        log.info("Resuming from the checkpoint at step %d: epoch %d, batch %d", step, state.epoch + 1, state.batch)
        progress.resumed(step, state.epoch, state.batch)
    training_log = training_log or TrainingLog(None)
    while state.epoch < epochs and not state.stops_early(patience):
        if state.batch < steps:
            if unfreeze:
                freeze(model, unfreeze, frozen_at(unfreeze, state.epoch))
            callback = _Steps(state, steps, folder, checkpoint_seconds, progress, training_log)
            model.fit(train_epoch(state.epoch, state.batch), shuffle=False, verbose=0, callbacks=[callback])
        evaluated = model.evaluate(eval_batches, verbose=0, return_dict=True)
        metrics = state.metrics | {f"eval_{name}": float(value) for name, value in evaluated.items()}
        check_loss(metrics["eval_loss"], "eval loss", model.optimizer, state)
        folder.finish_epoch(model, state, metrics, best_by)
        progress.epoch_done(metrics)
        training_log.epoch(state.epoch * steps, metrics)
    if unfreeze:
        freeze(model, unfreeze, [])
    folder.load_best(model)
    return state


class _Steps(keras.callbacks.Callback):
    """Counts batches, reports them, saves now and then, and stops at a loss that is not a number."""

    def __init__(
        self,
        state: TrainingState,
        steps: int,
        folder: CheckpointFolder,
        seconds: float,
        progress: Progress,
        training_log: TrainingLog,
    ):
        super().__init__()
        self.state = state
        self.steps = steps
        self.folder = folder
        self.seconds = seconds
        self.progress = progress
        self.training_log = training_log
        self.saved_at = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.state.metrics = {name: float(value) for name, value in (logs or {}).items()}
        self.state.batch += 1
        check_loss(self.state.metrics["loss"], "loss", self.model.optimizer, self.state)
        self.progress.batch_done(self.state.epoch, self.state.batch, self.state.metrics)
        step = self.state.epoch * self.steps + self.state.batch
        if self.training_log.is_due(step):
            rate = number(self.model.optimizer.learning_rate)
            self.training_log.step(step, self.state.metrics | {"learning_rate": rate})
        if time.monotonic() - self.saved_at >= self.seconds:
            self.folder.save(self.model, self.state)
            self.saved_at = time.monotonic()


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """Seed generators' states, which Keras keeps among a model's variables and leaves out of its weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _without_objects(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The arrays, if none has Python objects, which only a pickle could hold."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"array {name!r} is of type {array.dtype}, expected numbers or strings")
    return arrays


def check_loss(loss: float, name: str, optimizer: keras.optimizers.Optimizer, state: TrainingState) -> None:
    """Refuses a loss that is not a number, or infinite.

    Args:
        loss: The value.
        name: What to call it.
        optimizer: Of the training: its step and learning rate are named.
        state: Position of the training, which is named.

    Raises:
        UserError: The loss is not finite.
    """
    if math.isfinite(loss):
        return
    raise UserError(
        f"the {name} is {loss} at step {number(optimizer.iterations):.0f} "
        f"(epoch {state.epoch + 1}, batch {state.batch}), learning rate {number(optimizer.learning_rate):.2g}. "
        "A lower learning_rate or gradient_clip_norm may help."
    )
