"""Training of models of whole texts with several branches: each is fitted, then all are stacked.

Linear branches (Cheng et al. 2016, Wide & Deep Learning, https://arxiv.org/abs/1606.07792) read all of a text in one
pass and take seconds to fit; with few labels they are ahead of a network, with many they add to it.
"""

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.head import BranchName
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.schemas.feature_names import TEXT
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.branches.blend import Blend
from ulmfit_tfx.trainer_modules.branches.buckets import fitting_buckets, megabytes
from ulmfit_tfx.trainer_modules.branches.features import CHARACTERS, PIECES, WORDS, TextReader
from ulmfit_tfx.trainer_modules.branches.fitting import FittedBranch, fit_branch
from ulmfit_tfx.trainer_modules.branches.linear_branches import Part, TrainTexts, linear_branches
from ulmfit_tfx.trainer_modules.branches.objectives import ConvexObjective
from ulmfit_tfx.trainer_modules.branches.stacking import Stack, fit_stack, stacked_with
from ulmfit_tfx.trainer_modules.data.cut_texts import FILE as CUT_TEXTS_FILE
from ulmfit_tfx.trainer_modules.data.cut_texts import MOST_TEXTS, measured
from ulmfit_tfx.trainer_modules.data.gold_rows import as_trained, gold_marks
from ulmfit_tfx.trainer_modules.data.held_out_rows import is_held_out, seen
from ulmfit_tfx.trainer_modules.data.task_batches import TaskBatches
from ulmfit_tfx.trainer_modules.data.task_rows import TaskRows, parsed
from ulmfit_tfx.trainer_modules.models.document_head import frozen_features, linear_head
from ulmfit_tfx.trainer_modules.optimization.document_training import (
    DocumentModel,
    DocumentObjective,
    TrainedDocuments,
    train_documents,
)
from ulmfit_tfx.trainer_modules.optimization.task_training import TaskInputs, build_task_encoder
from ulmfit_tfx.trainer_modules.serving.model_info import BranchInfo
from ulmfit_tfx.trainer_modules.serving.signatures import IDS, STRINGS, text_outputs
from ulmfit_tfx.transforms.splitting import sample
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.tokenization import Tokenizer

RECURRENT: BranchName = "recurrent"
OF_STATISTICS: tuple[BranchName, ...] = ("vectors", "topics")
"""Branches that take statistics of a corpus."""
LINEAR: tuple[BranchName, ...] = (*OF_STATISTICS, "pieces", "words")
SPACES: Mapping[str, tuple[str, ...]] = {"topics": (PIECES,), "pieces": (PIECES,), "words": (WORDS, CHARACTERS)}
"""Spaces of terms that have a table in the model, by branch."""
FEWEST_ROWS = 50
"""For linear branches, where none are asked for."""
MOST_ROWS = 50_000
"""That linear branches are fitted on. Of more, a sample."""
_FOLDS = 5
_HELD_OUT_ONE_IN = {True: 5, False: 10}
"""Of few train rows, and of many, what a network that is trained does not see."""
_MANY_ROWS = 5000
_LEAST_WEIGHT = 1e-4
_TEXTS_AT_ONCE = 64
_MOST_BYTES = 1 << 25
"""Of texts whose length in pieces is measured."""


