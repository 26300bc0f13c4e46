"""What a model says of itself, in `assets.extra/ulmfit_tfx.json` of its SavedModel.

Importing this loads no TensorFlow: reading does.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError
from typing_extensions import Self

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.section import Direction
from ulmfit_tfx.trainer_modules.serving.signature_names import MODEL_INFO_FILE

ENCODER, LANGUAGE_MODEL = "encoder", "language_model"
"""`task` of the models that are written below `ulmfit_tfx.tasks`: encoders, and language models around them."""


class _Record(BaseModel):
    """What a later version adds to the file is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Details(_Record):
    """What only models of one task have to say. A task that has such facts names them in a class of its own."""


class BranchInfo(_Record):
    """A branch of a model.

    Attributes:
        name: As in `head.branches`, with the direction where there are two recurrent ones.
        weight: What its outputs are multiplied by before they are added up.
        loss: Of it alone, mean of train rows that it was not fitted on.
        parameters: Numbers that were fitted for it.
    """

    name: str
    weight: float
    loss: float
    parameters: int


class ModelDescription(_Record):
    """What a training says of its model. `saved_model.save` adds the rest of `ModelInfo`.

    Attributes:
        task: Its name; `encoder` where there is no head.
        encoder: The encoder's configuration. Where there are two, that of the forward one.
        max_seq_len: Pieces that the task looks at.
        fixed_seq_len: T of the encoder signatures; None: the longest text of the batch.
        labels: Names of the classes or tags in the order of the probabilities.
        directions: In which its encoders read.
        details: What else there is to know of a model of this task.
        branches: What is added up to an answer; none where there is the recurrent model alone.
    """

    task: str
    encoder: EncoderConfig
    max_seq_len: int
    fixed_seq_len: int | None
    labels: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ("forward",)
    details: SerializeAsAny[Details] = Details()
    branches: tuple[BranchInfo, ...] = ()


class TokenizerInfo(_Record):
    """What a model says of its tokenizer.

    Attributes:
        model_type: Of SentencePiece, such as `unigram`.
        vocab_size: Pieces.
        special_ids: By name, `unk`, `pad`, `bos`, `eos`; -1 where the tokenizer has no such piece.
        add_bos: Whether texts begin with `<s>`.
        add_eos: Whether they end with `</s>`.
        separator: Cuts a text into parts, each with its own marks. None: nothing does.
        sha256: Of the SentencePiece model.
    """

    model_type: str
    vocab_size: int
    special_ids: dict[str, int]
    add_bos: bool
    add_eos: bool
    separator: str | None = None
    sha256: str


class ModelInfo(ModelDescription):
    """All that a model says of itself. Each task has a class with `details` of its own, see `ulmfit_tfx.tasks`.

    Attributes:
        version: Of ulmfit-tfx, which wrote the model.
        tokenizer: Sizes and special ids.
        cleaning: What is done to texts before they are tokenized.
        weights: Their names, in the order in which `variables/` holds them.
    """

    version: str
    tokenizer: TokenizerInfo
    cleaning: CleaningConfig
    weights: tuple[str, ...]

    @classmethod
    def of(cls, content: Mapping[str, Any], model: str | Path) -> Self:
        """What a file says.

        Args:
            content: Of the file.
            model: To be named.

        Raises:
            DataError: It is not what `saved_model.save` writes.
        """
        try:
            directions = content.get("directions", [content["encoder"]["direction"]])  # the first models had but one
            return cls.model_validate({**content, "directions": directions})
        except (ValidationError, KeyError, TypeError) as error:
            said = " ".join(str(error).split())
            raise DataError(f"{model}: {MODEL_INFO_FILE} is not what ulmfit-tfx writes: {said}") from None


class EncoderInfo(ModelInfo):
    """Of a model that is an encoder alone."""

    task: Literal["encoder"]


def read_content(model: str | Path) -> dict[str, Any] | None:
    """The file of a SavedModel as it stands there; None where a model has none, so that ulmfit-tfx did not write it.

    Args:
        model: Folder, local or remote.

    Raises:
        DataError: It is no JSON object.
    """
    import tensorflow as tf

    path = f"{model}/{MODEL_INFO_FILE}"
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        try:
            content = json.loads(file.read())
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {type(content).__name__}, expected an object.")
    return content
