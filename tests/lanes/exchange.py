"""Writes what one lane makes, measures what another gets from it: SavedModels, encoder folders, checkpoints, configs.

    .venvs/default/bin/python tests/lanes/exchange.py write FOLDER    models of every task, and what they answer
    .venvs/newest/bin/python tests/lanes/exchange.py read FOLDER      largest differences of the answers, as JSON

`tests/lanes/test_exchange.py` runs both in both directions; `table` prints the table of docs/lanes.md:

    .venvs/default/bin/python tests/lanes/exchange.py table .venvs/default/bin/python .venvs/newest/bin/python
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "writers")]

TEXTS = ["a great film!", "", "Żółć, naïve café — 12 €?", "电影很好看", "tedious and a dull story " * 30]
WORDS = [["A", "tender", "film", "!"], ["naïve", "plot", "", ""]]
IDS = [[2, 9, 8, 3], [2, 3, 1, 1]]
CELLS = ("qrnn", "awd_lstm")
STEPS = 3
"""Training steps before the checkpoint, and after it."""


def write(folder: Path) -> None:
    """Writes models, checkpoints and configurations, with what this lane gets from them."""
    from exported_models import MODELS, export_model

    from ulmfit_tfx.components.sentencepiece_trainer.executor import train
    from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig

    spm_model = train(
        [f"{adjective} {noun}." for adjective in ("great", "dull", "naïve") for noun in ("film", "story", "plot")] * 9,
        TokenizerConfig(vocab_size=60),
        max_text_bytes=1000,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for kind in MODELS:
        export_model(kind, folder / "saved_models" / kind, spm_model, 12)
    for cell in CELLS:
        _write_encoder(folder / "encoders" / cell, cell, spm_model)
        _train(folder / "checkpoints" / cell, cell, saves=True)
    for name, content in _resolved_configs().items():
        _put(folder / "configs" / f"{name}.json", content)
    for item, answers in _answers(folder):
        _write_answers(folder, item, answers)


def read(folder: Path) -> dict[str, float]:
    """Largest difference between the answers that were written and those of this lane, by item.

    It is absolute up to 1 and relative above, where float32 has no more digits.

    Whatever is no float has to be equal: where it is not, the difference is infinite.
    """
    differences = {}
    for item, answers in _answers(folder):
        found = [_difference(answer, _written(folder, item, name)) for name, answer in answers.items()]
        differences[item] = max(found, default=float("inf"))
    for name, content in _resolved_configs().items():
        same = json.loads((folder / "configs" / f"{name}.json").read_text()) == content
        differences[f"configuration {name}"] = 0.0 if same else float("inf")
    return differences


def table(pythons: list[str]) -> None:
    """Prints the largest differences of every item and direction as a Markdown table."""
    names = [_lane(python) for python in pythons]
    with TemporaryDirectory() as temporary:
        for python, name in zip(pythons, names, strict=True):
            _run(python, "write", Path(temporary) / name)
        columns = {
            f"{writer} -> {reader}": json.loads(_run(python, "read", Path(temporary) / writer))
            for writer, (python, reader) in itertools.product(names, zip(pythons, names, strict=True))
        }
    print("| item |", " | ".join(columns), "|")
    print("| --- |", " | ".join(["---"] * len(columns)), "|")
    for item in next(iter(columns.values())):
        print(f"| {item} |", " | ".join(f"{column[item]:.1e}" for column in columns.values()), "|")


def _lane(python: str) -> str:
    code = "import tensorflow, keras; print(f'TF {tensorflow.__version__}, Keras {keras.__version__}')"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _run(python: str, command: str, folder: Path) -> str:
    done = subprocess.run([python, __file__, command, str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{python} {command}: {done.stderr[-3000:]}")
    return done.stdout


def _answers(folder: Path) -> Iterator[tuple[str, dict]]:
    """What this lane gets from all that lies in the folder: arrays by name, by item."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    from ulmfit_tfx.trainer_modules.serving.encoder_folder import load_language_model

    for model in sorted((folder / "saved_models").iterdir()):
        yield f"SavedModel {model.name}", _by_signature(tf.saved_model.load(str(model)).signatures)
        yield f"SavedModel {model.name}, in a TF1 session", _in_session(model)
    for encoder in sorted((folder / "encoders").iterdir()):
        loaded = load_language_model(encoder)
        yield f"encoder folder {encoder.name}", {"logits": np.array(loaded(np.array(IDS), training=False))}
    for checkpoint in sorted((folder / "checkpoints").iterdir()):
        yield f"training resumed, {checkpoint.name}", _train(checkpoint, checkpoint.name, saves=False)


def _by_signature(signatures) -> dict:
    """All outputs of all signatures of a loaded SavedModel, as `signature/output`."""
    import tensorflow as tf

    answers = {}
    for name, function in signatures.items():
        _, inputs = function.structured_input_signature
        given = {key: tf.constant(_fed(key), spec.dtype) for key, spec in inputs.items()}
        answers |= {f"{name}/{key}": value.numpy() for key, value in function(**given).items()}
    return answers