@dataclasses.dataclass(frozen=True)
class BlendedDocuments:
    """What `train_blended` makes.

    Attributes:
        documents: The encoders, and the recurrent models on them where there are any.
        outputs: From texts, string [batch], to outputs of the task, float32 [batch, outputs].
        tables: Variables of `outputs` beside those of `documents`, by name.
        branches: What was fitted; none where there is the recurrent branch alone.
    """

    documents: TrainedDocuments
    outputs: Callable[[tf.Tensor], tf.Tensor]
    tables: Mapping[str, tf.Variable]
    branches: tuple[BranchInfo, ...]


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Train rows in memory, in file order.

    Attributes:
        texts: bytes [rows].
        ids: int32 [pieces], of each row.
        targets: [rows, ...].
        weights: float [rows], or None.
        held_out: bool [rows], those that a trained network does not see, all of them gold.
        gold: bool [rows], those with a label of their own, by which branches are weighed.
        own: [rows, ...], targets by this label alone.
    """

    texts: np.ndarray
    ids: list[np.ndarray]
    targets: np.ndarray
    weights: np.ndarray | None
    held_out: np.ndarray
    gold: np.ndarray
    own: np.ndarray


def train_blended(
    inputs: TaskInputs,
    objective: DocumentObjective,
    convex: ConvexObjective,
    rows: TaskRows,
    train: TaskBatches,
    evaluation: TaskBatches,
) -> BlendedDocuments:
    """Fits the branches that are asked for, then what each counts.

    Args:
        inputs: Of the training.
        objective: Of the recurrent branch.
        convex: Of the other ones.
        rows: Of the train split, each once.
        train: Batches of the train split.
        evaluation: Of the eval split.

    Raises:
        UserError: See `fit_resumably`, or there are too few rows for more than one branch.
        DataError: See `trained`, or the statistics of the corpus cannot be read.
    """
    count = int(rows.dataset().reduce(np.int64(0), lambda counted, *_: counted + 1))
    _tell_what_is_cut(inputs, rows)
    names = chosen_branches(inputs, count)
    if names == (RECURRENT,):
        if train.rows.own is not None:
            train = dataclasses.replace(train, rows=as_trained(train.rows)).counted_anew()
        documents = train_documents(inputs, objective, train, evaluation)
        outputs = text_outputs(documents.model, inputs.tokenizer, inputs.read_pieces)
        return BlendedDocuments(documents, _traced_once(outputs), {}, ())
    gold = np.ones(count, bool) if rows.own is None else np.array(list(gold_marks(rows.files).as_numpy_iterator()))
    one_in = _HELD_OUT_ONE_IN[bool(gold.sum() < _MANY_ROWS)]
    data = _read(rows, gold, one_in, inputs.seed)
    return _Blending(inputs, objective, convex, data, one_in, names, count).run(train, evaluation)


def chosen_branches(inputs: TaskInputs, rows: int) -> tuple[BranchName, ...]:
    """Branches of a model, in the order of the configuration's choices.

    Args:
        inputs: Of the training.
        rows: Of the train split.
    """
    configured = inputs.head.branches
    if configured is None:
        configured = (RECURRENT, *LINEAR) if rows >= FEWEST_ROWS else (RECURRENT,)
    if inputs.statistics is None:  # a training without unlabelled text, to compare with
        configured = tuple(name for name in configured if name not in OF_STATISTICS)
    return tuple(name for name in (RECURRENT, *LINEAR) if name in configured) or (RECURRENT,)


class _Blending:
    """One training of branches."""

    def __init__(
        self,
        inputs: TaskInputs,
        objective: DocumentObjective,
        convex: ConvexObjective,
        data: _Rows,
        one_in: int,
        names: Sequence[BranchName],
        rows: int,
    ):
        self.inputs = inputs
        self.objective = objective
        self.convex = convex
        self.data = data
        self.one_in = one_in
        self.names = names
        self.is_frozen = inputs.base is not None and (rows < inputs.head.frozen_below or RECURRENT not in names)
        self.folds = list(convex.folds(data.targets, _FOLDS, inputs.seed))
        statistics = None if inputs.statistics is None else CorpusStatistics.read(inputs.statistics)
        head = inputs.head
        self.buckets = self._buckets(head.word_buckets if statistics is None else statistics.buckets)
        # A tokenizer of its own: trainings set TensorFlow's seed, see `Tokenizer.op`.
        own = Tokenizer(inputs.tokenizer.model, inputs.tokenizer.config, inputs.tokenizer.cleaning)
        self.linear = linear_branches(names, TrainTexts(self._reader(own), data.texts, statistics), statistics)
        self.fitted: dict[str, FittedBranch] = {}

    def _buckets(self, of_pieces: int) -> dict[str, int]:
        head, export = self.inputs.head, self.inputs.export
        configured = {PIECES: of_pieces, WORDS: head.word_buckets, CHARACTERS: head.character_buckets}
        read = {space for name in self.names for space in SPACES.get(name, ())}
        sizes: dict[str, Any] = {
            "vocab_size": self.inputs.tokenizer.vocab_size,
            "outputs": self.convex.outputs,
            "reads_pairs": bool(head.pairs),
        }
        fitting = fitting_buckets(
            {name: size for name, size in configured.items() if name in read},
            **sizes,
            max_megabytes=export.max_megabytes,
        )
        if fitting.items() - configured.items():
            self._say(
                f"{fitting[WORDS]:,} numbers for words and {fitting[CHARACTERS]:,} for runs of characters, fewer than "
                f"configured: so the tables take {megabytes(fitting, **sizes):.0f} MB, see export.max_megabytes"
            )
        return configured | fitting

    def _reader(self, tokenizer: Tokenizer) -> TextReader:
        head = self.inputs.head
        return TextReader(tokenizer, self.inputs.read_pieces, self.buckets, reads_pairs=bool(head.pairs))

    def run(self, train: TaskBatches, evaluation: TaskBatches) -> BlendedDocuments:
        """Fits all, and stacks."""
        for name, branch in self.linear.items():
            self._fit(name, branch.features())
        documents, models = self._frozen() if self.is_frozen else (self._trained(train, evaluation), {})
        unseen, targets, weights = self._unseen(self.data.gold)
        stack = fit_stack(self.convex, unseen, targets, weights)
        if not self.is_frozen:
            models = {RECURRENT: documents.model}
            unseen, targets, weights = self._unseen(self.data.held_out)
            of_held_out = self._of_held_out(documents.model)
            stack = stacked_with(self.convex, stack, unseen, RECURRENT, of_held_out, targets, weights)
            unseen[RECURRENT] = of_held_out
        losses = {
            name: float(np.average(self.convex.losses(outputs, targets), weights=weights))
            for name, outputs in unseen.items()
        }
        blend = self._blend(stack, models)
        for name, weight in stack.weights.items():
            self._say(f"{name}: weight {weight:.2f}, loss alone {losses[name]:.4f}")
        self._say(f"all branches: loss {stack.loss:.4f} on rows that they were not fitted on")
        branches = tuple(
            BranchInfo(
                name=name,
                weight=weight,
                loss=losses[name],
                parameters=models[name].count_params() if name in models else self._size(name),
            )
            for name, weight in stack.weights.items()
        )
        return BlendedDocuments(documents, _traced_once(blend), blend.tables, branches)

    def _unseen(self, among: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
        """What branches say of some gold rows that they were not fitted on; the rows' own targets, and weights."""
        weights = self.data.weights
        unseen = {name: branch.unseen[among] for name, branch in self.fitted.items()}
        return unseen, self.data.own[among], None if weights is None else weights[among]

    def _size(self, name: str) -> int:
        return self.fitted[name].linear.size + sum(table.size for table in self.linear[name].tables.values())

    def _fit(self, name: str, features: Any) -> None:
        start = time.monotonic()
        self.fitted[name] = fit_branch(self.convex, features, self.data.targets, self.data.weights, self.folds)
        self._say(f"{name}: {features.shape[1]:,} features, fitted in {time.monotonic() - start:.1f} s")

    def _say(self, text: str) -> None:
        self.inputs.console.print(f"      {text}")

    def _frozen(self) -> tuple[TrainedDocuments, dict[str, keras.Model]]:
        """The encoders of the base model as they are, and linear models on their pooled output."""
        inputs = self.inputs
        assert inputs.base is not None
        parts: dict[Direction, DocumentModel] = {}
        models: dict[str, keras.Model] = {}
        for direction in inputs.directions:
            encoder, config = build_task_encoder(inputs, direction)
            inputs.base.give_weights(encoder, direction)
            model = encoder
            if RECURRENT in self.names:
                features = frozen_features(
                    encoder,
                    inputs.head,
                    bos_id=inputs.tokenizer.special_ids.bos,
                    reads_backward=direction == "backward",
                    chunk_pieces=inputs.training.chunk_pieces,
                )
                name = RECURRENT if len(inputs.directions) == 1 else f"{RECURRENT}, {direction}"
                self._fit(name, _of_ids(features, self.data.ids, inputs))
                linear = self.fitted[name].linear
                model = linear_head(features, linear.weights, linear.bias, f"{direction}_{self.objective.noun}")
                models[name] = model
            parts[direction] = DocumentModel(model, encoder, config)
        return TrainedDocuments(model, parts), models

    def _trained(self, train: TaskBatches, evaluation: TaskBatches) -> TrainedDocuments:
        if self.data.held_out.all() or not self.data.held_out.any():
            raise UserError(
                f"head.branches: {', '.join(self.names)} are weighed by train rows that no branch is fitted on, and of "
                f"{self.data.gold.sum()} none can be spared. Label more rows, or set head.branches to [recurrent]."
            )
        rows = (seen if train.rows.own is None else as_trained)(train.rows, self.one_in)
        without = dataclasses.replace(train, rows=rows).counted_anew()
        return train_documents(self.inputs, self.objective, without, evaluation)

    def _of_held_out(self, model: keras.Model) -> np.ndarray:
        ids = [row for row, is_out in zip(self.data.ids, self.data.held_out, strict=True) if is_out]
        return _of_ids(model, ids, self.inputs)

    def _blend(self, stack: Stack, models: Mapping[str, keras.Model]) -> Blend:
        """The graph of all branches that count."""
        counts = {name: weight for name, weight in stack.weights.items() if weight > _LEAST_WEIGHT}
        bias = stack.bias.copy()
        parts: dict[str, Part] = {}
        for name, branch in self.linear.items():
            if name not in counts:
                continue
            linear = self.fitted[name].linear
            bias += counts[name] * linear.bias
            for key, part in branch.parts(counts[name] * linear.weights).items():
                parts[key] = parts[key] + part if key in parts else part
        return Blend(
            self._reader(self.inputs.tokenizer),
            bias,
            parts,
            [(model, counts[name]) for name, model in models.items() if name in counts],
            self.inputs.read_pieces,
        )


