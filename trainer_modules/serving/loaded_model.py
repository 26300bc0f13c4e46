"""Reads exported models: where they are, their signatures, what they answer.

Needs TensorFlow, tensorflow-text and no TFX. Importing this loads none of them.
"""

import abc
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.trainer_modules.serving.length_batches import answer_in_order
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.trainer_modules.serving.text_series import Texts, checked_texts
from ulmfit_tfx.transforms.records.record import Row

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Outputs = Mapping[str, "np.ndarray"]
"""Outputs of a signature by name, the first axis being the batch."""

Columns = dict[str, Any]
"""Of a table, by their names: numbers as arrays, all else as lists."""

InfoT = TypeVar("InfoT", bound=ModelInfo)
"""What models of a task say of themselves."""
AnswerT = TypeVar("AnswerT")
"""What they answer a text."""

_FOLDERS = ("saved_model", "Format-Serving")
"""Below the folder that `import-encoder` writes and below TFX's model artifacts: where the SavedModel is."""

_AnyPath = TypeVar("_AnyPath", str, Path)


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
    if not is_remote(path):
        return os.path.exists, os.path.isdir, os.listdir
    import tensorflow as tf

    return tf.io.gfile.exists, tf.io.gfile.isdir, tf.io.gfile.listdir


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


class Predictor(abc.ABC, Generic[InfoT, AnswerT]):
    """A loaded model that answers texts.

    Attributes:
        noun: What such a model is called.
        output: Of `serving_default`, by which such a model is told.
        signatures: By name.
        info: What the model says of itself.
    """

    noun: ClassVar[str]
    output: ClassVar[str]

    def __init__(self, model: str | Path, info: InfoT):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It does not load, or its signatures are those of another kind of model.
        """
        self.signatures = load(model)
        self.info = info
        served = self.signatures.get(signatures.SERVING_DEFAULT)
        if served is None or self.output not in served.structured_outputs:
            raise ConfigError(
                f"{model}: has no signature 'serving_default' with {self.output}, so it is no {self.noun}."
            )
        self._serve = served

    def predict(self, texts: Texts) -> "pd.DataFrame":
        """Answers texts, as a table.

            reviews.join(model.predict(reviews["text"]))

        Args:
            texts: A list, a tuple, a numpy array or a pandas Series, answered in batches of like length.

        Returns:
            A row a text, in their order, with the index of a Series. The columns are those of `columns`.

        Raises:
            DataError: One of them is no text, such as None or NaN. The message says which.
        """
        values, index = checked_texts(texts)
        return self._table(self.answer(values), index)

    def answer(self, texts: Sequence[str]) -> list[AnswerT]:
        """Answers texts, in their order, as objects."""
        return answer_in_order(texts, len, self._answer)

    @staticmethod
    @abc.abstractmethod
    def columns(answers: Sequence[Any], info: Any) -> Columns:
        """Answers as the columns of a table: numbers as arrays, all else as lists.

        Args:
            answers: Any number, also none.
            info: What the model says of itself.
        """

    def _table(self, answers: Sequence[AnswerT], index: "pd.Index | None") -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        columns = {
            name: pd.Series(values, index=index, dtype=None if isinstance(values, np.ndarray) else object)
            for name, values in self.columns(answers, self.info).items()
        }
        return pd.DataFrame(columns, index=index)

    def answer_rows(self, rows: Sequence[Row]) -> list[AnswerT]:
        """Answers rows, of which it sees no labels."""
        return self.answer([row.text for row in rows])

    def _answer(self, texts: Sequence[str]) -> list[AnswerT]:
        import tensorflow as tf

        outputs = as_arrays(self._serve(**{signatures.STRING_INPUTS: tf.constant(list(texts))}))
        return self.read(texts, outputs, self.info)

    @staticmethod
    @abc.abstractmethod
    def read(texts: Sequence[str], outputs: Outputs, info: Any) -> list[Any]:
        """Answers to texts out of a signature's outputs.

        Args:
            texts: What the signature was given, B of them.
            outputs: Of `serving_default` or `serving_examples`: labels and counts may be [B] or [B,1].
            info: What the model says of itself.
        """

    @staticmethod
    @abc.abstractmethod
    def from_json(values: Mapping[str, Any]) -> Any:
        """The answer whose fields a JSON line holds: what `dataclasses.asdict` made of it."""


def numbers(values: Iterable[float]) -> "np.ndarray":
    """A column of numbers."""
    import numpy as np

    return np.fromiter(values, "float64")


def as_arrays(outputs: Mapping[str, Any]) -> dict[str, "np.ndarray"]:
    """Outputs of a signature as NumPy's arrays."""
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def by_name(keys: "np.ndarray", values: "np.ndarray") -> dict[str, float]:
    """Numbers by their names, from bytes [names] and float [names]."""
    return {name: float(value) for name, value in zip(decoded(keys), values, strict=True)}


def decoded(strings: "np.ndarray") -> list[str]:
    """Texts from UTF-8 bytes [strings]."""
    return [string.decode() for string in strings]
