"""Reads exported models: what they are and what they predict. Needs TensorFlow, tensorflow-text and no TFX."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ulmfit_tfx.schemas import signatures
from ulmfit_tfx.schemas.errors import ConfigError

_BATCH = 32

_FOLDERS = ("saved_model", "Format-Serving")
"""Below the folder that `import-encoder` writes and below TFX's model artifacts: where the SavedModel is."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A classifier's answer to one text.

    Attributes:
        text: The text.
        label: The most probable class.
        probabilities: Probability of each class.
    """

    text: str
    label: str
    probabilities: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Completion:
    """A language model's continuation of a text.

    Attributes:
        prompt: The text.
        continuation: What the model adds to it.
        log_probability: Of the pieces that it adds, in nats.
        pieces: Their number, `</s>` counted.
        ended: Whether the model ends the text there.
    """

    prompt: str
    continuation: str
    log_probability: float
    pieces: int
    ended: bool

    @property
    def log_probability_per_piece(self) -> float:
        """The mean of the pieces, by which continuations are ranked."""
        return self.log_probability / self.pieces


def find_model(path: str | Path) -> Path:
    """The SavedModel at a path, in its folder `saved_model` or `Format-Serving`, or the newest version below it.

    Raises:
        ConfigError: There is none.
    """
    path = Path(path)
    for candidate in (path, *(path / name for name in _FOLDERS)):
        if (candidate / "saved_model.pb").exists():
            return candidate
    versions = [child for child in path.glob("*/") if child.name.isdigit() and (child / "saved_model.pb").exists()]
    if not versions:
        what = "no such folder" if not path.exists() else "neither a SavedModel nor a folder of numbered versions"
        raise ConfigError(f"{path}: {what}. A run says at its end where its model is.")
    return max(versions, key=lambda version: int(version.name))


def read_info(model: str | Path) -> dict[str, Any]:
    """What the model says of itself; empty for a model of other origin."""
    import tensorflow as tf

    path = f"{model}/{signatures.MODEL_INFO_FILE}"
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


class Classifier:
    """A loaded classifier."""

    def __init__(self, model: str | Path):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It is no classifier.
        """
        self.signatures = load(model)
        served = self.signatures.get(signatures.SERVING_DEFAULT)
        if served is None or signatures.PROBABILITIES not in served.structured_outputs:
            raise ConfigError(
                f"{model}: has no signature 'serving_default' with probabilities, so it is no classifier."
            )
        self._serve = served

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts, in their order."""
        import tensorflow as tf

        predictions = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            outputs = self._serve(**{signatures.STRING_INPUTS: tf.constant(batch)})
            labels, classes, probabilities = (
                outputs[name].numpy() for name in (signatures.LABEL, signatures.ALL_CLASSES, signatures.PROBABILITIES)
            )
            for text, label, names, values in zip(batch, labels, classes, probabilities, strict=True):
                by_class = {name.decode(): float(value) for name, value in zip(names, values, strict=True)}
                predictions.append(Prediction(text, label.decode(), by_class))
        return predictions


class LanguageModel:
    """A loaded language model that reads forward."""

    def __init__(self, model: str | Path):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It is no language model, or one that only reads backward.
        """
        import sentencepiece
        import tensorflow as tf

        self.signatures = load(model)
        self._info = read_info(model)
        if signatures.NEXT_PIECE not in self.signatures:
            raise ConfigError(f"{model}: is {self._kind()}, expected a language model that reads forward.")
        [asset] = [name for name in tf.io.gfile.listdir(f"{model}/assets") if name.endswith(".model")]
        with tf.io.gfile.GFile(f"{model}/assets/{asset}", "rb") as file:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=file.read())

    def _kind(self) -> str:
        if signatures.PREVIOUS_PIECE in self.signatures:
            return "a language model that reads backward"
        task = self._info.get("task")
        if task == "encoder":
            return "an encoder without a language-model head"
        return f"a model for {task}" if task else "a model that ulmfit-tfx did not export"

    def complete(self, text: str, beams: int, pieces: int) -> list[Completion]:
        """Continues a text by beam search.

        The text stays as it is, and what is added is as the model writes: of a model that lower-cases, lower case.
        `<unk>`, `<pad>` and `<s>` are never added.

        Args:
            text: Also an empty one.
            beams: Continuations that are looked for.
            pieces: Where a continuation stops if the text does not end before.

        Returns:
            At most `beams`, the highest mean log probability of a piece first.
        """
        from ulmfit_tfx.trainer_modules.export.beam_search import beam_search

        prefix = self._pieces(text)
        eos, forbidden = self._ends()
        return [
            Completion(
                prompt=text,
                continuation=self._continuation(text, prefix, found.ids),
                log_probability=found.log_probability,
                pieces=len(found.ids),
                ended=found.ended,
            )
            for found in beam_search(self._next_log_probabilities, prefix, beams, pieces, eos, forbidden)
        ]

    def _pieces(self, text: str) -> list[int]:
        import tensorflow as tf

        outputs = self.signatures[signatures.NEXT_PIECE](**{signatures.STRING_INPUTS: tf.constant([text])})
        length = int(outputs[signatures.LENGTHS][0])
        return outputs[signatures.NUMERICALIZED][0, :length].numpy().tolist()

    def _next_log_probabilities(self, ids):
        import tensorflow as tf

        next_piece = self.signatures[signatures.NEXT_PIECE_NUMERICALIZED]
        return next_piece(**{signatures.NUMERICALIZED: tf.constant(ids)})[signatures.LOG_PROBABILITIES].numpy()

    def _ends(self) -> tuple[int | None, list[int]]:
        """Id of `</s>`, None where the model has not seen texts end, and the ids that are never added."""
        tokenizer = self._info["tokenizer"]
        special = tokenizer["special_ids"]
        eos = special["eos"] if tokenizer["add_eos"] else None
        return eos, [piece for piece in special.values() if piece >= 0 and piece != eos]

    def _continuation(self, text: str, prefix: list[int], added: tuple[int, ...]) -> str:
        # Decoded alone, the first word would lose the space before it.
        continuation = self._processor.decode([*prefix, *added])[len(self._processor.decode(prefix)) :]
        return continuation.lstrip() if text[-1:].isspace() else continuation


def load(model: str | Path) -> dict[str, Any]:
    """Signatures of a SavedModel, by name.

    Raises:
        ConfigError: It does not load.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the tokenizer's ops

    try:
        loaded = tf.saved_model.load(str(model))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ConfigError(f"{model}: the SavedModel does not load: {str(error).splitlines()[0]}") from None
    signatures_by_name = dict(loaded.signatures)
    for function in signatures_by_name.values():
        function.loaded_from = loaded  # a signature does not keep the variables it uses alive
    return signatures_by_name