def answers_of(blended: BlendedDocuments, rows: TaskRows) -> tuple[np.ndarray, np.ndarray]:
    """What a model says of each row, float32 [rows, outputs], and the targets of the rows, in file order."""
    both = tf.data.Dataset.zip((_texts(rows), rows.dataset().map(lambda _, target, *rest: target)))
    answers = [(blended.outputs(texts), targets) for texts, targets in both.batch(_TEXTS_AT_ONCE)]
    return np.concatenate([answer for answer, _ in answers]), np.concatenate([targets for _, targets in answers])


def _traced_once(outputs: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(outputs, input_signature=[STRINGS])


def _texts(rows: TaskRows) -> tf.data.Dataset:
    return parsed(rows.files, {TEXT: tf.io.FixedLenFeature([], tf.string)}).map(lambda row: row[TEXT])


def _tell_what_is_cut(inputs: TaskInputs, rows: TaskRows) -> None:
    """Measures texts of the train split, writes that down, and shows what is cut."""
    texts = (text.decode(errors="replace") for text in _texts(rows).as_numpy_iterator())
    chosen = sample(texts, inputs.seed, MOST_TEXTS, _MOST_BYTES).texts
    if not chosen:
        return
    tokenizer = copy.copy(inputs.tokenizer)  # with an op of its own: the training's is built after its model
    batches = (chosen[start : start + _TEXTS_AT_ONCE] for start in range(0, len(chosen), _TEXTS_AT_ONCE))
    lengths = np.concatenate([tokenizer.tokenize(tf.constant(batch)).row_lengths().numpy() for batch in batches])
    cut = measured(lengths, inputs.training.max_seq_len, inputs.read_pieces)
    tf.io.gfile.makedirs(inputs.run_folder)
    with tf.io.gfile.GFile(f"{inputs.run_folder}/{CUT_TEXTS_FILE}", "w") as file:
        file.write(cut.to_json())
    for sentence in cut.sentences():
        inputs.console.print(f"      {sentence}")


def _read(rows: TaskRows, gold: np.ndarray, one_in: int, seed: int) -> _Rows:
    kept = _sampled(gold, np.random.default_rng(seed))
    is_kept = tf.constant(kept)
    both = tf.data.Dataset.zip((_texts(rows), rows.dataset())).enumerate().filter(lambda number, _: is_kept[number])
    with_mark = both.map(lambda _, row: (row[0], row[1], is_held_out(row[1][0], one_in)))
    found = list(with_mark.as_numpy_iterator())
    of_rows = [row for _, row, _ in found]
    targets = np.stack([row[1] for row in of_rows])
    weights: np.ndarray | None = np.array([row[2] for row in of_rows], np.float64) if len(of_rows[0]) > 2 else None
    if rows.gold_repeats > 1:
        of_sample = rows.gold_repeats * (kept & ~gold).sum() / (~gold).sum()  # there are fewer to be counted beside
        counted = np.where(gold[kept], max(of_sample, 1.0), 1.0)
        weights = counted if weights is None else weights * counted
    return _Rows(
        texts=np.array([text for text, _, _ in found], object),
        ids=[row[0] for row in of_rows],
        targets=targets,
        weights=weights,
        held_out=np.array([mark for _, _, mark in found]) & gold[kept],
        gold=gold[kept],
        own=targets if rows.own is None else _own_targets(rows.own(), is_kept),
    )


def _own_targets(own: tf.data.Dataset, is_kept: tf.Tensor) -> np.ndarray:
    kept = own.enumerate().filter(lambda number, _: is_kept[number]).map(lambda _, row: row[1])
    return np.stack(list(kept.as_numpy_iterator()))


def _sampled(gold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The rows that are read, bool [rows]: of very many a sample, in which half may be gold at least."""
    if len(gold) <= MOST_ROWS:
        return np.ones(len(gold), bool)
    kept = np.zeros(len(gold), bool)
    of_gold, others = np.flatnonzero(gold), np.flatnonzero(~gold)
    room = max(MOST_ROWS // 2, MOST_ROWS - len(others))
    kept[rng.choice(of_gold, min(len(of_gold), room), replace=False)] = True
    kept[rng.choice(others, min(len(others), MOST_ROWS - kept.sum()), replace=False)] = True
    return kept


def _of_ids(model: keras.Model, ids: Sequence[np.ndarray], inputs: TaskInputs) -> np.ndarray:
    """What a model says of rows: float32 [rows, ...], computed in batches of similar length."""
    limit, size = inputs.read_pieces, inputs.training.batch_size
    order = np.argsort([min(len(row), limit) for row in ids], kind="stable")
    answers: list[Any] = [None] * len(ids)
    answer_of = tf.function(lambda batch: model(batch, training=False), input_signature=[IDS])
    for start in range(0, len(ids), size):
        numbers = order[start : start + size]
        batch = inputs.tokenizer.pad(tf.ragged.constant([ids[n][:limit].tolist() for n in numbers], tf.int32))
        for number, answer in zip(numbers, answer_of(batch).numpy(), strict=True):
            answers[number] = answer
    return np.stack(answers)
