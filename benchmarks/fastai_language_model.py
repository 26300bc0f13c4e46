"""fastai's AWD-LSTM and AWD-QRNN language models for `lm_training.py`, in a process of their own.

fastai 2.2.7 is the last one that has the QRNN; it runs on PyTorch 1.7 and Python 3.8.

Reads jobs as JSON lines from standard input and answers in JSON lines. The first answer is
`{"version": "fastai 2.2.7, torch 1.7.1"}`. A job holds the fields of `build`, and `"work"`:

- `"train"`: trains, answers a line `{"epoch": 1, ...}` after each epoch and at the end `{"perplexity": 98.1, ...}`.
- `"steps"`: answers `{"ready": true}`; each `{"steps": 10}` that follows is answered with `{"seconds": 0.5, "pieces":
  12800}`, the time of so many steps of training; `{"steps": 0}` ends the job, and is answered with `{"done": true}`.
"""

import json
import math
import sys
import time

import fastai
import numpy as np
import torch
from fastai.basics import CancelFitException
from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.callback.rnn import rnn_cbs
from fastai.callback.schedule import fit_one_cycle  # noqa: F401 - gives Learner its method
from fastai.callback.training import GradientClip
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.optimizer import Adam
from fastai.text.data import LMDataLoader, LMTensorText
from fastai.text.models.awdlstm import AWD_LSTM, AWD_QRNN, awd_lstm_lm_config, awd_qrnn_lm_config
from fastai.text.models.core import get_language_model

ARCHITECTURES = {"awd_lstm": (AWD_LSTM, awd_lstm_lm_config), "qrnn": (AWD_QRNN, awd_qrnn_lm_config)}
FOREVER = 1_000_000
ANSWERS, sys.stdout = sys.stdout, sys.stderr  # PyTorch prints when the QRNN finds no CUDA


def answer(**fields):
    print(json.dumps(fields), file=ANSWERS, flush=True)


def documents(ids, lengths):
    """Documents of one flat array of ids."""
    return [LMTensorText(torch.from_numpy(part)) for part in np.split(ids.astype(np.int64), np.cumsum(lengths)[:-1])]


class TrainingClock(Callback):
    """Times the batches of training."""

    order = 100

    def before_fit(self):
        """Starts counting."""
        self.pieces, self.seconds = 0, 0.0

    def before_batch(self):
        """Starts the clock."""
        self.started = time.perf_counter()

    def after_batch(self):
        """Stops the clock."""
        if self.training:
            self.seconds += time.perf_counter() - self.started
            self.pieces += self.yb[0].numel()


class EpochAnswers(Callback):
    """Answers a line after each epoch: the loss over all pieces of the validation part, each counted once."""

    order = 101

    def before_epoch(self):
        """Starts the clock."""
        self.started = time.perf_counter()

    def after_train(self):
        """Stops the clock."""
        self.train_seconds = time.perf_counter() - self.started

    def before_validate(self):
        """Starts the sum."""
        self.total, self.pieces = 0.0, 0

    def after_batch(self):
        """Adds up a batch of the validation part."""
        if not self.training:
            pieces = self.yb[0].numel()
            self.total += self.loss.item() * pieces
            self.pieces += pieces

    def after_epoch(self):
        """Answers."""
        self.loss_of_epoch = self.total / self.pieces
        answer(epoch=self.epoch + 1, loss=self.loss_of_epoch, seconds=self.train_seconds)


class PacedSteps(Callback):
    """Takes as many steps as it is asked for, and then waits."""

    order = 102

    def before_train(self):
        """Waits for the first request."""
        if self.epoch == 0:
            answer(ready=True)
            self._wait()

    def after_batch(self):
        """Answers when all steps are taken."""
        self.pieces += self.yb[0].numel()
        self.left -= 1
        if not self.left:
            answer(seconds=time.perf_counter() - self.started, pieces=self.pieces)
            self._wait()

    def _wait(self):
        self.left, self.pieces = json.loads(sys.stdin.readline() or '{"steps": 0}')["steps"], 0
        if not self.left:
            raise CancelFitException()
        self.started = time.perf_counter()


def build(job):
    """A learner that has not been trained.

    Args:
        job: `ids`, an npz file of `train` and `valid` (int [pieces]) and `train_lengths` and `valid_lengths` (pieces of
            each document); `architecture`, `vocab_size`, `embedding_size`, `hidden_size`, `layers`, `drop_mult`;
            `batch_size`, `bptt`; `weight_decay`, `beta_2`, `epsilon`, `ar_alpha`, `tar_beta`, `gradient_clip_norm`
            (or null).
    """
    architecture, config = ARCHITECTURES[job["architecture"]]
    config = dict(config, emb_sz=job["embedding_size"], n_hid=job["hidden_size"], n_layers=job["layers"])
    model = get_language_model(architecture, job["vocab_size"], config=config, drop_mult=job["drop_mult"])
    ids = np.load(job["ids"])
    train, valid = (
        LMDataLoader(
            documents(ids[part], ids[part + "_lengths"]),
            bs=job["batch_size"],
            seq_len=job["bptt"],
            shuffle=part == "train",
            drop_last=part == "train",
        )
        for part in ("train", "valid")
    )
    callbacks = rnn_cbs(alpha=job["ar_alpha"], beta=job["tar_beta"])
    if job["gradient_clip_norm"]:
        callbacks.append(GradientClip(job["gradient_clip_norm"]))
    learner = Learner(
        DataLoaders(train, valid),
        model,
        loss_func=CrossEntropyLossFlat(),
        opt_func=lambda weights, lr: Adam(
            weights, lr=lr, sqr_mom=job["beta_2"], eps=job["epsilon"], wd=job["weight_decay"]
        ),
        cbs=callbacks,
    )
    learner.logger = lambda *_: None
    learner.remove_cbs(learner._grab_cbs(ProgressCallback))
    return learner


def run(job):
    torch.manual_seed(job["seed"])
    np.random.seed(job["seed"])
    learner = build(job)
    highest, lowest = job["momentum"]

    def fit(epochs, *callbacks):
        learner.fit_one_cycle(epochs, job["learning_rate"], moms=(highest, lowest, highest), cbs=callbacks)

    if job["work"] == "steps":
        fit(FOREVER, PacedSteps())
        answer(done=True)
        return
    clock, epochs = TrainingClock(), EpochAnswers()
    started = time.perf_counter()
    fit(job["epochs"], clock, epochs)
    loss = epochs.loss_of_epoch
    answer(
        loss=loss,
        perplexity=math.exp(loss),
        pieces=clock.pieces,
        batch_seconds=clock.seconds,
        seconds=time.perf_counter() - started,
    )


def main():
    answer(version=f"fastai {fastai.__version__}, torch {torch.__version__}")
    for line in iter(sys.stdin.readline, ""):
        run(json.loads(line))


if __name__ == "__main__":
    main()
