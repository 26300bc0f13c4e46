"""Reads exported models: what they are and what they predict. Needs TensorFlow, tensorflow-text and no TFX."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.trainer_modules.serving.length_batches import answer_in_order
from ulmfit_tfx.trainer_modules.serving.predictions import (
    Prediction,
    ScorePrediction,
    TagPrediction,
    read_classes,
    read_scores,
    read_tags,
)
from ulmfit_tfx.trainer_modules.serving.predictions import Span as Span
from ulmfit_tfx.trainer_modules.serving.predictions import TaggedWord as TaggedWord

if TYPE_CHECKING:
    import numpy as np

_FOLDERS = ("saved_model", "Format-Serving")
"""Below the folder that `import-encoder` writes and below TFX's model artifacts: where the SavedModel is."""

_AnyPath = TypeVar("_AnyPath", str, Path)


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


def find_model(path: _AnyPath) -> _AnyPath:
    """The SavedModel at a path, in its folder `saved_model` or `Format-Serving`, or the newest version below it.

    Args:
        path: Local; as a string, also on a file system that TensorFlow knows.

    Raises:
        ConfigError: There is none.
    """
    folder: str = str(path).rstrip("/")
    exists, isdir, listdir = _file_operations(folder)
    for candidate in (folder, *(f"{folder}/{name}" for name in _FOLDERS)):
        if exists(f"{candidate}/saved_model.pb"):
            return type(path)(candidate)
    names = [name.rstrip("/") for name in listdir(folder)] if isdir(folder) else []
    versions = [name for name in names if name.isdecimal() and exists(f"{folder}/{name}/saved_model.pb")]
    if not versions:
        what = "neither a SavedModel nor a folder of numbered versions" if exists(folder) else "no such folder"
        raise ConfigError(f"{path}: {what}. A run says at its end where its model is.")
    return type(path)(f"{folder}/{max(versions, key=int)}")


def _file_operations(path: str) -> tuple[Callable[[str], bool], Callable[[str], bool], Callable[[str], list[str]]]:
    """`exists`, `isdir` and `listdir`. TensorFlow is imported for a remote path alone: a wrong one is found at once."""
    if "://" not in path:
        return os.path.exists, os.path.isdir, os.listdir
    import tensorflow as tf

    return tf.io.gfile.exists, tf.io.gfile.isdir, tf.io.gfile.listdir


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
        self.info = read_info(model)
        self._serve = _serving_default(model, self.signatures, signatures.PROBABILITIES, "classifier")

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts, in their order."""
        separator = self.info.get("details", {}).get("label_separator")
        return answer_in_order(texts, len, lambda batch: read_classes(batch, _answers(self._serve, batch), separator))


class Regressor:
    """A loaded regressor."""

    def __init__(self, model: str | Path):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It is no regressor.
        """
        self.signatures = load(model)
        self.info = read_info(model)
        self._serve = _serving_default(model, self.signatures, signatures.ALL_TARGETS, "regressor")

    def predict(self, texts: Sequence[str]) -> list[ScorePrediction]:
        """Scores texts, in their order."""
        return answer_in_order(texts, len, lambda batch: read_scores(batch, _answers(self._serve, batch)))


class Tagger:
    """A loaded tagger."""

    def __init__(self, model: str | Path):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It is no tagger.
        """
        self.signatures = load(model)
        self.info = read_info(model)
        self._serve = _serving_default(model, self.signatures, signatures.ALL_TAGS, "tagger")

    def predict(self, texts: Sequence[str]) -> list[TagPrediction]:
        """Cuts texts into words and tags these, in their order."""
        return answer_in_order(texts, len, lambda batch: read_tags(batch, _answers(self._serve, batch)))

    def predict_words(self, sequences: Sequence[Sequence[str]]) -> list[TagPrediction]:
        """Tags words that are already split; sequences in their order.

        Raises:
            ValueError: A word is empty, which to the model is padding.
        """
        if not all(map(all, sequences)):
            raise ValueError("a word is empty, expected words of at least one character.")
        return answer_in_order(sequences, lambda words: sum(map(len, words)), self._tag_words)

    def _tag_words(self, sequences: Sequence[Sequence[str]]) -> list[TagPrediction]:
        import tensorflow as tf

        columns = max(1, *map(len, sequences))
        padded = [[*words, *[""] * (columns - len(words))] for words in sequences]
        outputs = self.signatures[signatures.TAG_WORDS](**{signatures.WORDS: tf.constant(padded)})
        return read_tags([" ".join(words) for words in sequences], _as_arrays(outputs))


_KINDS: dict[str, type[Classifier] | type[Regressor] | type[Tagger]] = {
    "classification": Classifier,
    "regression": Regressor,
    "tagging": Tagger,
}
"""By task."""


def load_predictor(model: str | Path) -> Classifier | Regressor | Tagger:
    """Loads a SavedModel as what its information file says it is.

    Raises:
        ConfigError: It is neither a classifier, nor a regressor, nor a tagger, or it does not load.
    """
    info = read_info(model)
    if not info:
        load(model)  # where that fails, it is damaged rather than foreign
    check_has_task(model, info)
    return _KINDS[info["task"]](model)


def check_has_task(model: str | Path, info: Mapping[str, Any]) -> None:
    """Demands a model that predicts something of texts.

    Args:
        model: To be named.
        info: As `read_info` gives it.

    Raises:
        ConfigError: It is neither a classifier, nor a regressor, nor a tagger.
    """
    task = info.get("task")
    if task in _KINDS:
        return
    others = {
        "encoder": "an encoder without a task head",
        "language_model": "a language model (`ulmfit-tfx complete` continues texts with it)",
    }
    is_what = others.get(str(task), "a model that ulmfit-tfx did not export")
    raise ConfigError(f"{model}: is {is_what}, expected a classifier, a regressor or a tagger.")


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
        from ulmfit_tfx.trainer_modules.serving.beam_search import beam_search

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


def _serving_default(model: str | Path, loaded: Mapping[str, Any], output: str, kind: str) -> Any:
    served = loaded.get(signatures.SERVING_DEFAULT)
    if served is None or output not in served.structured_outputs:
        raise ConfigError(f"{model}: has no signature 'serving_default' with {output}, so it is no {kind}.")
    return served


def _answers(serve: Any, texts: Sequence[str]) -> dict[str, "np.ndarray"]:
    import tensorflow as tf

    return _as_arrays(serve(**{signatures.STRING_INPUTS: tf.constant(list(texts))}))


def _as_arrays(outputs: Mapping[str, Any]) -> dict[str, "np.ndarray"]:
    return {name: tensor.numpy() for name, tensor in outputs.items()}