def _in_session(model: Path) -> dict:
    """The same, restored as BulkInferrer and TensorFlow Serving restore it."""
    import tensorflow as tf

    v1 = tf.compat.v1
    answers = {}
    with v1.Session(graph=tf.Graph()) as session:
        signatures = v1.saved_model.loader.load(session, ["serve"], str(model)).signature_def
        for name, signature in signatures.items():
            if name == "__saved_model_init_op":
                continue
            given = {tensor.name: _fed(key) for key, tensor in signature.inputs.items()}
            outputs = {key: tensor.name for key, tensor in signature.outputs.items()}
            answers |= {f"{name}/{key}": value for key, value in session.run(outputs, given).items()}
    return answers


def _fed(name: str) -> list:
    import tensorflow as tf

    if name in {"examples", "inputs"}:
        feature = [tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])) for text in TEXTS]
        examples = [tf.train.Example(features=tf.train.Features(feature={"text": each})) for each in feature]
        return [example.SerializeToString() for example in examples]
    return {"string_inputs": TEXTS, "words": WORDS, "numericalized": IDS}[name]


def _write_encoder(folder: Path, cell: str, spm_model: bytes) -> None:
    from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
    from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
    from ulmfit_tfx.trainer_modules.serving.encoder_folder import EncoderRecord, build, write_encoder
    from ulmfit_tfx.transforms.tokenization import Tokenizer

    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    record = EncoderRecord(_encoder_config(cell), tokenizer.vocab_size, tokenizer.special_ids.pad, "tied", None, 40, {})
    encoder, model = build(record)
    write_encoder(folder, encoder, model, tokenizer, record)


def _encoder_config(cell: str):
    from ulmfit_tfx.schemas.config.encoder import EncoderConfig

    return EncoderConfig(architecture=cell, embedding_size=8, hidden_sizes=(10, 8))


def _train(folder: Path, cell: str, saves: bool) -> dict:
    """Losses of a classifier's training steps from a checkpoint on, dropout and optimizer included.

    Args:
        folder: Of the checkpoint.
        cell: Of the encoder.
        saves: Train from scratch and write the checkpoint; otherwise go on from it.
    """
    import keras
    import numpy as np

    from ulmfit_tfx.schemas.config.head import HeadConfig
    from ulmfit_tfx.tasks.classification.model import build_classifier
    from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
    from ulmfit_tfx.trainer_modules.optimization.resumable import CheckpointFolder, TrainingState

    keras.utils.set_random_seed(0)
    model = build_classifier(build_encoder(_encoder_config(cell), 60, 1), HeadConfig(), 3)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    ids, labels = generator.integers(4, 60, (2 * STEPS, 8, 20)), generator.integers(0, 3, (2 * STEPS, 8))
    checkpoints = CheckpointFolder(folder)
    state = TrainingState() if saves else checkpoints.restore(model)
    steps = range(state.batch, STEPS if saves else 2 * STEPS)
    losses = []
    for step in steps:
        model.reset_metrics()  # Keras 3.9 gives the mean of all batches since, 3.15 that of the last one
        losses.append(float(model.train_on_batch(ids[step], labels[step])))
    if saves:
        checkpoints.save(model, TrainingState(batch=STEPS))
    return {"losses": np.array(losses), "weights": np.concatenate([np.ravel(each) for each in model.get_weights()])}


def _resolved_configs() -> dict[str, object]:
    """All fields of the examples' configurations."""
    from ulmfit_tfx.schemas.config.config_file import load_any_config

    examples = sorted((ROOT / "examples").glob("*.yaml"))
    return {path.stem: load_any_config(path).model_dump(mode="json") for path in examples}


def _put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, sort_keys=True))


def _file_of(folder: Path, item: str) -> Path:
    return folder / "answers" / f"{item.replace(' ', '_')}.npz"


def _write_answers(folder: Path, item: str, answers: dict) -> None:
    import numpy as np

    path = _file_of(folder, item)
    path.parent.mkdir(parents=True, exist_ok=True)
    as_strings = {name: _comparable(np.asarray(value)) for name, value in answers.items()}
    np.savez(path, **{name.replace("/", "|"): value for name, value in as_strings.items()})


def _written(folder: Path, item: str, name: str):
    import numpy as np

    with np.load(_file_of(folder, item), allow_pickle=False) as arrays:
        return arrays[name.replace("/", "|")]


def _comparable(array):
    """Bytes as numpy's strings, which need no pickle."""
    return array.astype("S") if array.dtype.kind in "OSU" else array


def _difference(found, written) -> float:
    import numpy as np

    found = _comparable(np.asarray(found))
    if found.shape != written.shape or found.dtype.kind != written.dtype.kind:
        return float("inf")
    if found.dtype.kind == "f":
        return float(np.max(np.abs(found - written) / np.maximum(np.abs(written), 1), initial=0.0))
    return 0.0 if np.array_equal(found, written) else float("inf")


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table(sys.argv[2:])
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        print(json.dumps(read(Path(sys.argv[2]))))
